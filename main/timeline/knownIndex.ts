import { buildSpanIndex, type SpanIndex } from './spanIndex.ts'
import { placeOfSpan } from './spanRows.ts'
import type { Timeline } from './timeline.ts'

/**
 * One index per set of columns. A live timeline's snapshots share the columns until they grow, so the columns are the
 * key and the number of spans tells the revision.
 */
const indexes = new WeakMap<Float64Array, SpanIndex>()

const fits = (index: SpanIndex, timeline: Timeline): boolean =>
  index.count === timeline.spans.count && index.laneRows.length === timeline.lanes.length + 1

/** The timeline's index, built where none is known yet. */
export function spanIndexOf(timeline: Timeline): SpanIndex {
  const key = timeline.spans.startNs
  const known = indexes.get(key)
  if (known !== undefined && fits(known, timeline)) return known
  const built = buildSpanIndex(timeline)
  if (known === undefined || known.count < built.count) indexes.set(key, built)
  return built
}

/**
 * Takes an index that another thread built of the same timeline.
 * @throws RangeError where it is one of another timeline.
 */
export function adoptIndex(timeline: Timeline, index: SpanIndex): void {
  if (!fits(index, timeline)) {
    throw new RangeError(`span index: expected one of the ${timeline.spans.count} spans on ${timeline.lanes.length} lanes of "${timeline.title}", ` +
      `got one of ${index.count} spans on ${index.laneRows.length - 1} lanes`)
  }
  indexes.set(timeline.spans.startNs, index)
}

/** How deep a span is nested in its lane; 0 for the outermost. */
export function depthOfSpan(timeline: Timeline, span: number): number {
  const index = spanIndexOf(timeline)
  return index.rowDepth[placeOfSpan(index, timeline.spans, span).row]
}
