import type { IterationWindow } from '../../preload/contract/run.ts'
import type { SpanDetails } from '../../preload/contract/timeline.ts'
import type { PlotArea } from './drawing.ts'
import type { TimeScale } from './ganttGeometry.ts'
import type { GanttLayout } from './ganttLayout.ts'
import type { SpanIndex } from './spanIndex.ts'
import type { TimeWindow } from './timeWindow.ts'

export const GANTT_RIGHT = 8
/** Height of the time axis above the plot. */
export const GANTT_TOP = 24
export const GANTT_BOTTOM = 4
/** Height of the strip with the iterations' names, at the top of the plot. */
export const ITERATION_STRIP = 18

/** A place in the chart: a moment of a lane, at a depth. */
export interface SpanPlace {
  readonly lane: number
  readonly depth: number
  readonly timeNs: number
}

export interface PinnedSpan {
  readonly lane: number
  readonly depth: number
  readonly startNs: number
  readonly endNs: number
  /** Arrows that lead to it or away from it. */
  readonly flows: readonly { readonly from: SpanPlace; readonly to: SpanPlace }[]
}

/** Where a span is drawn, with the arrows that its flows are. */
export function pinnedSpan(span: SpanDetails): PinnedSpan {
  const { laneIndex: lane, depth } = span
  const endNs = span.startNs + span.durationNs
  const flows = span.flows.map((flow) => {
    const other: SpanPlace = { lane: flow.laneIndex, depth: flow.depth, timeNs: flow.startNs }
    // What follows may begin while this span goes on.
    const own: SpanPlace = { lane, depth, timeNs: flow.direction === 'to' ? Math.max(span.startNs, Math.min(endNs, flow.startNs)) : span.startNs }
    return flow.direction === 'to' ? { from: own, to: other } : { from: other, to: own }
  })
  return { lane, depth, startNs: span.startNs, endNs, flows }
}

/** Spans that a search found, by start. */
export interface SearchHits {
  readonly spanIndex: Uint32Array
  readonly lane: Uint32Array
  readonly startNs: Float64Array
  readonly durationNs: Float64Array
}

/** A part of the timeline that the user marked. */
export interface SelectedArea {
  readonly window: TimeWindow
  /** Null for all lanes. */
  readonly lanes: readonly number[] | null
}

/** Everything that the Gantt shows. */
export interface GanttPicture {
  readonly layout: GanttLayout
  readonly spans: SpanIndex | null
  readonly window: TimeWindow
  readonly iterations: readonly IterationWindow[]
  readonly showArrows: boolean
  readonly pinned: PinnedSpan | null
  readonly hits: SearchHits | null
  readonly selected: SelectedArea | null
  /** A line under a rank's label, by group: how its clock was put on the timeline's. */
  readonly notes: ReadonlyMap<string, string>
  readonly scrollTop: number
  /** Height of the chart; the plot ends under the last lane where there is more. */
  readonly height: number
}

export const ganttScale = (window: TimeWindow, left: number, chartWidth: number): TimeScale =>
  ({ window, left, width: Math.max(1, chartWidth - left - GANTT_RIGHT) })

export const scaleOf = (picture: GanttPicture, plot: PlotArea): TimeScale =>
  ({ window: picture.window, left: plot.x, width: plot.width })

/** Where the content begins, in pixels of the chart; above the plot when it is scrolled. */
export const lanesTop = (picture: GanttPicture, plot: PlotArea): number =>
  plot.y + (picture.iterations.length > 0 ? ITERATION_STRIP : 0) - picture.scrollTop
