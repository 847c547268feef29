import { orderByLane } from '../timeline/spanIndex.ts'
import type { SpanColumns } from '../timeline/timeline.ts'

/**
 * Gives every span of a track a part (0, 1, …) so that the spans of a part nest or are disjoint. Real traces overlap
 * spans on one track (copies, kernels whose recorded end runs over); none may be lost.
 * @returns the part of each span, and how many parts each track has.
 */
export function splitOverlaps(spans: SpanColumns, trackCount: number): { part: Uint32Array; parts: Uint32Array } {
  const part = new Uint32Array(spans.count)
  const parts = new Uint32Array(trackCount)
  orderByLane(spans, trackCount).forEach((order, track) => {
    const openEnds: number[][] = []
    for (const index of order) {
      const start = spans.startNs[index]
      const end = start + spans.durationNs[index]
      let at = 0
      for (; at < openEnds.length; at++) {
        const open = openEnds[at]
        while (open.length > 0 && open[open.length - 1] <= start) open.pop()
        if (open.length === 0 || end <= open[open.length - 1]) break
      }
      if (at === openEnds.length) openEnds.push([])
      openEnds[at].push(end)
      part[index] = at
    }
    parts[track] = openEnds.length
  })
  return { part, parts }
}
