import type { IterationWindow } from '../../preload/contract/run.ts'
import type { Viewport } from '../../preload/contract/timeline.ts'
import { formatAxisTime } from '../format/axis.ts'
import { lookOf } from '../theme/categories.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'
import { pixelOf, type TimeScale } from './ganttGeometry.ts'
import { GROUP_LABEL_WIDTH, LABEL_GAP, type GanttLayout, type LaneRow } from './ganttLayout.ts'
import type { SpanIndex } from './spanIndex.ts'
import { widthOf, type TimeWindow } from './timeWindow.ts'

export const GANTT_RIGHT = 8
/** Height of the time axis above the plot. */
export const GANTT_TOP = 24
export const GANTT_BOTTOM = 4
/** Height of the strip with the iterations' names, at the top of the plot. */
export const ITERATION_STRIP = 18
/** Arrows closer together than this, on average, hide the spans rather than explain them. */
const ARROW_DISTANCE = 10

/** How many arrows a plot of a width can take. */
export const mostArrows = (plotWidth: number): number => Math.floor(plotWidth / ARROW_DISTANCE)

export interface PinnedSpan {
  readonly lane: number
  readonly startNs: number
  readonly endNs: number
}

export interface GanttPicture {
  readonly layout: GanttLayout
  readonly spans: SpanIndex | null
  readonly window: TimeWindow
  readonly iterations: readonly IterationWindow[]
  readonly showArrows: boolean
  readonly pinned: PinnedSpan | null
  readonly scrollTop: number
  /** Height of the chart; the plot ends under the last lane where there is more. */
  readonly height: number
}

const BAR_INSET = 1
const LEAST_LABEL_ROW = 11
const LEAST_LABEL_WIDTH = 30

export const ganttScale = (window: TimeWindow, left: number, chartWidth: number): TimeScale =>
  ({ window, left, width: Math.max(1, chartWidth - left - GANTT_RIGHT) })

const scaleOf = (picture: GanttPicture, plot: PlotArea): TimeScale =>
  ({ window: picture.window, left: plot.x, width: plot.width })

const lanesTop = (picture: GanttPicture, plot: PlotArea): number =>
  plot.y + (picture.iterations.length > 0 ? ITERATION_STRIP : 0) - picture.scrollTop

function iterationMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const scale = scaleOf(picture, plot)
  const height = Math.min(plot.height, lanesTop(picture, plot) + picture.layout.contentHeight - plot.y)
  const marks: Mark[] = []
  for (const { iteration, warmup, startNs, endNs } of picture.iterations) {
    const x0 = Math.max(plot.x, pixelOf(scale, startNs))
    const x1 = Math.min(plot.x + plot.width, pixelOf(scale, endNs))
    if (x1 - x0 < 3) continue
    marks.push({ type: 'rect', shape: { x: x0, y: plot.y, width: x1 - x0, height }, style: { fill: tokens.band } })
    marks.push({ type: 'line', shape: { x1: x0, y1: plot.y, x2: x0, y2: plot.y + height }, style: { stroke: tokens.gridLine, lineWidth: 1 } })
    if (warmup) {
      marks.push({ type: 'hatch', shape: { rects: [[x0, plot.y, x1 - x0, ITERATION_STRIP - 2]] }, style: { stroke: tokens.gridLine, lineWidth: 1 } })
    }
    const text = warmup ? `warm-up ${iteration}` : `iteration ${iteration}`
    const short = warmup ? `w${iteration}` : String(iteration)
    const fits = x1 - x0 > 76
    if (!fits && x1 - x0 < LEAST_LABEL_WIDTH) continue
    marks.push({
      type: 'text',
      style: {
        text: fits ? text : short, x: x0 + 5, y: plot.y + ITERATION_STRIP / 2 - 1,
        fill: warmup ? tokens.faint : tokens.muted, font: `11px ${tokens.font}`, verticalAlign: 'middle',
      },
    })
  }
  return marks
}

function groupLineMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const top = lanesTop(picture, plot)
  return picture.layout.groups.slice(1).map((group, index): Mark => {
    const above = picture.layout.groups[index]
    const y = Math.round(top + (above.top + above.height + group.top) / 2) + 0.5
    return { type: 'line', shape: { x1: plot.x, y1: y, x2: plot.x + plot.width, y2: y }, style: { stroke: tokens.gridLine, lineWidth: 1 } }
  })
}

function spanMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const scale = scaleOf(picture, plot)
  const top = lanesTop(picture, plot)
  const batches = [...picture.spans?.batches ?? []].sort((a, b) => lookOf(a.category).layer - lookOf(b.category).layer)
  const marks: Mark[] = []
  for (const batch of batches) {
    const row: LaneRow | undefined = picture.layout.rows[batch.lane]
    if (row === undefined) continue
    const y = top + row.top + BAR_INSET
    if (y + row.height < plot.y || y > plot.y + plot.height) continue
    const shape = { batch, scale, y, height: row.height - 2 * BAR_INSET }
    const { colour } = lookOf(batch.category)
    marks.push({ type: 'span-batch', shape, style: { fill: colour ?? tokens.hatchBackground } })
    if (colour === null) marks.push({ type: 'span-batch-hatch', shape, style: { stroke: tokens.hatch, lineWidth: 1 } })
  }
  return marks
}

