import type { SearchResult } from '../../preload/contract/timeline.ts'
import { markSpansWithArgs } from './argSearch.ts'
import { sortByKey } from './sortByKey.ts'
import type { SpanColumns, Timeline } from './timeline.ts'

/** Small letters of a timeline's strings; grows with them. */
const lowered = new WeakMap<readonly string[], string[]>()

function loweredStrings(strings: readonly string[]): readonly string[] {
  const known = lowered.get(strings) ?? []
  for (let at = known.length; at < strings.length; at++) known.push(strings[at].toLowerCase())
  lowered.set(strings, known)
  return known
}

function markSpansByName({ spans, strings }: Timeline, text: string, hit: Uint8Array): void {
  const wanted = text.toLowerCase()
  const names = Uint8Array.from(loweredStrings(strings), (name) => Number(name.includes(wanted)))
  for (let span = 0; span < hit.length; span++) hit[span] = names[spans.name[span]]
}

/** The first `limit` of the marked spans by start, of equal starts the one recorded first. */
function earliest(hit: Uint8Array, { startNs }: SpanColumns, limit: number): Uint32Array {
  const starts = new Float64Array(limit * 2)
  const chosen = new Uint32Array(limit * 2)
  let filled = 0
  let bound = Number.POSITIVE_INFINITY
  for (let span = 0; span < hit.length; span++) {
    if (hit[span] === 0 || startNs[span] >= bound) continue
    starts[filled] = startNs[span]
    chosen[filled++] = span
    if (filled < starts.length) continue
    sortByKey(starts, chosen)
    filled = limit
    bound = starts[limit - 1]
  }
  sortByKey(starts, chosen, 0, filled)
  return chosen.slice(0, Math.min(filled, limit))
}

/**
 * Spans whose name or args contain a text, anywhere in the timeline, by start. Capitals and spaces around the text do not
 * matter. Args are compared by their text as written in the trace, keys included, but for quotes, and with spaces,
 * colons, equals signs and commas all alike: `stream 7`, `stream=7` and `"stream": 7` find the same, also stream 70.
 * An empty text finds nothing.
 * @param query `limit` >= 1: how many to list; all are counted.
 */
export function searchTimeline(timeline: Timeline, { text, limit }: { readonly text: string; readonly limit: number }): Omit<SearchResult, 'timelineId'> {
  const { spans, trace } = timeline
  const wanted = text.trim()
  const hit = new Uint8Array(spans.count)
  if (wanted !== '') {
    markSpansByName(timeline, wanted, hit)
    if (trace !== null) markSpansWithArgs(trace.args, wanted, hit)
  }
  let total = 0
  for (let span = 0; span < hit.length; span++) total += hit[span]
  const spanIndex = earliest(hit, spans, Math.min(limit, Math.max(1, total)))
  return {
    total, spanIndex,
    lane: Uint32Array.from(spanIndex, (span) => spans.lane[span]),
    startNs: Float64Array.from(spanIndex, (span) => spans.startNs[span]),
    durationNs: Float64Array.from(spanIndex, (span) => spans.durationNs[span]),
  }
}
