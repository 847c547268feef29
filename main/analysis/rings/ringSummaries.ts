import type { RingSummary } from '../../../preload/contract/analysis.ts'
import type { Communication } from '../../comm/comm.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { type Intervals, IntervalList, subtract, totalLength, union } from '../intervals.ts'
import { guessLayout, launchesOf, workOf } from './layoutGuess.ts'
import type { RingPass } from './ringPasses.ts'
import { median } from '../statistics.ts'
import { type ComputeOf, kernelsOf, within } from './traceSteps.ts'

const NS_PER_US = 1000

/** Passes that are the same ring going the same way, in order of time. */
function ringsOf(passes: readonly RingPass[]): RingPass[][] {
  const key = ({ cycle, pass, group, steps }: RingPass): string => `${cycle.join(' ')} ${pass} ${steps.length} ${group}`
  const rings = [...Map.groupBy(passes, key).values()]
  const total = (ring: readonly RingPass[]): number => ring.reduce((sum, pass) => sum + lengthNs(pass, 0), 0)
  const members = ({ ranks }: RingPass): string => [...ranks].sort((a, b) => a - b).join(' ')
  const bySize = Map.groupBy(rings, ([first]) => members(first))
  return [...bySize.values()]
    .sort((a, b) => b.reduce((sum, ring) => sum + total(ring), 0) - a.reduce((sum, ring) => sum + total(ring), 0))
    .flatMap((own) => own.sort((a, b) => Number(a[0].pass === 'backward') - Number(b[0].pass === 'backward') || b.length - a.length))
}

const lengthNs = ({ steps }: RingPass, position: number): number =>
  Math.max(...steps.map(({ endNs }) => endNs[position])) - steps[0].startNs[position]

interface RankTotals {
  ringNs: number
  exposedWaitNs: number
  exposedTransferNs: number
  estimated: boolean
  readonly waitedForNs: Map<number, number>
}

function timesOf(passes: readonly RingPass[], communication: Communication, computeOf: ComputeOf): RingSummary['times'] {
  const totals = new Map<number, RankTotals>()
  for (const pass of passes) {
    pass.ranks.forEach((rank, position) => {
      let own = totals.get(rank)
      if (own === undefined) totals.set(rank, own = { ringNs: 0, exposedWaitNs: 0, exposedTransferNs: 0, estimated: false, waitedForNs: new Map() })
      own.ringNs += lengthNs(pass, position)
      const [waits, transfers] = [new IntervalList(), new IntervalList()]
      for (const kernel of pass.steps.flatMap((step) => kernelsOf(step, position))) {
        const { startNs, endNs } = communication.kernels[kernel]
        const { waitNs, method, waitedFor } = communication.splits[kernel]
        waits.add(startNs, startNs + waitNs)
        transfers.add(startNs + waitNs, endNs)
        if (waitNs > 0 && method === 'estimate') own.estimated = true
        if (waitedFor !== null) own.waitedForNs.set(waitedFor, (own.waitedForNs.get(waitedFor) ?? 0) + waitNs)
      }
      const exposed = (list: IntervalList): Intervals => {
        const all = union(list.raw())
        return all.starts.length === 0 ? all : subtract(all, within(computeOf(rank), all.starts[0], all.ends[all.ends.length - 1]))
      }
      const transferring = exposed(transfers)
      own.exposedTransferNs += totalLength(transferring)
      // With gradients beside K/V one kernel may wait while another moves bytes: then the wire is in use.
      own.exposedWaitNs += totalLength(subtract(exposed(waits), transferring))
    })
  }
  return [...totals].sort(([a], [b]) => a - b).map(([rank, own]) => ({
    rank, ringUs: own.ringNs / NS_PER_US, exposedWaitUs: own.exposedWaitNs / NS_PER_US, exposedTransferUs: own.exposedTransferNs / NS_PER_US,
    waitedFor: [...own.waitedForNs].reduce<readonly [number | null, number]>((best, each) => (each[1] > best[1] ? each : best), [null, 0])[0],
    estimated: own.estimated,
  }))
}

