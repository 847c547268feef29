import type { TraceRankFigures } from '../../preload/contract/analysis.ts'
import { kindsBySlot } from '../analysis/classified.ts'
import { deviceCompute, traceWindowFigures } from '../analysis/gpuFigures.ts'
import { recogniseRings } from '../analysis/rings/recogniseRings.ts'
import type { RingPass } from '../analysis/rings/ringPasses.ts'
import { ringSummaries, shownPasses } from '../analysis/rings/ringSummaries.ts'
import { traceStepCells } from '../analysis/rings/traceSteps.ts'
import { deviceLanes, rankOfLane, ranksOfTrace } from '../analysis/traceRanks.ts'
import type { Communication } from '../comm/comm.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { type RankMeasure, scaledCell, type TimelineMeasure, type WindowKind, type WindowMeasure } from './measure.ts'
import { categoryTotals, spanTotals } from './spanTotals.ts'
import { type TraceWindows, traceWindows } from './traceWindows.ts'

const NS_PER_US = 1000
const US_PER_MS = 1000
/** From this share of waiting that is estimated on, it is worth a caveat. */
const NOTABLE = 0.1

/** What the kernels of one rank moved in a window. */
interface Moved {
  bytes: number | null
  pointToPoint: number
}

function rankMeasure(figures: TraceRankFigures, { bytes }: Moved, gpu: boolean): RankMeasure {
  const ns = (us: number): number => Math.round(us * NS_PER_US)
  return {
    rank: figures.rank, windowNs: ns(figures.spanUs), computeNs: ns(figures.computeUs), commNs: ns(figures.commUs),
    overlapNs: ns(figures.overlapUs), exposedNs: ns(figures.exposedCommUs), memoryNs: ns(figures.memoryUs),
    waitPeerNs: ns(figures.exposedWaitUs), waitLinkNs: ns(figures.exposedCommUs - figures.exposedWaitUs),
    transferNs: ns(figures.transferUs + figures.collectiveTransferUs),
    kernelWaitNs: ns(figures.waitUs + figures.collectiveWaitUs),
    deviceIdleNs: gpu ? ns(figures.idleUs) : null,
    flops: null, bytes, hta: figures.hta,
  }
}

/** By window, then position of the rank. A trace whose kernels say bytes nowhere has none, not 0. */
function movedBy(timeline: Timeline, { kernels }: Communication, cut: TraceWindows, groupOf: Int32Array, groups: number): Moved[][] {
  const none: Moved = { bytes: kernels.some(({ bytes }) => bytes !== null) ? 0 : null, pointToPoint: 0 }
  const moved = Array.from({ length: cut.windows.count }, () => Array.from({ length: groups }, (): Moved => ({ ...none })))
  for (const { span, kind, bytes } of kernels) {
    const window = cut.windowOf(span)
    const group = groupOf[timeline.spans.lane[span]]
    if (window < 0 || group < 0) continue
    const own = moved[window][group]
    if (bytes !== null) own.bytes = (own.bytes ?? 0) + bytes
    if (kind === 'send-recv') own.pointToPoint++
  }
  return moved
}

function extentOf({ spans }: Timeline, counts: (span: number) => boolean): { readonly startNs: number; readonly endNs: number } {
  let startNs = Number.POSITIVE_INFINITY
  let endNs = Number.NEGATIVE_INFINITY
  for (let span = 0; span < spans.count; span++) {
    if (!counts(span)) continue
    startNs = Math.min(startNs, spans.startNs[span])
    endNs = Math.max(endNs, spans.startNs[span] + spans.durationNs[span])
  }
  return startNs <= endNs ? { startNs, endNs } : { startNs: 0, endNs: 0 }
}

