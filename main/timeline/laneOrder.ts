import { sortByKey } from './sortByKey.ts'
import type { SpanColumns } from './timeline.ts'

type Timed = Pick<SpanColumns, 'count' | 'lane' | 'startNs' | 'durationNs'>

/** Of spans that start together the longer first, so that the outer precedes the inner; of equals the earlier recorded. */
function longerFirst(starts: Float64Array, order: Uint32Array, durationNs: Float64Array): void {
  for (let at = 1; at < starts.length; at++) {
    if (starts[at] !== starts[at - 1]) continue
    const from = at - 1
    let inOrder = true
    for (; at < starts.length && starts[at] === starts[from]; at++) {
      if (durationNs[order[at]] > durationNs[order[at - 1]]) inOrder = false
    }
    if (inOrder) continue
    const group = order.subarray(from, at)
    sortByKey(Float64Array.from(group, (index) => -durationNs[index]), group)
  }
}

/** Orders that are known, by the columns that they are of. */
const known = new WeakMap<Timed, readonly Uint32Array[]>()

/** Keeps the order of lanes' spans, as {@link orderByLane} gives it, that whoever made the lanes found on the way. */
export function adoptLaneOrder(spans: Timed, orders: readonly Uint32Array[]): void {
  known.set(spans, orders)
}

/**
 * Span indices of each lane, by start; of two that start together the longer first, so that the outer precedes the inner.
 * O(n) where lanes were recorded in order, little more where nearly so.
 * @returns one array a lane, to be read only: others may be given the same.
 */
export function orderByLane(spans: Timed, laneCount: number): readonly Uint32Array[] {
  const { count, lane, startNs, durationNs } = spans
  const adopted = known.get(spans)
  if (adopted !== undefined) return adopted
  const next = new Uint32Array(laneCount + 1)
  for (let index = 0; index < count; index++) next[lane[index] + 1]++
  for (let each = 0; each < laneCount; each++) next[each + 1] += next[each]
  const from = next.slice()
  const all = new Uint32Array(count)
  for (let index = 0; index < count; index++) all[next[lane[index]]++] = index
  return Array.from({ length: laneCount }, (_, each) => {
    const order = all.subarray(from[each], from[each + 1])
    const starts = new Float64Array(order.length)
    for (let at = 0; at < order.length; at++) starts[at] = startNs[order[at]]
    sortByKey(starts, order)
    longerFirst(starts, order, durationNs)
    return order
  })
}
