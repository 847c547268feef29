import type { Viewport, ViewportQuery } from '../../preload/contract/timeline.ts'
import { BLOCK_SPANS, buildSpanIndex, type HopIndex, type SpanIndex, type SpanRow } from './spanIndex.ts'
import { Drawables } from './drawables.ts'
import type { Timeline } from './timeline.ts'

/**
 * One index per set of columns. A live timeline's snapshots share the columns until they grow, so the columns are the
 * key and the number of spans tells the revision.
 */
const indexes = new WeakMap<Float64Array, SpanIndex>()

function indexOf(timeline: Timeline): SpanIndex {
  const key = timeline.spans.startNs
  const known = indexes.get(key)
  if (known !== undefined && known.count === timeline.spans.count && known.lanes.length === timeline.lanes.length) return known
  const built = buildSpanIndex(timeline)
  if (known === undefined || known.count < built.count) indexes.set(key, built)
  return built
}

/** First position in `values[from..]` (ascending) that is not below `limit`. Gallops: near answers are found fast. */
export function lowerBound(values: Float64Array, limit: number, from = 0): number {
  let low = from
  let step = 1
  while (low + step < values.length && values[low + step] < limit) {
    low += step
    step *= 2
  }
  let high = Math.min(values.length, low + step)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle] < limit) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Adds what of a row is in the window. A span of at least a pixel is drawn as itself; shorter ones that start in the
 * same pixel become one. Pixels are counted from the timeline's origin, so that panning does not regroup them.
 */
function drawRow(row: SpanRow, startNs: number, endNs: number, pixelNs: number, into: Drawables): void {
  const { startNs: starts, endNs: ends, span, blockLongest } = row
  // Ends ascend like starts. A span that merely touches the window's start is left out unless it has no length.
  let at = lowerBound(ends, startNs)
  if (at < ends.length && ends[at] === startNs && starts[at] < startNs) at++
  while (at < starts.length && starts[at] <= endNs) {
    const length = ends[at] - starts[at]
    if (length >= pixelNs) {
      into.add(row.lane, row.category, starts[at], ends[at], 1, span[at])
      at++
      continue
    }
    const first = at
    const limit = Math.min((Math.floor(starts[at] / pixelNs) + 1) * pixelNs, endNs)
    let longest = at
    let longestNs = length
    at++
    while (at < starts.length && starts[at] < limit) {
      let candidate = at
      let next = at + 1
      if (at % BLOCK_SPANS === 0 && at + BLOCK_SPANS <= starts.length && starts[at + BLOCK_SPANS - 1] < limit) {
        const best = blockLongest[at / BLOCK_SPANS]
        if (ends[best] - starts[best] < pixelNs) {
          candidate = best
          next = at + BLOCK_SPANS
        }
      }
      const candidateNs = ends[candidate] - starts[candidate]
      if (candidateNs >= pixelNs) break
      if (candidateNs > longestNs) {
        longest = candidate
        longestNs = candidateNs
      }
      at = next
    }
    into.add(row.lane, row.category, starts[first], ends[at - 1], at - first, span[longest])
  }
}

function flowsIn(hops: HopIndex, startNs: number, endNs: number, pixelNs: number): Viewport['flows'] {
  const chosen: number[] = []
  const lastPixel = new Map<number, number>()
  for (let at = lowerBound(hops.fromNs, startNs - hops.longestNs); at < hops.fromNs.length && hops.fromNs[at] <= endNs; at++) {
    if (hops.toNs[at] < startNs) continue
    const lanes = hops.fromLane[at] * 0x1_0000_0000 + hops.toLane[at]
    const pixel = Math.floor(hops.fromNs[at] / pixelNs)
    if (lastPixel.get(lanes) === pixel) continue
    lastPixel.set(lanes, pixel)
    chosen.push(at)
  }
  return {
    fromLane: Uint32Array.from(chosen, (at) => hops.fromLane[at]), toLane: Uint32Array.from(chosen, (at) => hops.toLane[at]),
    fromNs: Float64Array.from(chosen, (at) => hops.fromNs[at]), toNs: Float64Array.from(chosen, (at) => hops.toNs[at]),
  }
}

/**
 * The spans to draw for a window at a resolution, sorted by lane, then start (outer before inner).
 * Per lane, category and nesting depth at most one merged span a pixel; a merged one runs from its first span's start to
 * its last one's end and names the longest. Nested spans are never merged into the one around them.
 * Hops give at most one arrow per pair of lanes and pixel.
 * @param query times in ns from the timeline's origin; `pixels` >= 1.
 * @throws RangeError for an empty or backward window, or less than a pixel.
 */
export function queryViewport(timeline: Timeline, query: Pick<ViewportQuery, 'startNs' | 'endNs' | 'pixels'>):
  Omit<Viewport, 'timelineId' | 'revision'> {
  const { startNs, endNs, pixels } = query
  if (!(endNs > startNs) || !(pixels >= 1)) {
    throw new RangeError(`viewport: expected a window of positive length and at least one pixel, got ${startNs} to ${endNs} ns in ${pixels}`)
  }
  const pixelNs = (endNs - startNs) / pixels
  const index = indexOf(timeline)
  const drawn = new Drawables()
  for (const rows of index.lanes) {
    const laneStart = drawn.count
    const runs: number[] = []
    for (const row of rows) {
      const before = drawn.count
      drawRow(row, startNs, endNs, pixelNs, drawn)
      if (drawn.count > before) runs.push(before)
    }
    drawn.mergeRuns(laneStart, runs)
  }
  return { startNs, endNs, ...drawn.columns(), flows: flowsIn(index.hops, startNs, endNs, pixelNs) }
}