const circle = (cycle: readonly number[]): string =>
  cycle.length > 8 ? `${cycle.slice(0, 7).join(' → ')} → … → ${cycle.at(-1)} → ${cycle[0]}` : [...cycle, cycle[0]].join(' → ')

function orderEvidence({ cycle, size, orderFrom, ranks }: RingPass, kernels: number): string {
  const known = cycle.length === size
  switch (orderFrom) {
    case 'source and destination': return `Source and destination of ${kernels} SendRecv kernels make a circle of ${size} ranks: ${circle(cycle)}`
    case 'process group': return `${kernels} SendRecv kernels of a process group of ${size} ranks name no neighbours: each rank is taken to send to the group's next, ${circle(cycle)}`
    case 'rank numbers': return known && ranks.length > 1
      ? `${kernels} SendRecv kernels match by their order on ${ranks.length} ranks and name no neighbours: each rank is taken to send to the next higher one`
      : `${kernels} SendRecv kernels name no neighbours; the repeating pattern implies a ring of ${size} ranks`
  }
}

function passEvidence(ring: readonly RingPass[]): string {
  const [{ steps, pass, passFrom, size }] = ring
  const hops = steps.reduce((sum, step) => sum + kernelsOf(step, 0).length, 0)
  const window = steps.length < size ? ', fewer than the ring has ranks, as under a lookback window' : ''
  const why = passFrom === 'kernel names' ? `attention kernels are named ${pass} ones` : `${pass}, by the number of hops`
  return `${ring.length} ${ring.length === 1 ? 'pass' : 'passes'} of ${steps.length} steps${window}, each with ${hops} ${hops === 1 ? 'kernel' : 'kernels'} on a rank; ${why}`
}

/** The rings of an imported trace: what was recognised, why, and how each rank's time in them divides. The one with most time first, forward before backward. */
export function ringSummaries(timeline: Timeline, passes: readonly RingPass[], communication: Communication, computeOf: ComputeOf): RingSummary[] {
  return ringsOf(passes).map((ring): RingSummary => {
    const [first] = ring
    const kernels = ring.flatMap(({ steps, ranks }) => steps.flatMap((step) => ranks.flatMap((_, position) => kernelsOf(step, position))))
    const bytes = ring.flatMap(({ steps }) => steps.flatMap((step) => step.kernels.flatMap((at) => (at === null ? [] : communication.kernels[at].bytes ?? []))))
    const { ranks, work, noise } = workOf(ring)
    const inOrder = [...first.cycle].sort((a, b) => a - b)
    const guess = first.cycle.length === first.size && first.steps.length === first.size
      ? guessLayout(work, noise, ranks.map((rank) => inOrder.indexOf(rank)), first.size, launchesOf(timeline, first))
      : { layout: null, evidence: ['The layout cannot be told without knowing the place of each rank in the whole ring'] }
    const missing = first.size - first.ranks.length
    return {
      group: first.group, ranks: first.ranks, world: timeline.trace?.world ?? first.size, pass: first.pass, passes: ring.length, steps: first.steps.length,
      bytesPerHop: bytes.length === 0 ? null : median(bytes), layout: guess.layout,
      evidence: [
        orderEvidence(first, kernels.length), passEvidence(ring),
        ...(missing > 0 ? [`Traces of ${missing} of the ${first.size} ranks are not open`] : []),
        ...guess.evidence,
      ],
      times: timesOf(ring, communication, computeOf),
    }
  })
}

/** The passes whose steps are shown: those of the first ring's ranks. */
export function shownPasses(passes: readonly RingPass[], rings: readonly RingSummary[]): RingPass[] {
  const shown = new Set(rings.at(0)?.ranks)
  return passes.filter(({ ranks }) => ranks.length === shown.size && ranks.every((rank) => shown.has(rank)))
}
