import { formatAxisTime } from '../format/axis.ts'
import { lookOf } from '../theme/categories.ts'
import { rampColour } from '../theme/ramp.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'
import { pixelOf } from './ganttGeometry.ts'
import { depthBand, LABEL_GAP, type LaneRow } from './ganttLayout.ts'
import { nameMarks } from './ganttNames.ts'
import { arrowMarks, hitMarks, pinnedMarks, selectionMarks } from './ganttOverlays.ts'
import { GANTT_BOTTOM, GANTT_RIGHT, GANTT_TOP, ITERATION_STRIP, lanesTop, scaleOf, type GanttPicture } from './ganttPicture.ts'
import type { WaitBatchShape } from './shapes.ts'
import type { SpanBatch } from './spanIndex.ts'
import { widthOf } from './timeWindow.ts'
import { isWait, WAIT_CATEGORY, type WaitBatch } from './waitBatches.ts'

/** Height of one line of a foldable rank's label, and where its text begins: right of the sign that folds it. */
const GROUP_LINE = 15
const FOLD_SIGN = 18
const BAR_INSET = 1
const LEAST_LABEL_ROW = 11
const LEAST_LABEL_WIDTH = 30
/** More than there are layers in the table of categories. */
const LAYERS = 16
const QUIET = 0.45
/** What part of a span waits is drawn over it, and under all that is drawn over the span. */
const OVER_OWN = 0.5

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

/** Over what it nests in, or over the categories that explain it less. */
const orderOf = (batch: SpanBatch | WaitBatch, row: LaneRow | undefined): number =>
  (row?.nested === true ? batch.depth * LAYERS : 0) + lookOf(batch.category).layer + (isWait(batch) ? OVER_OWN : 0)

/** The waiting at the start of spans; hatched where it is an estimate. */
function waitMarks(batch: WaitBatch, place: Omit<WaitBatchShape, 'batch'>, filled: (colour: string) => string, tokens: ChartTokens): Mark[] {
  const shape = { batch, ...place }
  const { colour } = lookOf(WAIT_CATEGORY)
  const marks: Mark[] = [{ type: 'wait-batch', shape, style: { fill: filled(colour ?? tokens.hatchBackground) } }]
  if (batch.estimated) marks.push({ type: 'wait-batch-hatch', shape, style: { stroke: tokens.background, lineWidth: 1 } })
  return marks
}

function spanMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const scale = scaleOf(picture, plot)
  const top = lanesTop(picture, plot)
  const { rows } = picture.layout
  const batches = [...picture.spans?.batches ?? [], ...picture.spans?.waits ?? []].sort((a, b) => orderOf(a, rows[a.lane]) - orderOf(b, rows[b.lane]))
  const marks: Mark[] = []
  for (const batch of batches) {
    const row: LaneRow | undefined = rows[batch.lane]
    if (row === undefined) continue
    const band = depthBand(row, batch.depth)
    const y = top + band.top + BAR_INSET
    if (y + band.height < plot.y || y > plot.y + plot.height) continue
    const place = { scale, y, height: band.height - 2 * BAR_INSET }
    // Mixed rather than transparent: spans that lie on one another are to look like one.
    const filled = (colour: string): string => (row.quiet ? rampColour(tokens.background, colour, QUIET) : colour)
    if (isWait(batch)) {
      marks.push(...waitMarks(batch, place, filled, tokens))
      continue
    }
    const shape = { batch, ...place }
    const { colour } = lookOf(batch.category)
    marks.push({ type: 'span-batch', shape, style: { fill: filled(colour ?? tokens.hatchBackground) } })
    if (colour === null) marks.push({ type: 'span-batch-hatch', shape, style: { stroke: tokens.hatch, lineWidth: 1 } })
  }
  return marks
}

function labelMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const top = lanesTop(picture, plot)
  const least = plot.y + (picture.iterations.length > 0 ? ITERATION_STRIP : 0)
  const visible = (y: number): boolean => y >= least - 2 && y <= plot.y + plot.height
  const { groupLeft, groups } = picture.layout
  const marks: Mark[] = []
  for (const group of groups) {
    if (top + group.top > plot.y + plot.height || top + group.top + group.height < plot.y) continue
    const folds = group.folded !== null
    const rankY = top + group.top + (folds ? GROUP_LINE / 2 : group.rows[0].height / 2)
    const x = folds ? FOLD_SIGN : LABEL_GAP
    if (visible(rankY)) {
      marks.push({
        type: 'text', style: { text: group.label, x, y: rankY, fill: tokens.text, font: `600 11px ${tokens.font}`, verticalAlign: 'middle' },
      })
    }
    const note = picture.notes.get(group.key)
    if (note !== undefined && visible(rankY + GROUP_LINE)) {
      marks.push({
        type: 'text', style: { text: note, x, y: rankY + GROUP_LINE - 1, fill: tokens.faint, font: `10px ${tokens.font}`, verticalAlign: 'middle' },
      })
    }
    for (const row of group.folded === true ? [] : group.rows) {
      const y = top + row.top + row.height / row.depths / 2
      if (row.height / row.depths < LEAST_LABEL_ROW || !visible(y)) continue
      marks.push({
        type: 'text',
        style: {
          text: row.label, x: plot.x - LABEL_GAP, y, fill: tokens.muted, font: `11px ${tokens.font}`, align: 'right',
          verticalAlign: 'middle', width: plot.x - groupLeft - (folds ? FOLD_SIGN : 0), overflow: 'truncate',
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
      { ...layer('names', true, (plot) => nameMarks(picture, plot, tokens)), z: 3 },
      { ...layer('arrows', true, (plot) => arrowMarks(picture, plot, tokens)), z: 3 },
      { ...layer('marked', true, (plot) => [...selectionMarks(picture, plot, tokens), ...hitMarks(picture, plot, tokens), ...pinnedMarks(picture, plot, tokens)]), z: 4 },
      { ...layer('labels', false, (plot) => labelMarks(picture, plot, tokens)), z: 5 },
    ],
  }
}
