import type { Viewport } from '../../preload/contract/timeline.ts'
import type { ChartTokens } from '../theme/theme.ts'
import type { Mark, PlotArea } from './drawing.ts'
import { pixelOf, type TimeScale } from './ganttGeometry.ts'
import { depthBand, type GanttLayout, type LaneRow } from './ganttLayout.ts'
import { lanesTop, scaleOf, type GanttPicture, type PinnedSpan, type SearchHits, type SpanPlace } from './ganttPicture.ts'
import { widthOf, type TimeWindow } from './timeWindow.ts'

/** Arrows closer together than this, on average, hide the spans rather than explain them. */
const ARROW_DISTANCE = 10

/** How many arrows a plot of a width can take. */
export const mostArrows = (plotWidth: number): number => Math.floor(plotWidth / ARROW_DISTANCE)

/** Number of flows under way at some moment of a window. */
export function arrowsInWindow(flows: Viewport['flows'], window: TimeWindow): number {
  let count = 0
  for (let at = 0; at < flows.fromNs.length; at++) {
    if (flows.toNs[at] >= window.startNs && flows.fromNs[at] <= window.endNs) count++
  }
  return count
}

type Arrow = [number, number, number, number]

/** Arrows of hops whose ends differ by lane, in pixels; those with an end far outside the plot are left out. */
export function arrowsOf(flows: Viewport['flows'], layout: GanttLayout, scale: TimeScale, top: number): Arrow[] {
  const arrows: Arrow[] = []
  const right = scale.left + scale.width
  for (let at = 0; at < flows.fromLane.length; at++) {
    const from: LaneRow | undefined = layout.rows[flows.fromLane[at]]
    const to: LaneRow | undefined = layout.rows[flows.toLane[at]]
    if (from === undefined || to === undefined) continue
    const x0 = pixelOf(scale, flows.fromNs[at])
    const x1 = pixelOf(scale, flows.toNs[at])
    if (x1 < scale.left || x0 > right) continue
    arrows.push([x0, top + from.top + from.height / 2, x1, top + to.top + to.height / 2])
  }
  return arrows
}

const FAR = 10_000

/** Arrows of one span, with their ends at the spans' own depths. */
function pinnedArrows(pinned: PinnedSpan, layout: GanttLayout, scale: TimeScale, top: number): Arrow[] {
  const end = ({ lane, depth, timeNs }: SpanPlace): readonly [number, number] | null => {
    const row: LaneRow | undefined = layout.rows[lane]
    if (row === undefined) return null
    const band = depthBand(row, depth)
    // Canvas coordinates lose precision far outside the plot.
    const x = Math.max(scale.left - FAR, Math.min(scale.left + scale.width + FAR, pixelOf(scale, timeNs)))
    return [x, top + band.top + band.height / 2]
  }
  return pinned.flows.flatMap(({ from, to }): Arrow[] => {
    const [start, stop] = [end(from), end(to)]
    return start === null || stop === null ? [] : [[...start, ...stop]]
  })
}

export function arrowMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  if (!picture.showArrows || picture.spans === null) return []
  const arrows = arrowsOf(picture.spans.viewport.flows, picture.layout, scaleOf(picture, plot), lanesTop(picture, plot))
  if (arrows.length > mostArrows(plot.width)) return []
  return [{ type: 'arrows', shape: { arrows }, style: { stroke: tokens.text, fill: 'none', lineWidth: 1, opacity: 0.6 } }]
}

export function pinnedMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const { pinned, layout } = picture
  if (pinned === null) return []
  const scale = scaleOf(picture, plot)
  const top = lanesTop(picture, plot)
  const marks: Mark[] = []
  const arrows = pinnedArrows(pinned, layout, scale, top)
  if (arrows.length > 0) marks.push({ type: 'arrows', shape: { arrows }, style: { stroke: tokens.text, fill: 'none', lineWidth: 1.5 } })
  const row: LaneRow | undefined = layout.rows[pinned.lane]
  if (row === undefined) return marks
  const band = depthBand(row, pinned.depth)
  const x = pixelOf(scale, pinned.startNs)
  const width = Math.max(2, pixelOf(scale, pinned.endNs) - x)
  marks.push({ type: 'rect', shape: { x, y: top + band.top, width, height: band.height }, style: { fill: 'none', stroke: tokens.text, lineWidth: 2 } })
  return marks
}

