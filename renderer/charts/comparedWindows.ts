import type { ComparedSource } from '../../preload/contract/compare.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import { widthOf, type TimeWindow } from './timeWindow.ts'

/** A timeline among those side by side, and where its window begins: the common 0. */
export interface AlignedSource {
  readonly summary: TimelineSummary
  readonly source: ComparedSource
  readonly originNs: number
}

/** Room beside the longest window, so that its end is seen. */
const MARGIN = 0.02

/**
 * Lays the sources' windows of one number over each other by their start; a source that has fewer keeps to its last.
 * Sources whose timeline is closed are left out.
 */
export function alignSources(sources: readonly ComparedSource[], summaries: ReadonlyMap<string, TimelineSummary>, windowAt: number): AlignedSource[] {
  return sources.flatMap((source) => {
    const summary = summaries.get(source.id)
    const window = source.windows.at(Math.min(windowAt, source.windows.length - 1))
    return summary === undefined ? [] : [{ summary, source, originNs: window?.startNs ?? summary.startNs }]
  })
}

/** The longest of the windows of one number, from the common 0, with a margin on both sides. */
export function commonWindow(aligned: readonly AlignedSource[], windowAt: number): TimeWindow {
  const longest = Math.max(1, ...aligned.map(({ source, summary }) => {
    const window = source.windows.at(Math.min(windowAt, source.windows.length - 1))
    return window === undefined ? widthOf(summary) : widthOf(window)
  }))
  return { startNs: -MARGIN * longest, endNs: (1 + MARGIN) * longest }
}

/** From the earliest start to the latest end of any, from the common 0. */
export const commonBounds = (aligned: readonly AlignedSource[]): TimeWindow => ({
  startNs: Math.min(0, ...aligned.map(({ summary, originNs }) => summary.startNs - originNs)),
  endNs: Math.max(1, ...aligned.map(({ summary, originNs }) => summary.endNs - originNs)),
})