function windowsOf(timeline: Timeline, communication: Communication, cut: TraceWindows, figures: readonly (readonly TraceRankFigures[])[]): WindowMeasure[] {
  const ranks = ranksOfTrace(timeline)
  const groupOf = rankOfLane(timeline.lanes.length, ranks)
  const device = deviceLanes(timeline)
  const hasDevice = device.includes(1)
  const counts = (span: number): boolean => !hasDevice || device[timeline.spans.lane[span]] === 1
  const countedIn = (span: number): number => (counts(span) ? cut.windowOf(span) : -1)
  const { count } = cut.windows
  const kinds = kindsBySlot(timeline, count, cut.windowOf)
  const categories = categoryTotals(timeline, count, countedIn)
  const moved = movedBy(timeline, communication, cut, groupOf, ranks.length)
  const hulls = cut.hulls ?? [extentOf(timeline, counts)]
  const hasHops = communication.kernels.some(({ kind }) => kind === 'send-recv')
  return figures.map((own, window): WindowMeasure => {
    return {
      ...hulls[window],
      ranks: own.map((each, group) => rankMeasure(each, moved[window][group], each.hta !== null)),
      hops: hasHops ? Math.max(0, ...moved[window].map((each) => each.pointToPoint)) : null,
      categoryMs: categories[window],
      kindMs: Object.fromEntries([...Map.groupBy(kinds[window], ({ kind }) => kind)]
        .map(([kind, all]) => [kind, all.reduce((sum, { totalUs }) => sum + totalUs, 0) / US_PER_MS])),
    }
  })
}

/** Ring steps per window: cells are means over passes, of which a window may hold several. */
function stepsOf(passes: readonly RingPass[], communication: Communication, cut: TraceWindows, computeOf: ReturnType<typeof deviceCompute>): TimelineMeasure['steps'] {
  const inWindow = (pass: RingPass): boolean => pass.steps[0].spans.flat().concat(
    pass.steps[0].kernels.flatMap((kernel) => (kernel === null ? [] : [communication.kernels[kernel].span]))).some((span) => cut.windowOf(span) >= 0)
  const counted = passes.filter(inWindow)
  const forward = counted.filter(({ pass }) => pass === 'forward')
  const forwardSteps = Math.max(0, ...forward.map(({ steps }) => steps.length))
  return traceStepCells(counted, communication, computeOf).map((cell) =>
    scaledCell(cell, (cell.step < forwardSteps ? forward.length : counted.length - forward.length) / cut.windows.count))
}

function caveatsOf({ trace }: Timeline, windows: readonly WindowMeasure[], figures: readonly TraceRankFigures[]): string[] {
  const unaligned = trace?.ranks.filter(({ uncertaintyNs }) => uncertaintyNs === null).map(({ rank }) => rank) ?? []
  const uncertainNs = Math.max(0, ...trace?.ranks.map(({ uncertaintyNs }) => uncertaintyNs ?? 0) ?? [])
  const makespanNs = Math.min(...windows.map(({ ranks }) => Math.max(0, ...ranks.map(({ windowNs }) => windowNs))))
  const wait = figures.reduce((sum, { waitUs, collectiveWaitUs }) => sum + waitUs + collectiveWaitUs, 0)
  const estimated = figures.reduce((sum, { estimatedWaitUs }) => sum + estimatedWaitUs, 0)
  return [
    ...unaligned.length > 0 && (trace?.ranks.length ?? 0) > 1 ? [`has ranks that share no clock with the others (${unaligned.join(', ')}): who waited for them is not known`] : [],
    ...uncertainNs > NOTABLE / 10 * makespanNs ? [`has clocks of ranks that are known to ± ${(uncertainNs / 1e6).toPrecision(3)} ms only: waiting is as uncertain`] : [],
    ...wait > 0 && estimated > NOTABLE * wait ? [`has ${Math.round(100 * estimated / wait)} % of its waiting inside kernels estimated, because traces of peers are missing`] : [],
  ]
}

/** An imported trace. @param wanted the kind of windows; null for its own. */
export function measureTrace(timeline: Timeline, communication: Communication, wanted: WindowKind | null): TimelineMeasure {
  const ranks = ranksOfTrace(timeline)
  const passes = recogniseRings(timeline, communication)
  const computeOf = deviceCompute(timeline, new Set(passes.flatMap((pass) => pass.ranks)))
  const shown = shownPasses(passes, ringSummaries(timeline, passes, communication, computeOf))
  const cuts = traceWindows(timeline, ranks, shown)
  const cut = cuts.find(({ kind }) => kind === wanted) ?? cuts[0]
  const figures = traceWindowFigures(timeline, communication, cut.windows)
  const windows = windowsOf(timeline, communication, cut, figures)
  return {
    title: timeline.title, kind: 'trace', modelled: false,
    ranks: ranks.map(({ rank }) => rank), world: timeline.trace?.world ?? null,
    windowKind: cut.kind, offers: cuts.map(({ kind }) => kind), windows,
    steps: stepsOf(shown, communication, cut, computeOf),
    spans: spanTotals(timeline, cut.windowOf),
    config: null, caveats: caveatsOf(timeline, windows, figures.flat()),
  }
}