const columnsByViewport = new WeakMap<Viewport, ReadonlyMap<number, number>>()

/** Place in the viewport's columns of each span that is drawn. */
function columnsOf(viewport: Viewport): ReadonlyMap<number, number> {
  const known = columnsByViewport.get(viewport)
  if (known !== undefined) return known
  const columns = new Map<number, number>()
  for (let at = 0; at < viewport.spanIndex.length; at++) columns.set(viewport.spanIndex[at], at)
  columnsByViewport.set(viewport, columns)
  return columns
}

const LEAST_HIT_WIDTH = 2

/**
 * Rectangles around the hits in the window, one a pixel and row at most. A hit that is drawn as part of another span at
 * its pixel has the whole height of its lane.
 */
export function hitRects(hits: SearchHits, picture: GanttPicture, scale: TimeScale, top: number): Arrow[] {
  const columns = picture.spans === null ? new Map<number, number>() : columnsOf(picture.spans.viewport)
  const seen = new Set<string>()
  const rects: Arrow[] = []
  for (let at = 0; at < hits.startNs.length; at++) {
    const endNs = hits.startNs[at] + hits.durationNs[at]
    if (endNs < scale.window.startNs || hits.startNs[at] > scale.window.endNs) continue
    const row: LaneRow | undefined = picture.layout.rows[hits.lane[at]]
    if (row === undefined) continue
    const column = columns.get(hits.spanIndex[at])
    const { top: bandTop, height } = column === undefined ? row : depthBand(row, picture.spans?.viewport.depth[column] ?? 0)
    const x0 = Math.max(scale.left, pixelOf(scale, hits.startNs[at]))
    const key = `${row.top}:${bandTop}:${Math.round(x0)}`
    if (seen.has(key)) continue
    seen.add(key)
    const x1 = Math.min(scale.left + scale.width, pixelOf(scale, endNs))
    rects.push([x0, top + bandTop, Math.max(LEAST_HIT_WIDTH, x1 - x0), height])
  }
  return rects
}

export function hitMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  if (picture.hits === null) return []
  const rects = hitRects(picture.hits, picture, scaleOf(picture, plot), lanesTop(picture, plot))
  // Light around dark: seen on every category's colour.
  return [
    { type: 'outlines', shape: { rects }, style: { fill: 'none', stroke: tokens.background, lineWidth: 4 } },
    { type: 'outlines', shape: { rects }, style: { fill: 'none', stroke: tokens.accent, lineWidth: 2 } },
  ]
}

export function selectionMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const { selected, layout } = picture
  if (selected === null || widthOf(selected.window) <= 0) return []
  const scale = scaleOf(picture, plot)
  const x = pixelOf(scale, selected.window.startNs)
  const width = pixelOf(scale, selected.window.endNs) - x
  const rows = (selected.lanes ?? []).flatMap((lane): LaneRow[] => (layout.rows[lane] === undefined ? [] : [layout.rows[lane]]))
  const all = selected.lanes === null || rows.length === 0
  const top = all ? 0 : Math.min(...rows.map((row) => row.top))
  const bottom = all ? layout.contentHeight : Math.max(...rows.map((row) => row.top + row.height))
  const shape = { x, y: lanesTop(picture, plot) + top, width, height: bottom - top }
  return [
    { type: 'rect', shape, style: { fill: tokens.accent, opacity: 0.14 } },
    { type: 'rect', shape, style: { fill: 'none', stroke: tokens.accent, lineWidth: 1 } },
  ]
}
