import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import type { TraceRankFigures } from '../../preload/contract/analysis.ts'
import { type HtaKind, htaKind } from '../classify/htaKinds.ts'
import type { Communication } from '../comm/comm.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { intersect, IntervalList, type Intervals, NO_INTERVALS, subtract, totalLength, union, unite } from './intervals.ts'
import { deviceLanes, rankOfLane, ranksOfTrace } from './traceRanks.ts'

const NS_PER_US = 1000

/** Computing, communicating, moving memory, and anything else, in this order. */
const CLASSES = 4
const CLASS_OF_HTA: Readonly<Record<HtaKind, number>> = { computation: 0, communication: 1, memory: 2, other: 3 }
const classOfCategory = (category: number): number =>
  category === CATEGORY_CODE.compute ? 0 : category === CATEGORY_CODE.communication ? 1 : category === CATEGORY_CODE.memory ? 2 : 3

/** Intervals as recorded: any order, overlaps and empty ones among them. */
interface Bounds {
  readonly starts: Float64Array
  readonly ends: Float64Array
}

/** What one way of classifying makes of a rank's spans. */
interface Breakdown {
  readonly spanUs: number
  readonly computeUs: number
  readonly commUs: number
  readonly memoryUs: number
  readonly idleUs: number
  readonly overlapUs: number
  readonly overlapRatio: number | null
  readonly exposedCommUs: number
  /** U(comm) \\ U(compute), what exposedCommUs is the length of. */
  readonly exposed: Intervals
}

/** @param bounds a rank's spans by class, as recorded. */
function breakdownOf(bounds: readonly Bounds[]): Breakdown {
  const [compute, comm, memory, other] = bounds.map(union)
  // Empty spans are in no union, but a rank's time reaches to them.
  let firstNs = Number.POSITIVE_INFINITY
  let lastNs = Number.NEGATIVE_INFINITY
  for (const { starts, ends } of bounds) {
    for (let at = 0; at < starts.length; at++) {
      if (starts[at] < firstNs) firstNs = starts[at]
      if (ends[at] > lastNs) lastNs = ends[at]
    }
  }
  const spanNs = lastNs > firstNs ? lastNs - firstNs : 0
  const commNs = totalLength(comm)
  const overlapNs = totalLength(intersect(comm, compute))
  const exposed = subtract(comm, compute)
  return {
    spanUs: spanNs / NS_PER_US,
    computeUs: totalLength(compute) / NS_PER_US,
    commUs: commNs / NS_PER_US,
    memoryUs: totalLength(memory) / NS_PER_US,
    idleUs: (spanNs - totalLength([comm, memory, other].reduce(unite, compute))) / NS_PER_US,
    overlapUs: overlapNs / NS_PER_US,
    overlapRatio: commNs === 0 ? null : overlapNs / commNs,
    exposedCommUs: totalLength(exposed) / NS_PER_US,
    exposed,
  }
}

/**
 * The spans of every slot, in two passes over the columns: count, then fill.
 * @param slotOf the slot of a span, or -1.
 */
function gather({ spans }: Timeline, slots: number, slotOf: (span: number) => number): Bounds[] {
  const counts = new Uint32Array(slots)
  for (let span = 0; span < spans.count; span++) {
    const slot = slotOf(span)
    if (slot >= 0) counts[slot]++
  }
  const bounds = Array.from(counts, (count): Bounds => ({ starts: new Float64Array(count), ends: new Float64Array(count) }))
  counts.fill(0)
  for (let span = 0; span < spans.count; span++) {
    const slot = slotOf(span)
    if (slot < 0) continue
    const at = counts[slot]++
    bounds[slot].starts[at] = spans.startNs[span]
    bounds[slot].ends[at] = spans.startNs[span] + spans.durationNs[span]
  }
  return bounds
}

/** HTA's kind by name, worked out once a name. */
function htaClasses({ strings }: Timeline): (name: number) => number {
  const known = new Int8Array(strings.length).fill(-1)
  return (name) => {
    if (known[name] < 0) known[name] = CLASS_OF_HTA[htaKind(strings[name])]
    return known[name]
  }
}

function someSpan({ spans }: Timeline, holds: (span: number) => boolean): boolean {
  for (let span = 0; span < spans.count; span++) if (holds(span)) return true
  return false
}

interface Waits {
  waitNs: number
  transferNs: number
  collectiveWaitNs: number
  collectiveTransferNs: number
  estimatedWaitNs: number
  /** While a kernel waits, and while bytes move. */
  readonly waiting: IntervalList
  readonly moving: IntervalList
}

