import { type RankWindows, rankWindows, WHOLE_TRACE, type Window, windowAt } from '../analysis/rankWindows.ts'
import type { RingPass } from '../analysis/rings/ringPasses.ts'
import { rankOfLane, type RankLanes } from '../analysis/traceRanks.ts'
import type { Timeline } from '../timeline/timeline.ts'
import type { WindowKind } from './measure.ts'

/** Windows of an imported trace: of each rank its own, by position in `ranksOfTrace`. */
export interface TraceWindows {
  readonly kind: WindowKind
  readonly windows: RankWindows
  /** Over all ranks; null for the whole trace. */
  readonly hulls: readonly Window[] | null
  /** The window of a span, by its start; -1 for none. */
  readonly windowOf: (span: number) => number
}

/** What the script of `ringscope cluster` marks on the host: an iteration, without what is done between iterations. */
const ITERATION = /^ring attention iteration #(\d+)$/
/** What PyTorch's profiler marks on the host from `step()` to `step()`. */
const PROFILER_STEP = /^ProfilerStep ?#?(\d+)$/

type Numbered = ReadonlyMap<number, Window>

/** The marks on the host whose names say a number, by that, of each rank. */
function numberedMarks(timeline: Timeline, ranks: readonly RankLanes[], pattern: RegExp): Numbered[] {
  const { spans, strings, lanes } = timeline
  const numberOf = new Map(strings.flatMap((text, name): [number, number][] => {
    const found = pattern.exec(text)
    return found === null ? [] : [[name, Number(found[1])]]
  }))
  const marks = ranks.map(() => new Map<number, Window>())
  if (numberOf.size === 0) return marks
  const groupOf = rankOfLane(lanes.length, ranks)
  for (let span = 0; span < spans.count; span++) {
    const number = numberOf.get(spans.name[span])
    const lane = spans.lane[span]
    // The device's copy of the mark reaches from the first to the last kernel that was launched in the step, which is another thing.
    if (number === undefined || groupOf[lane] < 0 || lanes[lane].kind === 'gpu' || lanes[lane].kind === 'annotation') continue
    const own = marks[groupOf[lane]]
    const window = { startNs: spans.startNs[span], endNs: spans.startNs[span] + spans.durationNs[span] }
    const known = own.get(number)
    if (known === undefined || window.startNs < known.startNs) own.set(number, window)
  }
  return marks
}

/** Windows of the numbers that all ranks have. @param endNs where the window of a mark ends. */
function numberedWindows(marks: readonly Numbered[], endNs: (own: Numbered, number: number, mark: Window) => number): Window[][] {
  const shared = [...marks.at(0)?.keys() ?? []].filter((number) => marks.every((own) => own.has(number))).sort((a, b) => a - b)
  return marks.map((own) => shared.flatMap((number): Window[] => {
    const mark = own.get(number)
    return mark === undefined ? [] : [{ startNs: mark.startNs, endNs: endNs(own, number, mark) }]
  }))
}

const iterations = (timeline: Timeline, ranks: readonly RankLanes[]): Window[][] =>
  numberedWindows(numberedMarks(timeline, ranks, ITERATION), (_own, _number, mark) => mark.endNs)

/** A step's window reaches to the next step's start, so that what the profiler does between is in one; the last to its own end. */
const profilerSteps = (timeline: Timeline, ranks: readonly RankLanes[]): Window[][] =>
  numberedWindows(numberedMarks(timeline, ranks, PROFILER_STEP), (own, number, mark) => own.get(number + 1)?.startNs ?? mark.endNs)

/** The passes of a ring that are windows: of one direction, since the other takes another time. */
export function comparedPasses(passes: readonly RingPass[]): RingPass[] {
  const forward = passes.filter(({ pass }) => pass === 'forward')
  return forward.length > 0 ? forward : [...passes]
}

function ringPasses(passes: readonly RingPass[], ranks: readonly RankLanes[]): Window[][] {
  return ranks.map(({ rank }) => comparedPasses(passes).flatMap(({ ranks: ring, steps }): Window[] => {
    const position = ring.indexOf(rank)
    return position < 0 ? [] : [{ startNs: steps[0].startNs[position], endNs: Math.max(...steps.map(({ endNs }) => endNs[position])) }]
  }))
}

const areWindows = (byRank: readonly (readonly Window[])[]): boolean =>
  byRank.length > 0 && byRank[0].length > 0 && byRank.every((own) => own.length === byRank[0].length &&
    own.every(({ startNs, endNs }, at) => endNs > startNs && (at === 0 || own[at - 1].endNs <= startNs)))

function hullsOf(byRank: readonly (readonly Window[])[]): Window[] {
  return byRank[0].map((_, window) => ({
    startNs: Math.min(...byRank.map((own) => own[window].startNs)), endNs: Math.max(...byRank.map((own) => own[window].endNs)),
  }))
}

/**
 * All ways to cut an imported trace into windows, the preferred one first: the iterations of a cluster run, its profiler's
 * steps, the passes of its ring, and always all of it as one.
 * @param passes of the ring that is shown, see `shownPasses`. @param ranks all of the trace.
 */
export function traceWindows(timeline: Timeline, ranks: readonly RankLanes[], passes: readonly RingPass[]): TraceWindows[] {
  const { spans, lanes } = timeline
  const groupOf = rankOfLane(lanes.length, ranks)
  const cut = (kind: WindowKind, byRank: readonly (readonly Window[])[]): TraceWindows[] => {
    if (!areWindows(byRank)) return []
    const hulls = hullsOf(byRank)
    const windowOf = (span: number): number => {
      const group = groupOf[spans.lane[span]]
      return windowAt(group < 0 ? hulls : byRank[group], spans.startNs[span])
    }
    return [{ kind, windows: rankWindows(byRank), hulls, windowOf }]
  }
  return [
    ...cut('iterations', iterations(timeline, ranks)),
    ...cut('profiler-steps', profilerSteps(timeline, ranks)),
    ...cut('ring-passes', ringPasses(passes, ranks)),
    { kind: 'whole', windows: WHOLE_TRACE, hulls: null, windowOf: () => 0 },
  ]
}
