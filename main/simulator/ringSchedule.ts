import type { Plan } from '../../kernels/plan/plan.ts'

/** What a rank and its outgoing link do per second. */
export interface SimulationRates {
  /** Attention rate of each rank, in GFLOP/s (one operation per ns). */
  readonly gflopsPerRank: number
  /** Null: a hop takes no time. */
  readonly link: { readonly bandwidthGBps: number; readonly latencyUs: number } | null
}

/**
 * Times of one pass, ns from its start, not rounded. Arrays are indexed step * world + rank, see {@link scheduleAt}.
 * A hop is filed under the rank that sends it.
 */
export interface RingSchedule {
  readonly world: number
  /** When the rank begins the step: it holds the block, and the slot for the next one is free. */
  readonly enterNs: Float64Array
  /** End of the attention proper, before a straggler's delay. */
  readonly attendEndNs: Float64Array
  readonly computeEndNs: Float64Array
  /** First byte sent; NaN at the last step, which sends nothing. */
  readonly hopStartNs: Float64Array
  /** Last byte sent: from here the sender may write the block's slot again. */
  readonly hopSentNs: Float64Array
  /** Last byte arrived; the first one did `latencyNs` after it was sent. */
  readonly hopArrivedNs: Float64Array
  readonly latencyNs: number
  readonly makespanNs: number
}

export const scheduleAt = (world: number, rank: number, step: number): number => step * world + rank

/**
 * The asynchronous ring with rendezvous, as the executor runs it. A hop starts when the sender holds the block and its
 * loop reached the step (with overlap) or finished its compute (without), the receiver has posted its slot likewise,
 * and the link is free. Its last byte leaves bytes / B later and arrives the latency after that: the executor's emulated
 * link (kernels/transport/emulatedLink.ts). A rank's next step starts when its compute, its receive and its send are done.
 * With free communication the makespan is Σ over steps of the most loaded rank's work for the contiguous, striped and
 * zigzag layouts, since the last rank is critical at every step.
 */
export function ringSchedule(plan: Plan, rates: SimulationRates, overlap: boolean,
  stragglers: Readonly<Record<string, number>>): RingSchedule {
  const { world } = plan
  const size = world * world
  const enterNs = new Float64Array(size)
  const attendEndNs = new Float64Array(size)
  const computeEndNs = new Float64Array(size)
  const hopStartNs = new Float64Array(size).fill(Number.NaN)
  const hopSentNs = new Float64Array(size).fill(Number.NaN)
  const hopArrivedNs = new Float64Array(size).fill(Number.NaN)
  const { link } = rates
  // One byte per ns is one GB/s.
  const wireNs = link === null ? 0 : plan.bytesPerHop / link.bandwidthGBps
  const latencyNs = link === null ? 0 : link.latencyUs * 1000
  const slowDown = plan.ranks.map(({ rank }) => stragglers[String(rank)] ?? 1)

  for (let step = 0; step < world; step++) {
    for (let rank = 0; rank < world; rank++) {
      const at = scheduleAt(world, rank, step)
      const attendNs = (plan.ranks[rank].steps[step].pairs * plan.flopsPerPair) / rates.gflopsPerRank
      attendEndNs[at] = enterNs[at] + attendNs
      computeEndNs[at] = enterNs[at] + attendNs * slowDown[rank]
    }
    if (step === world - 1) break
    for (let rank = 0; rank < world; rank++) {
      const at = scheduleAt(world, rank, step)
      const receiver = scheduleAt(world, (rank + 1) % world, step)
      const reached = overlap ? enterNs : computeEndNs
      // The link is free: the rank entered this step only after its previous send was done.
      hopStartNs[at] = Math.max(reached[at], reached[receiver])
      hopSentNs[at] = hopStartNs[at] + wireNs
      hopArrivedNs[at] = hopStartNs[at] + latencyNs + wireNs
    }
    for (let rank = 0; rank < world; rank++) {
      const at = scheduleAt(world, rank, step)
      const sender = scheduleAt(world, (rank + world - 1) % world, step)
      enterNs[scheduleAt(world, rank, step + 1)] = Math.max(computeEndNs[at], hopSentNs[at], hopArrivedNs[sender])
    }
  }
  let makespanNs = 0
  for (let rank = 0; rank < world; rank++) makespanNs = Math.max(makespanNs, computeEndNs[scheduleAt(world, rank, world - 1)])
  return { world, enterNs, attendEndNs, computeEndNs, hopStartNs, hopSentNs, hopArrivedNs, latencyNs, makespanNs }
}
