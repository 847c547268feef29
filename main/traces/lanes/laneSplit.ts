import type { SpanColumns } from '../../timeline/timeline.ts'
import { LaneTree } from './laneTree.ts'

type Spans = Pick<SpanColumns, 'count' | 'startNs' | 'durationNs'>

/** How the spans of tracks were divided so that each part's spans nest or are disjoint. */
export interface LaneParts {
  /** By span: 0 for the track's first lane. */
  readonly part: Uint32Array
  /** By track: how many lanes it needs. */
  readonly parts: Uint32Array
}

/** Ends of the open spans of one lane, innermost last. */
type OpenEnds = number[]

/** So many lanes are looked at one by one; of more a tree finds the first that fits. */
const FEW_LANES = 12

/** The first lane in which a span nests or stands alone; `lanes.length` where there is none. */
function laneFor(lanes: readonly OpenEnds[], startNs: number, endNs: number): number {
  for (let at = 0; at < lanes.length; at++) {
    const open = lanes[at]
    while (open.length > 0 && open[open.length - 1] <= startNs) open.pop()
    if (open.length === 0 || endNs <= open[open.length - 1]) return at
  }
  return lanes.length
}

/** Spans open at once on a lane are hardly ever more than this. */
const USUAL_DEPTH = 256

/**
 * Puts a track's spans on its first lane, up to the first that fits there no more; most tracks' all do.
 * @returns the place of that span in the order, and the ends of those that are open then
 */
function fillFirst({ startNs, durationNs }: Spans, order: Uint32Array): { readonly place: number; readonly open: OpenEnds } {
  const ends = new Float64Array(USUAL_DEPTH)
  let depth = 0
  let place = 0
  for (; place < order.length && depth < USUAL_DEPTH; place++) {
    const start = startNs[order[place]]
    const end = start + durationNs[order[place]]
    while (depth > 0 && ends[depth - 1] <= start) depth--
    if (depth > 0 && end > ends[depth - 1]) break
    ends[depth++] = end
  }
  return { place, open: Array.from(ends.subarray(0, depth)) }
}

/** Gives the spans of a track from one on their parts. @returns how many lanes there are then. */
function divide({ startNs, durationNs }: Spans, order: Uint32Array, from: number, first: OpenEnds, part: Uint32Array): number {
  const lanes = [first]
  let tree: LaneTree | null = null
  let count = 1
  for (let place = from; place < order.length; place++) {
    const span = order[place]
    const start = startNs[span]
    const end = start + durationNs[span]
    if (tree === null && lanes.length > FEW_LANES) tree = new LaneTree(lanes)
    const at = tree === null ? laneFor(lanes, start, end) : tree.laneFor(start, end)
    if (tree !== null) tree.put(at, end)
    else if (at === lanes.length) lanes.push([end])
    else lanes[at].push(end)
    part[span] = at
    if (at === count) count++
  }
  return count
}

/**
 * Gives every span of a track a part (0, 1, …) so that the spans of a part nest or are disjoint. Real traces overlap
 * spans on one track (copies, kernels whose recorded end runs over); none may be lost.
 * @param orders spans of each track by start, of equal starts the longer first
 */
export function splitOverlaps(spans: Spans, orders: readonly Uint32Array[]): LaneParts {
  const part = new Uint32Array(spans.count)
  const parts = new Uint32Array(orders.length)
  orders.forEach((order, track) => {
    if (order.length === 0) return
    const { place, open } = fillFirst(spans, order)
    parts[track] = divide(spans, order, place, open, part)
  })
  return { part, parts }
}
