import type { RingTraceOptions } from './ringOptions.ts'
import { seededRandom } from '../../../kernels/seededRandom.ts'
import type { Operation } from './ringProgram.ts'

/** One operation of one rank, in true time: integer ns from the start of the job. */
export interface Happening {
  readonly operation: Operation
  /** Position in the ring. */
  readonly position: number
  readonly launchStartNs: number
  readonly launchEndNs: number
  readonly startNs: number
  readonly endNs: number
  /** Of communication: until the last one that it needs has entered; the rest is transfer. */
  readonly waitNs: number
  /** Position that was waited for longest; null where there was no wait. */
  readonly waitedFor: number | null
}

const LAUNCH_LATENCY_NS = 2500
/** Between iterations the host does other things: reads a batch, logs. */
const BETWEEN_ITERATIONS_NS = 150_000

interface RankState {
  hostNs: number
  readonly streamFreeNs: Map<number, number>
  readonly endNs: number[]
  deviceEndNs: number
}

/**
 * Runs the program on all ranks. Every rank launches the same operations in the same order and only operations of one
 * position in the program meet, so the ranks can be walked through it in step: no event is ever out of order.
 * @returns by rank, then in the order of the program; what a rank leaves out is missing.
 */
export function simulateRing(program: readonly Operation[], options: RingTraceOptions): Happening[][] {
  const { world, startJitterNs, launchGapNs, hostNsPerLaunch } = options
  const random = seededRandom(options.seed)
  const upTo = (ns: number): number => Math.floor(random() * ns)
  const ranks: RankState[] = Array.from({ length: world }, () => ({
    hostNs: 1_000_000 + upTo(startJitterNs), streamFreeNs: new Map(), endNs: [], deviceEndNs: 0,
  }))
  const happenings: Happening[][] = ranks.map(() => [])

  for (const [at, operation] of program.entries()) {
    const launches = ranks.map((rank, position) => {
      if (operation.begins) rank.hostNs = Math.max(rank.hostNs, rank.deviceEndNs) + BETWEEN_ITERATIONS_NS + upTo(startJitterNs)
      const launchStartNs = rank.hostNs
      const left = operation.durationNs[position] === 0
      if (!left) rank.hostNs += hostNsPerLaunch + upTo(hostNsPerLaunch / 4)
      const free = rank.streamFreeNs.get(operation.stream)
      const freeNs = free === undefined ? 0 : free + 1000 + upTo(launchGapNs)
      const readyNs = operation.after.reduce((latest, before) => Math.max(latest, rank.endNs[before] + 500), freeNs)
      return { left, launchStartNs, launchEndNs: rank.hostNs, startNs: Math.max(readyNs, rank.hostNs + LAUNCH_LATENCY_NS) }
    })
    const meetings = meetingsOf(operation, launches.map(({ startNs }) => startNs), options, random)
    for (const [position, rank] of ranks.entries()) {
      const { left, launchStartNs, launchEndNs, startNs } = launches[position]
      if (left) {
        // What would have waited for it waits for what it would have waited for.
        rank.endNs[at] = operation.after.reduce((latest, before) => Math.max(latest, rank.endNs[before]), 0)
        continue
      }
      const { endNs, waitNs, waitedFor } = meetings[position]
      rank.endNs[at] = endNs
      rank.streamFreeNs.set(operation.stream, endNs)
      rank.deviceEndNs = Math.max(rank.deviceEndNs, endNs)
      happenings[position].push({ operation, position, launchStartNs, launchEndNs, startNs, endNs, waitNs, waitedFor })
    }
  }
  return happenings
}

interface Meeting {
  readonly endNs: number
  readonly waitNs: number
  readonly waitedFor: number | null
}

/** When an operation ends on each rank that entered it at `enteredNs`. */
function meetingsOf(operation: Operation, enteredNs: readonly number[], options: RingTraceOptions, random: () => number): Meeting[] {
  const { world, rendezvous, transferJitter, jitterPower } = options
  const jittered = (ns: number): number => Math.round(ns * (1 + transferJitter * random() ** jitterPower))
  const waiting = (position: number, needed: readonly number[], endNs: number): Meeting => {
    let latest = position
    for (const other of needed) if (enteredNs[other] > enteredNs[latest]) latest = other
    return { endNs, waitNs: enteredNs[latest] - enteredNs[position], waitedFor: latest === position ? null : latest }
  }
  switch (operation.kind) {
    case 'kernel': case 'copy':
      return enteredNs.map((entered, position) => ({ endNs: entered + operation.durationNs[position], waitNs: 0, waitedFor: null }))
    case 'all-reduce': {
      const endNs = Math.max(...enteredNs) + jittered(operation.durationNs[0])
      const everyone = enteredNs.map((_, position) => position)
      return everyone.map((position) => waiting(position, everyone, endNs))
    }
    case 'send-recv': {
      // Transfer p goes from position p to the next one.
      const doneNs = enteredNs.map((entered, position) =>
        Math.max(entered, enteredNs[(position + 1) % world]) + jittered(operation.durationNs[position]))
      return enteredNs.map((_, position) => {
        const previous = (position + world - 1) % world
        return rendezvous === 'receive'
          ? waiting(position, [previous], doneNs[previous])
          : waiting(position, [previous, (position + 1) % world], Math.max(doneNs[previous], doneNs[position]))
      })
    }
  }
}
