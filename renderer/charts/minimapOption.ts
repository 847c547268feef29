import type { LaneSummary } from '../../preload/contract/timeline.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { lookOf } from '../theme/categories.ts'
import { HIDDEN_AXES, layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'
import { pixelOf } from './ganttGeometry.ts'
import type { GanttLayout } from './ganttLayout.ts'
import type { SearchHits } from './ganttPicture.ts'
import { hasDevices } from './laneFolds.ts'
import type { SpanIndex } from './spanIndex.ts'
import type { TimeWindow } from './timeWindow.ts'
import { isWait, WAIT_CATEGORY } from './waitBatches.ts'

const MOST_LANES = 200

function marksOf(layout: GanttLayout, spans: SpanIndex, bounds: TimeWindow, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const rankOfLane = new Map(layout.groups.flatMap((group, row) => group.rows.map(({ lane }) => [lane, row] as const)))
  const height = plot.height / layout.groups.length
  const scale = { window: bounds, left: plot.x, width: plot.width }
  // Waiting lies over its own span: the sort is stable.
  return [...spans.batches, ...spans.waits]
    .sort((a, b) => lookOf(a.category).layer - lookOf(b.category).layer)
    .map((batch): Mark => {
      const place = { scale, y: plot.y + (rankOfLane.get(batch.lane) ?? 0) * height, height: Math.max(0.5, height - (height > 4 ? 1 : 0)) }
      const fill = (code: number): string => lookOf(code).colour ?? tokens.hatchBackground
      return isWait(batch)
        ? { type: 'wait-batch', shape: { batch, ...place }, style: { fill: fill(WAIT_CATEGORY) } }
        : { type: 'span-batch', shape: { batch, ...place }, style: { fill: fill(batch.category) } }
    })
}

const TICK = 8

/** A tick at the upper edge for every pixel that has hits. */
function hitMarks(hits: SearchHits, bounds: TimeWindow, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const scale = { window: bounds, left: plot.x, width: plot.width }
  const pixels = new Set<number>()
  for (const startNs of hits.startNs) pixels.add(Math.round(pixelOf(scale, startNs)))
  const rects = [...pixels].map((x) => [x - 0.5, plot.y - 2, 1.5, TICK] as const)
  return [{ type: 'outlines', shape: { rects }, style: { fill: tokens.text } }]
}

/** Lanes that the overview draws: the devices' where there are any, of those the fullest. */
export function overviewLanes(lanes: readonly LaneSummary[]): readonly LaneSummary[] {
  const shown = hasDevices(lanes) ? lanes.filter(({ kind }) => kind === 'gpu') : lanes
  return shown.length <= MOST_LANES ? shown : [...shown].sort((a, b) => b.spanCount - a.spanCount).slice(0, MOST_LANES)
}

/** The whole timeline in a strip: one row per rank, its lanes on top of each other with compute in front. */
export function minimapOption(
  layout: GanttLayout, spans: SpanIndex | null, hits: SearchHits | null, bounds: TimeWindow, tokens: ChartTokens,
): EChartsOption {
  return {
    ...HIDDEN_AXES,
    grid: { left: 0, right: 0, top: 2, bottom: 2 },
    series: [
      layer('overview', true, (plot) => (spans === null ? [] : marksOf(layout, spans, bounds, plot, tokens))),
      layer('hits', false, (plot) => (hits === null ? [] : hitMarks(hits, bounds, plot, tokens))),
    ],
  }
}
