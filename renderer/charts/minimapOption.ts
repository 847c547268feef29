import type { ChartTokens } from '../theme/theme.ts'
import { lookOf } from '../theme/categories.ts'
import { HIDDEN_AXES, layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'
import type { GanttLayout } from './ganttLayout.ts'
import type { SpanIndex } from './spanIndex.ts'
import type { TimeWindow } from './timeWindow.ts'

function marksOf(layout: GanttLayout, spans: SpanIndex, bounds: TimeWindow, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const rankOfLane = new Map(layout.groups.flatMap((group, row) => group.rows.map(({ lane }) => [lane, row] as const)))
  const height = plot.height / layout.groups.length
  return [...spans.batches]
    .sort((a, b) => lookOf(a.category).layer - lookOf(b.category).layer)
    .map((batch) => ({
      type: 'span-batch',
      shape: {
        batch, scale: { window: bounds, left: plot.x, width: plot.width },
        y: plot.y + (rankOfLane.get(batch.lane) ?? 0) * height, height: Math.max(0.5, height - (height > 4 ? 1 : 0)),
      },
      style: { fill: lookOf(batch.category).colour ?? tokens.hatchBackground },
    }))
}

/** The whole timeline in a strip: one row per rank, its lanes on top of each other with compute in front. */
export function minimapOption(layout: GanttLayout, spans: SpanIndex | null, bounds: TimeWindow, tokens: ChartTokens): EChartsOption {
  return {
    ...HIDDEN_AXES,
    grid: { left: 0, right: 0, top: 2, bottom: 2 },
    series: [layer('overview', true, (plot) => (spans === null ? [] : marksOf(layout, spans, bounds, plot, tokens)))],
  }
}