/** Number of hops under way at some moment of a window. */
export function arrowsInWindow(flows: Viewport['flows'], window: TimeWindow): number {
  let count = 0
  for (let at = 0; at < flows.fromNs.length; at++) {
    if (flows.toNs[at] >= window.startNs && flows.fromNs[at] <= window.endNs) count++
  }
  return count
}

/** Arrows of hops whose ends differ by lane, in pixels; those with an end far outside the plot are left out. */
export function arrowsOf(
  flows: Viewport['flows'], layout: GanttLayout, scale: TimeScale, top: number,
): [number, number, number, number][] {
  const arrows: [number, number, number, number][] = []
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

function arrowMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  if (!picture.showArrows || picture.spans === null) return []
  const arrows = arrowsOf(picture.spans.viewport.flows, picture.layout, scaleOf(picture, plot), lanesTop(picture, plot))
  if (arrows.length > mostArrows(plot.width)) return []
  return [{ type: 'arrows', shape: { arrows }, style: { stroke: tokens.text, fill: 'none', lineWidth: 1, opacity: 0.6 } }]
}

function pinnedMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const { pinned } = picture
  const row: LaneRow | undefined = pinned === null ? undefined : picture.layout.rows[pinned.lane]
  if (pinned === null || row === undefined) return []
  const scale = scaleOf(picture, plot)
  const x0 = pixelOf(scale, pinned.startNs)
  const width = Math.max(2, pixelOf(scale, pinned.endNs) - x0)
  const y = lanesTop(picture, plot) + row.top
  return [{ type: 'rect', shape: { x: x0, y, width, height: row.height }, style: { fill: 'none', stroke: tokens.text, lineWidth: 2 } }]
}

function labelMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const top = lanesTop(picture, plot)
  const least = plot.y + (picture.iterations.length > 0 ? ITERATION_STRIP : 0)
  const visible = (y: number): boolean => y >= least - 2 && y <= plot.y + plot.height
  const marks: Mark[] = []
  for (const group of picture.layout.groups) {
    // A lane named like its group alone needs no second label.
    const rankY = top + group.top + group.rows[0].height / 2
    if (visible(rankY)) {
      marks.push({
        type: 'text',
        style: { text: group.label, x: LABEL_GAP, y: rankY, fill: tokens.text, font: `600 11px ${tokens.font}`, verticalAlign: 'middle' },
      })
    }
    for (const row of group.rows) {
      const y = top + row.top + row.height / 2
      if (row.height < LEAST_LABEL_ROW || !visible(y)) continue
      marks.push({
        type: 'text',
        style: {
          text: row.label, x: plot.x - LABEL_GAP, y, fill: tokens.muted, font: `11px ${tokens.font}`, align: 'right',
          verticalAlign: 'middle', width: plot.x - GROUP_LABEL_WIDTH, overflow: 'truncate',
        },
      })
    }
  }
  return marks
}

/** The Gantt: a time axis on top, layers of marks under it. Series keep their ids so that a redraw merges. */
export function ganttOption(picture: GanttPicture, tokens: ChartTokens): EChartsOption {
  const { window } = picture
  const wanted = (picture.iterations.length > 0 ? ITERATION_STRIP : 0) + picture.layout.contentHeight
  const height = Math.max(1, Math.min(wanted, picture.height - GANTT_TOP - GANTT_BOTTOM))
  const line = { lineStyle: { color: tokens.gridLine } }
  return {
    grid: { left: picture.layout.left, right: GANTT_RIGHT, top: GANTT_TOP, height },
    xAxis: {
      type: 'value', z: 1, position: 'top', min: window.startNs, max: window.endNs, splitNumber: 8,
      axisLine: { show: true, onZero: false, lineStyle: { color: tokens.border } },
      axisTick: { show: true, length: 4, ...line },
      splitLine: { show: true, ...line },
      axisLabel: {
        color: tokens.muted, fontSize: 11, fontFamily: tokens.font, margin: 6, hideOverlap: true,
        showMinLabel: false, showMaxLabel: false,
        formatter: (value: number) => formatAxisTime(value, widthOf(window)),
      },
    },
    yAxis: { type: 'value', min: 0, max: 1, show: false },
    series: [
      { ...layer('bands', true, (plot) => iterationMarks(picture, plot, tokens)), z: 0 },
      { ...layer('groups', true, (plot) => groupLineMarks(picture, plot, tokens)), z: 1 },
      { ...layer('spans', true, (plot) => spanMarks(picture, plot, tokens)), z: 2 },
      { ...layer('arrows', true, (plot) => arrowMarks(picture, plot, tokens)), z: 3 },
      { ...layer('pinned', true, (plot) => pinnedMarks(picture, plot, tokens)), z: 4 },
      { ...layer('labels', false, (plot) => labelMarks(picture, plot, tokens)), z: 5 },
    ],
  }
}
