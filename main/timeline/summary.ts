import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import type { SourceFile, Timeline } from './timeline.ts'

type Counted = SourceFile['repairs']

/** Sums equal kinds over files. */
function totals(lists: readonly Counted[]): { kind: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { kind, count } of lists.flat()) counts.set(kind, (counts.get(kind) ?? 0) + count)
  return [...counts].map(([kind, count]) => ({ kind, count }))
}

/** What the application lists of a timeline. One pass over the spans; an empty timeline reaches from 0 to 0. */
export function summarizeTimeline(timeline: Timeline, { timelineId, live, path }: { timelineId: string; live: boolean; path: string | null }):
  TimelineSummary {
  const { spans, lanes, files } = timeline
  const spanCounts = new Uint32Array(lanes.length)
  let startNs = Number.POSITIVE_INFINITY
  let endNs = Number.NEGATIVE_INFINITY
  for (let index = 0; index < spans.count; index++) {
    spanCounts[spans.lane[index]]++
    const start = spans.startNs[index]
    if (start < startNs) startNs = start
    if (start + spans.durationNs[index] > endNs) endNs = start + spans.durationNs[index]
  }
  const ranks = new Set(lanes.flatMap(({ rank }) => (rank === null ? [] : [rank])))
  return {
    timelineId,
    title: timeline.title,
    source: timeline.source,
    live,
    path,
    spanCount: spans.count,
    startNs: spans.count === 0 ? 0 : startNs,
    endNs: spans.count === 0 ? 0 : endNs,
    ranks: [...ranks].toSorted((a, b) => a - b),
    lanes: lanes.map(({ rank, name }, index) => ({ index, rank, name, spanCount: spanCounts[index] })),
    run: timeline.run,
    repairs: totals(files.map(({ repairs }) => repairs)),
    dropped: totals(files.map(({ dropped }) => dropped)),
  }
}