/** How the communication kernels of each rank divide; by position in `ranks`. */
function waitsOf({ spans }: Timeline, { kernels, splits }: Communication, groupOf: Int32Array, groups: number): Waits[] {
  const waits = Array.from({ length: groups }, (): Waits =>
    ({ waitNs: 0, transferNs: 0, collectiveWaitNs: 0, collectiveTransferNs: 0, estimatedWaitNs: 0, waiting: new IntervalList(), moving: new IntervalList() }))
  for (const { kernel, waitNs, transferNs, method } of splits) {
    const { span, kind } = kernels[kernel]
    const group = groupOf[spans.lane[span]]
    if (group < 0) continue
    const own = waits[group]
    if (kind === 'send-recv') {
      own.waitNs += waitNs
      own.transferNs += transferNs
    } else {
      own.collectiveWaitNs += waitNs
      own.collectiveTransferNs += transferNs
    }
    if (method === 'estimate') own.estimatedWaitNs += waitNs
    const startNs = spans.startNs[span]
    own.waiting.add(startNs, startNs + waitNs)
    own.moving.add(startNs + waitNs, startNs + waitNs + transferNs)
  }
  return waits
}

/**
 * Figures per rank of a trace that is not ours, over its device spans where it has any, over all spans else.
 * span = last end - first start; idle = span - U(all); overlap = U(comm) ∩ U(compute). Under `hta` the same by
 * HolisticTraceAnalysis' patterns and definitions (temporal breakdown, communication overlap), without its trimming of
 * profiler steps and its rounding to whole µs. Waiting and transfer are sums over kernels, of point-to-point ones apart.
 */
export function traceRankFigures(timeline: Timeline, communication: Communication): TraceRankFigures[] {
  const { spans, lanes } = timeline
  const ranks = ranksOfTrace(timeline)
  const groupOf = rankOfLane(lanes.length, ranks)
  const device = deviceLanes(timeline)
  const hasDevice = ranks.map((rank) => rank.lanes.some((lane) => device[lane] === 1))
  const laneCounts = Uint8Array.from(lanes, (_, lane) => (groupOf[lane] >= 0 && (device[lane] === 1 || !hasDevice[groupOf[lane]]) ? 1 : 0))
  const slots = ranks.length * CLASSES
  const slotBy = (classOf: (span: number) => number) => (span: number): number => {
    const lane = spans.lane[span]
    return laneCounts[lane] === 0 ? -1 : groupOf[lane] * CLASSES + classOf(span)
  }
  const breakdowns = (classOf: (span: number) => number): Breakdown[] => {
    const bounds = gather(timeline, slots, slotBy(classOf))
    return ranks.map((_, group) => breakdownOf(bounds.slice(group * CLASSES, (group + 1) * CLASSES)))
  }
  const hta = htaClasses(timeline)
  const own = breakdowns((span) => classOfCategory(spans.category[span]))
  const differs = (span: number): boolean => device[spans.lane[span]] === 1 && hta(spans.name[span]) !== classOfCategory(spans.category[span])
  const asHta = !hasDevice.some(Boolean) ? null : someSpan(timeline, differs) ? breakdowns((span) => hta(spans.name[span])) : own
  const waits = waitsOf(timeline, communication, groupOf, ranks.length)
  return ranks.map(({ rank }, group): TraceRankFigures => {
    const { waitNs, transferNs, collectiveWaitNs, collectiveTransferNs, estimatedWaitNs, waiting, moving } = waits[group]
    const { exposed, ...figures } = own[group]
    // While one kernel moves bytes, another's waiting is not what exposes them.
    const exposedWait = intersect(exposed, subtract(union(waiting.raw()), union(moving.raw())))
    return {
      rank, ...figures,
      waitUs: waitNs / NS_PER_US,
      transferUs: transferNs / NS_PER_US,
      collectiveWaitUs: collectiveWaitNs / NS_PER_US,
      collectiveTransferUs: collectiveTransferNs / NS_PER_US,
      estimatedWaitUs: estimatedWaitNs / NS_PER_US,
      exposedWaitUs: totalLength(exposedWait) / NS_PER_US,
      hta: asHta === null || !hasDevice[group] ? null : withoutExposed(asHta[group]),
    }
  })
}

const withoutExposed = ({ exposedCommUs: _, exposed: _exposed, ...figures }: Breakdown): Omit<Breakdown, 'exposedCommUs' | 'exposed'> => figures

/** U(compute) of each of the given ranks' devices. */
export function deviceCompute(timeline: Timeline, wanted: ReadonlySet<number>): (rank: number) => Intervals {
  const { spans, lanes } = timeline
  const ranks = ranksOfTrace(timeline).filter(({ rank }) => wanted.has(rank))
  const groupOf = rankOfLane(lanes.length, ranks)
  const device = deviceLanes(timeline)
  const bounds = ranks.length === 0 ? [] : gather(timeline, ranks.length, (span) => {
    const lane = spans.lane[span]
    return device[lane] === 1 && spans.category[span] === CATEGORY_CODE.compute ? groupOf[lane] : -1
  })
  const unions = new Map(ranks.map(({ rank }, at) => [rank, union(bounds[at])]))
  return (rank) => unions.get(rank) ?? NO_INTERVALS
}
