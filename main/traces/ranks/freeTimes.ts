import { orderByLane } from '../../timeline/laneOrder.ts'
import type { SpanColumns } from '../../timeline/timeline.ts'

/**
 * The first and the last ns of every span that no span inside it covers, by span: where an arrow ties to it and to none
 * inside. A span that is covered whole, or has no length, has its start as both.
 */
export function freeTimes(spans: SpanColumns, laneCount: number): { readonly firstNs: Float64Array; readonly lastNs: Float64Array } {
  const firstNs = new Float64Array(spans.count).fill(Number.NaN)
  const lastNs = new Float64Array(spans.count)
  /** Up to where each open span's inner ones have covered it. */
  const coveredNs: number[] = []
  const open: number[] = []
  const free = (span: number, fromNs: number, toNs: number): void => {
    if (toNs <= fromNs) return
    if (Number.isNaN(firstNs[span])) firstNs[span] = fromNs
    lastNs[span] = toNs - 1
  }
  const close = (): void => {
    const span = open.pop()
    const fromNs = coveredNs.pop()
    if (span === undefined || fromNs === undefined) return
    free(span, fromNs, spans.startNs[span] + spans.durationNs[span])
    if (Number.isNaN(firstNs[span])) firstNs[span] = lastNs[span] = spans.startNs[span]
  }
  for (const order of orderByLane(spans, laneCount)) {
    for (const span of order) {
      const startNs = spans.startNs[span]
      const endNs = startNs + spans.durationNs[span]
      while (open.length > 0 && spans.startNs[open[open.length - 1]] + spans.durationNs[open[open.length - 1]] <= startNs) close()
      const outer = open.length - 1
      if (outer >= 0) {
        free(open[outer], coveredNs[outer], startNs)
        // One without length is still what lies innermost at its instant.
        coveredNs[outer] = Math.max(coveredNs[outer], endNs, startNs + 1)
      }
      open.push(span)
      coveredNs.push(startNs)
    }
    while (open.length > 0) close()
  }
  return { firstNs, lastNs }
}
