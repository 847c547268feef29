import { LABELLED_PIXELS, type Viewport, type ViewportQuery } from '../../preload/contract/timeline.ts'
import type { ArrowIndex } from './arrowIndex.ts'
import { Drawables } from './drawables.ts'
import { spanIndexOf } from './knownIndex.ts'
import { lowerBound } from './sortByKey.ts'
import type { SpanIndex } from './spanIndex.ts'
import type { Timeline } from './timeline.ts'
import { waitShare } from './waitIndex.ts'

export { adoptIndex } from './knownIndex.ts'

/** Depths beyond are told as this one: the column has a byte. */
const DEEPEST = 255

interface Window {
  readonly startNs: number
  readonly endNs: number
  readonly pixelNs: number
}

/** The coarsest level of a row that has two cells a pixel at least; -1 where none does. The window has no say. */
function levelFor({ rowLevels, cellNs }: SpanIndex['cells'], row: number, pixelNs: number): number {
  let level = rowLevels[row + 1] - 1
  while (level >= rowLevels[row] && cellNs[level] * 2 > pixelNs) level--
  return level < rowLevels[row] ? -1 : level
}

/** First of a row's entries that is in the window. One that merely touches the window's start is left out unless it has no length. */
function firstIn(starts: Float64Array, ends: Float64Array, startNs: number, from: number, to: number): number {
  // Ends ascend like starts.
  const at = lowerBound(ends, startNs, from, to)
  return at < to && ends[at] === startNs && starts[at] < startNs ? at + 1 : at
}

function drawSpans({ startNs: starts, endNs: ends, span }: SpanIndex, from: number, to: number, { startNs, endNs, pixelNs }: Window, into: Drawables): void {
  for (let at = firstIn(starts, ends, startNs, from, to); at < to && starts[at] <= endNs;) {
    const start = starts[at]
    let bestNs = ends[at] - start
    let best = at
    const first = at++
    if (bestNs < pixelNs) {
      const limit = Math.min((Math.floor(start / pixelNs) + 1) * pixelNs, endNs)
      for (; at < to && starts[at] < limit; at++) {
        const length = ends[at] - starts[at]
        if (length <= bestNs) continue
        if (length >= pixelNs) break
        bestNs = length
        best = at
      }
    }
    into.add(start, ends[at - 1], at - first, span[best])
  }
}

function drawCells(cells: SpanIndex['cells'], level: number, { startNs, endNs, pixelNs }: Window, into: Drawables): void {
  const { startNs: starts, endNs: ends, count, longest, longestNs } = cells
  const to = cells.levelFrom[level + 1]
  for (let at = firstIn(starts, ends, startNs, cells.levelFrom[level], to); at < to && starts[at] <= endNs;) {
    const start = starts[at]
    let merged = count[at]
    let best = at
    // Several spans of a cell reach over less than a pixel together.
    const own = ends[at] - start >= pixelNs
    at++
    if (!own) {
      let bestNs = longestNs[best]
      const limit = Math.min((Math.floor(start / pixelNs) + 1) * pixelNs, endNs)
      for (; at < to && starts[at] < limit && ends[at] - starts[at] < pixelNs; at++) {
        merged += count[at]
        if (longestNs[at] > bestNs) {
          bestNs = longestNs[at]
          best = at
        }
      }
    }
    into.add(start, ends[at - 1], merged, longest[best])
  }
}

/** Says of a row's drawn spans, which ascend, what part of what is behind them is waiting. */
function shareWaits({ waits, rowFrom, startNs: starts }: SpanIndex, row: number, drawnFrom: number, into: Drawables): void {
  const sums = waits?.rowSums[row] ?? -1
  if (waits === null || sums < 0) return
  const from = rowFrom[row]
  let at = from
  into.setWaits(drawnFrom, (startNs, merged) => {
    at = lowerBound(starts, startNs, at, rowFrom[row + 1])
    return waitShare(waits, sums + at - from, sums + at - from + merged)
  })
}

/**
 * Adds what of a row is in the window. A span of at least a pixel is drawn as itself; shorter ones that start in the
 * same pixel become one.
 */
function drawRow(index: SpanIndex, lane: number, row: number, window: Window, into: Drawables): void {
  into.row(lane, index.rowCategory[row], Math.min(index.rowDepth[row], DEEPEST))
  const drawnFrom = into.count
  const level = levelFor(index.cells, row, window.pixelNs)
  if (level < 0) drawSpans(index, index.rowFrom[row], index.rowFrom[row + 1], window, into)
  else drawCells(index.cells, level, window, into)
  shareWaits(index, row, drawnFrom, into)
}

