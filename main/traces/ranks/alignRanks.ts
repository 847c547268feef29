import { alignClocks } from '../../comm/alignClocks.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import type { TraceContent } from '../../timeline/traceContent.ts'
import { sortFlows } from '../events/groupFlows.ts'

const NS_PER_US = 1000

export type ImportedTimeline = Timeline & { readonly trace: TraceContent }

/** The earliest start; 0 without spans. */
function firstStart({ startNs, count }: Timeline['spans']): number {
  let firstNs = Number.POSITIVE_INFINITY
  for (let span = 0; span < count; span++) firstNs = Math.min(firstNs, startNs[span])
  return Number.isFinite(firstNs) ? firstNs : 0
}

/**
 * Files that name no base were put on the timeline by their first spans, which says nothing of their clocks. Once matches have
 * related them, their times count from the reference's 0 instead, and what they were moved by is part of their offsets.
 */
function onReferenceClock({ ranks, fileClocks }: TraceContent, onBase: ReadonlySet<number>, isAligned: (rank: number) => boolean) {
  const movedNs = fileClocks.map(() => 0)
  const reference = ranks.reduce((lowest, each) => (each.rank < lowest.rank ? each : lowest), ranks[0])
  if (onBase.has(reference.rank)) return { fileClocks, movedNs }
  const first = fileClocks[reference.file]
  const clocks = fileClocks.map((clock, file) => {
    if (!ranks.some((each) => each.file === file && !onBase.has(each.rank) && isAligned(each.rank))) return clock
    const shiftNs = first.shiftNs + (clock.originMicros - first.originMicros) * NS_PER_US
    movedNs[file] = clock.shiftNs - shiftNs
    return { ...clock, shiftNs }
  })
  return { fileClocks: clocks, movedNs }
}

/**
 * Puts the ranks of an imported trace on one clock, as matched communication shows it, in place: every time of a rank
 * moves by one whole number of ns, and the timeline begins at 0 again. What was added is kept, so that raw times remain.
 */
export function alignRanks({ trace, ...timeline }: ImportedTimeline): ImportedTimeline {
  if (new Set(trace.ranks.map(({ file }) => file)).size < 2) return { ...timeline, trace }
  const sharedBase = trace.ranks.filter(({ uncertaintyNs }) => uncertaintyNs !== null).map(({ rank }) => rank)
  const { method, aligned, ranks } = alignClocks({ ...timeline, trace }, { sharedBase })
  const found = new Map(ranks.map((each) => [each.rank, { ...each, offsetNs: Math.round(each.offsetNs) }]))
  const offsetOf = (rank: number | null): number => (rank === null ? 0 : found.get(rank)?.offsetNs ?? 0)

  const { spans, lanes } = timeline
  const { startNs, lane } = spans
  const offsets = Float64Array.from(lanes, ({ rank }) => offsetOf(rank))
  for (let span = 0; span < spans.count; span++) startNs[span] += offsets[lane[span]]
  const firstNs = firstStart(spans)
  for (let span = 0; span < spans.count; span++) startNs[span] -= firstNs
  for (const { rank, timeNs } of trace.counters) {
    const moveNs = offsetOf(rank) - firstNs
    for (let row = 0; row < timeNs.length; row++) timeNs[row] += moveNs
  }
  const { originNs } = trace.clock
  const { fileClocks, movedNs } = onReferenceClock(trace, new Set(sharedBase), (rank) => found.get(rank)?.uncertaintyNs != null)
  return {
    ...timeline,
    trace: {
      ...trace,
      fileClocks: fileClocks.map(({ originMicros, shiftNs }) => ({ originMicros, shiftNs: shiftNs - firstNs })),
      ranks: trace.ranks.map((each) => {
        const { offsetNs, uncertaintyNs } = found.get(each.rank) ?? { offsetNs: 0, uncertaintyNs: null }
        return { ...each, offsetNs: offsetNs + movedNs[each.file], uncertaintyNs }
      }),
      clock: { method, originNs: originNs === null ? null : (BigInt(originNs) + BigInt(firstNs)).toString(), aligned },
      flows: sortFlows(trace.flows, startNs),
    },
  }
}
