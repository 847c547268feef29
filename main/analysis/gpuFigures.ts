import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import type { TraceRankFigures } from '../../preload/contract/analysis.ts'
import { type HtaKind, htaKind } from '../classify/htaKinds.ts'
import type { Communication } from '../comm/comm.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { intersect, IntervalList, type Intervals, NO_INTERVALS, subtract, totalLength, union, unite } from './intervals.ts'
import { deviceLanes, rankOfLane, ranksOfTrace } from './traceRanks.ts'
import { type RankWindows, WHOLE_TRACE } from './rankWindows.ts'

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

/** From the first start to the last end. Empty spans are in no union, but a rank's time reaches to them. */
function extentNs(bounds: readonly Bounds[]): number {
  let firstNs = Number.POSITIVE_INFINITY
  let lastNs = Number.NEGATIVE_INFINITY
  for (const { starts, ends } of bounds) {
    for (let at = 0; at < starts.length; at++) {
      if (starts[at] < firstNs) firstNs = starts[at]
      if (ends[at] > lastNs) lastNs = ends[at]
    }
  }
  return lastNs > firstNs ? lastNs - firstNs : 0
}

/** @param bounds a rank's spans by class, as recorded. @param spanNs the time that they are a part of. */
function breakdownOf(bounds: readonly Bounds[], spanNs: number): Breakdown {
  const [compute, comm, memory, other] = bounds.map(union)
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

type Take = (slot: number, startNs: number, endNs: number) => void

/** What is taken, by slot, in two passes: count, then fill. @param each takes every interval, the same ones in each call. */
function gatherBounds(slots: number, each: (take: Take) => void): Bounds[] {
  const counts = new Uint32Array(slots)
  each((slot) => { counts[slot]++ })
  const bounds = Array.from(counts, (count): Bounds => ({ starts: new Float64Array(count), ends: new Float64Array(count) }))
  counts.fill(0)
  each((slot, startNs, endNs) => {
    const at = counts[slot]++
    bounds[slot].starts[at] = startNs
    bounds[slot].ends[at] = endNs
  })
  return bounds
}

/**
 * The spans of every slot.
 * @param slotOf the slot of a span, or -1.
 */
function gather({ spans }: Timeline, slots: number, slotOf: (span: number) => number): Bounds[] {
  return gatherBounds(slots, (take) => {
    for (let span = 0; span < spans.count; span++) {
      const slot = slotOf(span)
      if (slot >= 0) take(slot, spans.startNs[span], spans.startNs[span] + spans.durationNs[span])
    }
  })
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

/** How the communication kernels of each rank divide; by window, then by position in `ranks`. */
function waitsOf({ spans }: Timeline, { kernels, splits }: Communication, groupOf: Int32Array, groups: number, windows: RankWindows): Waits[] {
  const waits = Array.from({ length: groups * windows.count }, (): Waits =>
    ({ waitNs: 0, transferNs: 0, collectiveWaitNs: 0, collectiveTransferNs: 0, estimatedWaitNs: 0, waiting: new IntervalList(), moving: new IntervalList() }))
  for (const { kernel, waitNs, transferNs, method } of splits) {
    const { span, kind } = kernels[kernel]
    const group = groupOf[spans.lane[span]]
    if (group < 0) continue
    const startNs = spans.startNs[span]
    const movingNs = startNs + waitNs
    windows.each(group, startNs, movingNs + transferNs, (window, fromNs, toNs) => {
      const own = waits[window * groups + group]
      const waited = Math.max(0, Math.min(toNs, movingNs) - fromNs)
      const moved = Math.max(0, toNs - Math.max(fromNs, movingNs))
      if (kind === 'send-recv') {
        own.waitNs += waited
        own.transferNs += moved
      } else {
        own.collectiveWaitNs += waited
        own.collectiveTransferNs += moved
      }
      if (method === 'estimate') own.estimatedWaitNs += waited
      own.waiting.add(fromNs, fromNs + waited)
      own.moving.add(toNs - moved, toNs)
    })
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
  return traceWindowFigures(timeline, communication, WHOLE_TRACE)[0]
}

/**
 * The same of every window: spans and the divided parts of kernels clipped to it, span = the window's length.
 * @param windows by position in `ranksOfTrace`. @returns by window, then rank.
 */
export function traceWindowFigures(timeline: Timeline, communication: Communication, windows: RankWindows): TraceRankFigures[][] {
  const { spans, lanes } = timeline
  const ranks = ranksOfTrace(timeline)
  const groupOf = rankOfLane(lanes.length, ranks)
  const device = deviceLanes(timeline)
  const hasDevice = ranks.map((rank) => rank.lanes.some((lane) => device[lane] === 1))
  const laneCounts = Uint8Array.from(lanes, (_, lane) => (groupOf[lane] >= 0 && (device[lane] === 1 || !hasDevice[groupOf[lane]]) ? 1 : 0))
  const places = windows.count * ranks.length
  const breakdowns = (classOf: (span: number) => number): Breakdown[] => {
    const bounds = gatherBounds(places * CLASSES, (take) => {
      for (let span = 0; span < spans.count; span++) {
        const lane = spans.lane[span]
        if (laneCounts[lane] === 0) continue
        const group = groupOf[lane]
        const startNs = spans.startNs[span]
        windows.each(group, startNs, startNs + spans.durationNs[span], (window, fromNs, toNs) => {
          take((window * ranks.length + group) * CLASSES + classOf(span), fromNs, toNs)
        })
      }
    })
    return Array.from({ length: places }, (_, place) => {
      const own = bounds.slice(place * CLASSES, (place + 1) * CLASSES)
      return breakdownOf(own, windows.lengthNs(place % ranks.length, Math.floor(place / ranks.length)) ?? extentNs(own))
    })
  }
  const hta = htaClasses(timeline)
  const own = breakdowns((span) => classOfCategory(spans.category[span]))
  const differs = (span: number): boolean => device[spans.lane[span]] === 1 && hta(spans.name[span]) !== classOfCategory(spans.category[span])
  const asHta = !hasDevice.some(Boolean) ? null : someSpan(timeline, differs) ? breakdowns((span) => hta(spans.name[span])) : own
  const waits = waitsOf(timeline, communication, groupOf, ranks.length, windows)
  const figuresAt = (place: number): TraceRankFigures => {
    const group = place % ranks.length
    const { waitNs, transferNs, collectiveWaitNs, collectiveTransferNs, estimatedWaitNs, waiting, moving } = waits[place]
    const { exposed, ...figures } = own[place]
    // While one kernel moves bytes, another's waiting is not what exposes them.
    const exposedWait = intersect(exposed, subtract(union(waiting.raw()), union(moving.raw())))
    return {
      rank: ranks[group].rank, ...figures,
      waitUs: waitNs / NS_PER_US,
      transferUs: transferNs / NS_PER_US,
      collectiveWaitUs: collectiveWaitNs / NS_PER_US,
      collectiveTransferUs: collectiveTransferNs / NS_PER_US,
      estimatedWaitUs: estimatedWaitNs / NS_PER_US,
      exposedWaitUs: totalLength(exposedWait) / NS_PER_US,
      hta: asHta === null || !hasDevice[group] ? null : withoutExposed(asHta[place]),
    }
  }
  return Array.from({ length: windows.count }, (_, window) => ranks.map((_rank, group) => figuresAt(window * ranks.length + group)))
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
