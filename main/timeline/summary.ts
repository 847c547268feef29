import type { LaneSummary, TimelineSummary } from '../../preload/contract/timeline.ts'
import { spanIndexOf } from './knownIndex.ts'
import type { SpanRows } from './spanRows.ts'
import type { Timeline } from './timeline.ts'

/** What the summary says of the spans. */
interface Extent {
  readonly startNs: number
  readonly endNs: number
  readonly busyNs: TimelineSummary['busyNs']
  /** By lane. */
  readonly spanCounts: readonly number[]
  readonly depths: readonly number[]
}

/** One pass over the spans, no index: a run under way is summarised whenever it has grown. Its lanes are drawn in one row. */
function extentOfRun({ spans, lanes }: Timeline): Extent {
  const spanCounts = lanes.map(() => 0)
  let startNs = Number.POSITIVE_INFINITY
  let endNs = Number.NEGATIVE_INFINITY
  for (let index = 0; index < spans.count; index++) {
    spanCounts[spans.lane[index]]++
    const start = spans.startNs[index]
    if (start < startNs) startNs = start
    if (start + spans.durationNs[index] > endNs) endNs = start + spans.durationNs[index]
  }
  return { startNs, endNs, busyNs: { startNs, endNs }, spanCounts, depths: lanes.map(() => 1) }
}

/** From the first start to the last end of the spans of rows that have a length; null where none has. */
function lengthyExtent({ rowFrom, startNs: starts, endNs: ends }: SpanRows, fromRow: number, toRow: number): TimelineSummary['busyNs'] | null {
  let startNs = Number.POSITIVE_INFINITY
  let endNs = Number.NEGATIVE_INFINITY
  for (let row = fromRow; row < toRow; row++) {
    let first = rowFrom[row]
    let last = rowFrom[row + 1] - 1
    while (first <= last && ends[first] === starts[first]) first++
    while (last > first && ends[last] === starts[last]) last--
    if (first > last) continue
    startNs = Math.min(startNs, starts[first])
    endNs = Math.max(endNs, ends[last])
  }
  return startNs < endNs ? { startNs, endNs } : null
}

/**
 * Where things happen: marks do not count, nor does a lane whose only span frames all that others hold, such as a
 * profiler's own from when it was started. Null where nothing lasts.
 */
function busyExtent(rows: SpanRows): TimelineSummary['busyNs'] | null {
  const { laneRows, rowFrom } = rows
  const union = (extents: readonly TimelineSummary['busyNs'][]): TimelineSummary['busyNs'] | null => (extents.length === 0 ? null : {
    startNs: extents.reduce((least, { startNs }) => Math.min(least, startNs), Number.POSITIVE_INFINITY),
    endNs: extents.reduce((most, { endNs }) => Math.max(most, endNs), Number.NEGATIVE_INFINITY),
  })
  const lanes = Array.from({ length: laneRows.length - 1 }, (_, lane) => ({
    alone: rowFrom[laneRows[lane + 1]] - rowFrom[laneRows[lane]] === 1, extent: lengthyExtent(rows, laneRows[lane], laneRows[lane + 1]),
  })).flatMap(({ alone, extent }) => (extent === null ? [] : [{ alone, extent }]))
  const others = union(lanes.flatMap(({ alone, extent }) => (alone ? [] : [extent])))
  const frames = (extent: TimelineSummary['busyNs']): boolean => others !== null && extent.startNs <= others.startNs && extent.endNs >= others.endNs
  return union(lanes.flatMap(({ alone, extent }) => (alone && frames(extent) ? [] : [extent])))
}

/** From the index: a pass over its rows. */
function extentOfTrace(timeline: Timeline): Extent {
  const index = spanIndexOf(timeline)
  const { laneRows, rowDepth, rowFrom, startNs: starts, endNs: ends } = index
  const depths = timeline.lanes.map((_, lane) => {
    const rows = laneRows[lane + 1]
    // Rows of a lane are sorted by depth.
    return rows === laneRows[lane] ? 1 : rowDepth[rows - 1] + 1
  })
  let startNs = Number.POSITIVE_INFINITY
  let endNs = Number.NEGATIVE_INFINITY
  for (let row = 0; row < rowDepth.length; row++) {
    startNs = Math.min(startNs, starts[rowFrom[row]])
    endNs = Math.max(endNs, ends[rowFrom[row + 1] - 1])
  }
  return {
    startNs, endNs, busyNs: busyExtent(index) ?? { startNs, endNs }, depths,
    spanCounts: timeline.lanes.map((_, lane) => rowFrom[laneRows[lane + 1]] - rowFrom[laneRows[lane]]),
  }
}

function clockOf({ trace }: Timeline): TimelineSummary['clock'] {
  if (trace === null) return null
  const { method, aligned } = trace.clock
  return {
    method, aligned,
    ranks: trace.ranks.map(({ rank, rankFrom, offsetNs, uncertaintyNs }) => ({ rank, from: rankFrom, offsetNs, uncertaintyNs })),
  }
}

/** What the application lists of a timeline. An empty one reaches from 0 to 0. */
export function summarizeTimeline(timeline: Timeline, { timelineId, live, path }: { timelineId: string; live: boolean; path: string | null }):
  TimelineSummary {
  const { spans, lanes, files } = timeline
  const { startNs, endNs, busyNs, spanCounts, depths } = timeline.trace === null ? extentOfRun(timeline) : extentOfTrace(timeline)
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
    busyNs: spans.count === 0 ? { startNs: 0, endNs: 0 } : busyNs,
    ranks: [...ranks].toSorted((a, b) => a - b),
    lanes: lanes.map(({ rank, name, kind }, index): LaneSummary =>
      ({ index, rank, name, spanCount: spanCounts[index], kind: kind ?? null, depth: depths[index] })),
    run: timeline.run,
    files: files.map(({ path: from, events, repairs, dropped }) => ({ path: from, events, repairs, dropped })),
    clock: clockOf(timeline),
  }
}
