import type { TimelineSummary, Viewport } from '../../preload/contract/timeline.ts'

const from = (times: Float64Array, originNs: number): Float64Array => times.map((time) => time - originNs)

/** A viewport with its times counted from an origin. */
export function viewportFrom(viewport: Viewport, originNs: number): Viewport {
  if (originNs === 0) return viewport
  const { flows } = viewport
  return {
    ...viewport,
    startNs: viewport.startNs - originNs, endNs: viewport.endNs - originNs,
    spanStartNs: from(viewport.spanStartNs, originNs), spanEndNs: from(viewport.spanEndNs, originNs),
    flows: { ...flows, fromNs: from(flows.fromNs, originNs), toNs: from(flows.toNs, originNs) },
  }
}

/** A summary with its times counted from an origin. */
export function summaryFrom(summary: TimelineSummary, originNs: number): TimelineSummary {
  const window = <W extends { readonly startNs: number; readonly endNs: number }>(of: W): W =>
    ({ ...of, startNs: of.startNs - originNs, endNs: of.endNs - originNs })
  return {
    ...window(summary),
    busyNs: window(summary.busyNs),
    run: summary.run === null ? null : { ...summary.run, iterations: summary.run.iterations.map(window) },
  }
}
