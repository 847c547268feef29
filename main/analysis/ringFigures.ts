import { SPAN_CATEGORIES, type SpanCategory } from '../../kernels/timeline/categories.ts'
import type { IterationWindow, RunRecord } from '../../preload/contract/run.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { type Transfer, transferOf } from './traffic.ts'
import { intersect, interval, IntervalList, type Intervals, subtract, totalLength, union, unite } from './intervals.ts'

/** The categories that count as one thing in a figure. Merging partial outputs is computing. */
export type SpanGroup = 'compute' | 'send' | 'recv' | 'copies' | 'wait-peer' | 'wait-link'

const GROUP_OF: Partial<Record<SpanCategory, SpanGroup>> = {
  compute: 'compute', merge: 'compute', send: 'send', recv: 'recv', h2d: 'copies', d2h: 'copies',
  'wait-peer': 'wait-peer', 'wait-link': 'wait-link',
}

/** Category code to its group; null for those that are in no figure of a ring. */
export const GROUP_OF_CODE: readonly (SpanGroup | null)[] = SPAN_CATEGORIES.map((category) => GROUP_OF[category] ?? null)

/** One rank in one measured iteration. Lengths in integer ns, everything clipped to the iteration's window. */
export interface RankIterationFigures {
  readonly rank: number
  readonly windowNs: number
  readonly computeNs: number
  /** U(send ∪ recv): bytes under way, on any channel. */
  readonly commNs: number
  /** U(comm) ∩ U(compute). */
  readonly overlapNs: number
  /** U(comm) \ U(compute). */
  readonly exposedNs: number
  readonly copiesNs: number
  readonly waitPeerNs: number
  readonly waitLinkNs: number
  readonly flops: number
}

export interface MeasuredIteration {
  readonly window: IterationWindow
  /** One entry a rank, in rank order. */
  readonly ranks: readonly RankIterationFigures[]
  /** What arrived, in the order of the spans. */
  readonly transfers: readonly Transfer[]
}

/**
 * The iterations that figures are made of: measured ones that every rank finished. An iteration in which the run
 * failed is partial, and a warm-up is in no figure (design section 7).
 */
export function completeIterations(run: RunRecord): IterationWindow[] {
  return run.iterations.filter((window) =>
    !window.warmup && window.endNs > window.startNs &&
    (run.failure === null || run.failure.iteration === null || window.iteration !== run.failure.iteration))
}

/** A rank's spans of one iteration, by group, in any order. */
export interface RankSpans {
  readonly groups: Readonly<Record<SpanGroup, IntervalList>>
  flops: number
}

export const newRankSpans = (): RankSpans => ({
  groups: {
    compute: new IntervalList(), send: new IntervalList(), recv: new IntervalList(), copies: new IntervalList(),
    'wait-peer': new IntervalList(), 'wait-link': new IntervalList(),
  },
  flops: 0,
})

interface IterationSpans {
  readonly ranks: readonly RankSpans[]
  readonly transfers: Transfer[]
}

function gather(timeline: Timeline, windows: readonly IterationWindow[], world: number): IterationSpans[] {
  const gathered = windows.map((): IterationSpans => ({ ranks: Array.from({ length: world }, newRankSpans), transfers: [] }))
  const slotOf = new Map(windows.map((window, slot) => [window.iteration, slot]))
  const { spans, lanes } = timeline
  for (let index = 0; index < spans.count; index++) {
    const slot = slotOf.get(spans.iteration[index])
    const rank = lanes[spans.lane[index]].rank
    const group = GROUP_OF_CODE[spans.category[index]]
    if (slot === undefined || rank === null || rank >= world || group === null) continue
    const own = gathered[slot].ranks[rank]
    own.groups[group].add(spans.startNs[index], spans.startNs[index] + spans.durationNs[index])
    if (group === 'compute' && !Number.isNaN(spans.flops[index])) own.flops += spans.flops[index]
    const transfer = group === 'recv' ? transferOf(timeline, index) : null
    if (transfer !== null) gathered[slot].transfers.push(transfer)
  }
  return gathered
}

/** The figures of one rank in a window; design section 6. */
export function rankFigures(rank: number, spans: RankSpans, window: Pick<IterationWindow, 'startNs' | 'endNs'>): RankIterationFigures {
  const within = interval(window.startNs, window.endNs)
  const clipped = (group: SpanGroup): Intervals => intersect(union(spans.groups[group].raw()), within)
  const compute = clipped('compute')
  const comm = unite(clipped('send'), clipped('recv'))
  return {
    rank,
    windowNs: window.endNs - window.startNs,
    computeNs: totalLength(compute),
    commNs: totalLength(comm),
    overlapNs: totalLength(intersect(comm, compute)),
    exposedNs: totalLength(subtract(comm, compute)),
    copiesNs: totalLength(clipped('copies')),
    waitPeerNs: totalLength(clipped('wait-peer')),
    waitLinkNs: totalLength(clipped('wait-link')),
    flops: spans.flops,
  }
}

/** The figures of every rank in every complete measured iteration of one of our own runs (design section 6). */
export function measuredIterations(timeline: Timeline, run: RunRecord): MeasuredIteration[] {
  const windows = completeIterations(run)
  const gathered = gather(timeline, windows, run.config.world)
  return windows.map((window, slot) => ({
    window, ranks: gathered[slot].ranks.map((spans, rank) => rankFigures(rank, spans, window)), transfers: gathered[slot].transfers,
  }))
}

/** Sums one figure over ranks or iterations. */
export function sumOf<T>(items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((sum, item) => sum + figure(item), 0)
}

/** overlapRatio = overlap / U(comm); null where nothing was sent. */
export function overlapRatioOf(ranks: readonly Pick<RankIterationFigures, 'overlapNs' | 'commNs'>[]): number | null {
  const comm = sumOf(ranks, (rank) => rank.commNs)
  return comm === 0 ? null : sumOf(ranks, (rank) => rank.overlapNs) / comm
}

/** idleFraction = 1 - Σ compute / Σ windows, over ranks and iterations; 0 where nothing was measured. */
export function idleFractionOf(ranks: readonly Pick<RankIterationFigures, 'windowNs' | 'computeNs'>[]): number {
  const windows = sumOf(ranks, (rank) => rank.windowNs)
  return windows === 0 ? 0 : 1 - sumOf(ranks, (rank) => rank.computeNs) / windows
}