function flowsIn(arrows: ArrowIndex, lanes: ReadonlySet<number> | null, { startNs, endNs, pixelNs }: Window): Viewport['flows'] {
  const pairs: number[] = []
  const chosen: number[] = []
  for (let pair = 0; pair < arrows.fromLane.length; pair++) {
    if (lanes !== null && !lanes.has(arrows.fromLane[pair]) && !lanes.has(arrows.toLane[pair])) continue
    const to = arrows.first[pair + 1]
    let at = lowerBound(arrows.fromNs, startNs - arrows.longestNs[pair], arrows.first[pair], to)
    while (at < to && arrows.fromNs[at] <= endNs) {
      if (arrows.toNs[at] < startNs) {
        at++
        continue
      }
      pairs.push(pair)
      chosen.push(at)
      at = lowerBound(arrows.fromNs, (Math.floor(arrows.fromNs[at] / pixelNs) + 1) * pixelNs, at + 1, to)
    }
  }
  return {
    fromLane: Uint32Array.from(pairs, (pair) => arrows.fromLane[pair]), toLane: Uint32Array.from(pairs, (pair) => arrows.toLane[pair]),
    fromNs: Float64Array.from(chosen, (at) => arrows.fromNs[at]), toNs: Float64Array.from(chosen, (at) => arrows.toNs[at]),
  }
}

/** Kept from query to query: most of a query's time would go into making room. */
const drawn = new Drawables()

/** Names of the drawn spans that stand for one and have room for it; each text once. */
function labelsOf({ spans, strings }: Timeline, drawable: ReturnType<Drawables['columns']>, shortestNs: number): Required<Pick<Viewport, 'label' | 'labels'>> {
  const { spanStartNs, spanEndNs, count, spanIndex } = drawable
  const label = new Uint32Array(count.length)
  const labels: string[] = []
  const known = new Map<number, number>()
  for (let at = 0; at < label.length; at++) {
    if (count[at] > 1 || spanEndNs[at] - spanStartNs[at] < shortestNs) continue
    const name = spans.name[spanIndex[at]]
    let code = known.get(name)
    if (code === undefined) {
      code = labels.push(strings[name])
      known.set(name, code)
    }
    label[at] = code
  }
  return { label, labels }
}

/** @throws RangeError where a lane is asked for that the timeline does not have. */
function lanesOf({ lanes, title }: Timeline, wanted: readonly number[] | undefined): ReadonlySet<number> | null {
  if (wanted === undefined) return null
  for (const lane of wanted) {
    if (lanes[lane] === undefined) throw new RangeError(`viewport: no lane ${lane}: "${title}" has ${lanes.length}`)
  }
  return new Set(wanted)
}

/**
 * The spans to draw for a window at a resolution, sorted by lane, then start (outer before inner).
 *
 * Per lane, category and nesting depth at most one merged span a pixel; a merged one runs from its first span's start to
 * its last one's end and names the longest. A span of at least a pixel is drawn as itself; neighbouring shorter ones that
 * start in the same pixel become one. Nested spans are never merged into the one around them. Pixels are counted from the
 * timeline's origin, so that panning does not regroup them.
 *
 * Where a row is dense, groups are made of cells of at most half a pixel, counted from the origin as well (spanCells.ts):
 * a cell belongs to the pixel that its first span starts in, one that reaches into the window counts as a whole, and of
 * spans whose lengths differ in the eighth digit either is the longest. So work is bounded by pixels and rows.
 *
 * Hops and flows between ranks give at most one arrow per pair of lanes and pixel, sorted by pair of lanes, then start;
 * of a subset of lanes those that begin or end in it.
 * @param query times in ns from the timeline's origin; `pixels` >= 1; `lanes` all where it is left out.
 * @throws RangeError for an empty or backward window, less than a pixel, or a lane that is not there.
 */
export function queryViewport(timeline: Timeline, query: Pick<ViewportQuery, 'startNs' | 'endNs' | 'pixels' | 'lanes'>):
  Omit<Viewport, 'timelineId' | 'revision'> {
  const { startNs, endNs, pixels } = query
  if (!(endNs > startNs) || !(pixels >= 1)) {
    throw new RangeError(`viewport: expected a window of positive length and at least one pixel, got ${startNs} to ${endNs} ns in ${pixels}`)
  }
  const lanes = lanesOf(timeline, query.lanes)
  const window = { startNs, endNs, pixelNs: (endNs - startNs) / pixels }
  const index = spanIndexOf(timeline)
  drawn.clear()
  for (let lane = 0; lane < timeline.lanes.length; lane++) {
    if (lanes !== null && !lanes.has(lane)) continue
    const laneStart = drawn.count
    for (let row = index.laneRows[lane]; row < index.laneRows[lane + 1]; row++) drawRow(index, lane, row, window, drawn)
    drawn.sortFrom(laneStart)
  }
  const drawable = drawn.columns()
  return {
    startNs, endNs, ...drawable, ...labelsOf(timeline, drawable, LABELLED_PIXELS * window.pixelNs), flows: flowsIn(index.arrows, lanes, window),
  }
}
