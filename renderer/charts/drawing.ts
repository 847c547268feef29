import './shapes.ts'
import type { CustomSeriesOption, CustomSeriesRenderItemParams, CustomSeriesRenderItemReturn } from './echarts.ts'
import type { ArrowsShape, HatchShape, OutlinesShape, SpanBatchShape, WaitBatchShape } from './shapes.ts'

/** The plot area, in pixels. */
export interface PlotArea {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

interface Style {
  readonly fill?: string
  readonly stroke?: string
  readonly lineWidth?: number
  readonly opacity?: number
  readonly lineDash?: number[]
}

interface TextStyle {
  readonly text: string
  readonly x: number
  readonly y: number
  readonly fill: string
  readonly font: string
  readonly align?: 'left' | 'center' | 'right'
  readonly verticalAlign?: 'top' | 'middle' | 'bottom'
  readonly width?: number
  readonly overflow?: 'truncate'
}

/** What a layer draws: ECharts' own graphic elements, and the shapes that shapes.ts registers. */
export type Mark =
  | { readonly type: 'rect'; readonly shape: PlotArea; readonly style: Style }
  | { readonly type: 'line'; readonly shape: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number }; readonly style: Style }
  | { readonly type: 'polygon'; readonly shape: { readonly points: readonly (readonly [number, number])[] }; readonly style: Style }
  | { readonly type: 'text'; readonly style: TextStyle }
  | { readonly type: 'span-batch' | 'span-batch-hatch'; readonly shape: SpanBatchShape; readonly style: Style }
  | { readonly type: 'wait-batch' | 'wait-batch-hatch'; readonly shape: WaitBatchShape; readonly style: Style }
  | { readonly type: 'hatch'; readonly shape: HatchShape; readonly style: Style }
  | { readonly type: 'outlines'; readonly shape: OutlinesShape; readonly style: Style }
  | { readonly type: 'arrows'; readonly shape: ArrowsShape; readonly style: Style }

/**
 * A custom series of one datum that draws in pixels of the plot area. The charts place their marks themselves: a datum
 * per mark would be an element with data and states each, which is what makes custom series slow.
 * @param clip false lets the layer draw outside the plot, for labels in the margin
 */
export function layer(id: string, clip: boolean, draw: (plot: PlotArea) => readonly Mark[]): CustomSeriesOption {
  return {
    id, type: 'custom', coordinateSystem: 'cartesian2d', clip, silent: true, animation: false, data: [[0, 0]],
    renderItem(params: CustomSeriesRenderItemParams): CustomSeriesRenderItemReturn {
      const plot = params.coordSys as unknown as PlotArea
      const children = draw(plot).map((mark) => ({ ...mark, silent: true, transition: [] }))
      // The registered shapes are no part of ECharts' own types.
      return { type: 'group', $mergeChildren: false, children } as unknown as CustomSeriesRenderItemReturn
    },
  }
}

/** Axes that only span the plot, for charts whose layers draw everything. */
export const HIDDEN_AXES = {
  xAxis: { type: 'value', min: 0, max: 1, show: false },
  yAxis: { type: 'value', min: 0, max: 1, show: false },
} as const
