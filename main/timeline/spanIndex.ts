import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import type { SpanColumns, Timeline } from './timeline.ts'

/**
 * Spans of one lane, category and nesting depth: disjoint, so that starts and ends ascend together.
 * Copied out in order, so that a query reads memory front to back.
 */
export interface SpanRow {
  readonly lane: number
  readonly category: number
  readonly depth: number
  readonly startNs: Float64Array
  readonly endNs: Float64Array
  /** Index of each span in the timeline's columns. */
  readonly span: Uint32Array
  /** Of each block of {@link BLOCK_SPANS} spans the longest's position in the row: a zoomed-out query takes blocks whole. */
  readonly blockLongest: Uint32Array
}

export const BLOCK_SPANS = 16

/** Hops with both ends known, sorted by the send's start. */
export interface HopIndex {
  /** Indices of the two spans. */
  readonly send: Uint32Array
  readonly recv: Uint32Array
  readonly fromLane: Uint32Array
  readonly toLane: Uint32Array
  readonly fromNs: Float64Array
  readonly toNs: Float64Array
  /** Longest toNs - fromNs. */
  readonly longestNs: number
}

export interface SpanIndex {
  readonly count: number
  /** Rows of each lane, outermost first. */
  readonly lanes: readonly (readonly SpanRow[])[]
  readonly hops: HopIndex
}

/** Span indices of each lane, by start; of two that start together the longer first, so that the outer precedes the inner. */
export function orderByLane(spans: SpanColumns, laneCount: number): Uint32Array[] {
  const counts = new Uint32Array(laneCount)
  for (let index = 0; index < spans.count; index++) counts[spans.lane[index]]++
  const orders = Array.from(counts, (count) => new Uint32Array(count))
  const filled = new Uint32Array(laneCount)
  for (let index = 0; index < spans.count; index++) {
    const lane = spans.lane[index]
    orders[lane][filled[lane]++] = index
  }
  const { startNs, durationNs } = spans
  const before = (a: number, b: number): number => startNs[a] - startNs[b] || durationNs[b] - durationNs[a] || a - b
  for (const order of orders) {
    // A live run appends nearly in order: most lanes need no sort.
    for (let at = 1; at < order.length; at++) {
      if (before(order[at - 1], order[at]) > 0) {
        order.sort(before)
        break
      }
    }
  }
  return orders
}

function blockLongest(startNs: Float64Array, endNs: Float64Array): Uint32Array {
  const longest = new Uint32Array(Math.ceil(startNs.length / BLOCK_SPANS))
  for (let block = 0; block < longest.length; block++) {
    const from = block * BLOCK_SPANS
    let best = from
    for (let at = from; at < Math.min(from + BLOCK_SPANS, startNs.length); at++) {
      if (endNs[at] - startNs[at] > endNs[best] - startNs[best]) best = at
    }
    longest[block] = best
  }
  return longest
}

function rowsOfLane(spans: SpanColumns, lane: number, order: Uint32Array): SpanRow[] {
  const rowOf = new Uint32Array(order.length)
  const keys = new Map<number, number>()
  const sizes: number[] = []
  const openEnds: number[] = []
  for (let at = 0; at < order.length; at++) {
    const index = order[at]
    const start = spans.startNs[index]
    const end = start + spans.durationNs[index]
    // A span without length that starts where another ends is beside it, not in it.
    while (openEnds.length > 0 && openEnds[openEnds.length - 1] <= start) openEnds.pop()
    const key = openEnds.length * 256 + spans.category[index]
    openEnds.push(end)
    let row = keys.get(key)
    if (row === undefined) {
      row = sizes.length
      keys.set(key, row)
      sizes.push(0)
    }
    sizes[row]++
    rowOf[at] = row
  }
  const rows = [...keys.keys()].map((key, row): Omit<SpanRow, 'blockLongest'> => ({
    lane, category: key % 256, depth: Math.floor(key / 256),
    startNs: new Float64Array(sizes[row]), endNs: new Float64Array(sizes[row]), span: new Uint32Array(sizes[row]),
  }))
  const filled = new Uint32Array(rows.length)
  for (let at = 0; at < order.length; at++) {
    const row = rows[rowOf[at]]
    const to = filled[rowOf[at]]++
    const index = order[at]
    row.startNs[to] = spans.startNs[index]
    row.endNs[to] = spans.startNs[index] + spans.durationNs[index]
    row.span[to] = index
  }
  return rows.map((row) => ({ ...row, blockLongest: blockLongest(row.startNs, row.endNs) })).toSorted((a, b) => a.depth - b.depth || a.category - b.category)
}

/** Pairs the sends and receives that carry the same hop number. */
export function indexHops(spans: SpanColumns): HopIndex {
  const sendCode = CATEGORY_CODE.send
  const recvCode = CATEGORY_CODE.recv
  const sends = new Map<number, number>()
  const pairs: [send: number, recv: number][] = []
  for (let index = 0; index < spans.count; index++) {
    if (spans.hop[index] >= 0 && spans.category[index] === sendCode) sends.set(spans.hop[index], index)
  }
  for (let index = 0; index < spans.count; index++) {
    if (spans.hop[index] < 0 || spans.category[index] !== recvCode) continue
    const send = sends.get(spans.hop[index])
    if (send !== undefined) pairs.push([send, index])
  }
  pairs.sort(([a], [b]) => spans.startNs[a] - spans.startNs[b])
  const fromNs = Float64Array.from(pairs, ([send]) => spans.startNs[send])
  const toNs = Float64Array.from(pairs, ([, recv]) => spans.startNs[recv] + spans.durationNs[recv])
  return {
    send: Uint32Array.from(pairs, ([send]) => send), recv: Uint32Array.from(pairs, ([, recv]) => recv),
    fromLane: Uint32Array.from(pairs, ([send]) => spans.lane[send]),
    toLane: Uint32Array.from(pairs, ([, recv]) => spans.lane[recv]),
    fromNs, toNs,
    longestNs: fromNs.reduce((longest, from, at) => Math.max(longest, toNs[at] - from), 0),
  }
}

/** Sorts a timeline's spans for queries. O(n log n), O(n) where lanes were recorded in order. */
export function buildSpanIndex(timeline: Timeline): SpanIndex {
  const { spans, lanes } = timeline
  return {
    count: spans.count,
    lanes: orderByLane(spans, lanes.length).map((order, lane) => rowsOfLane(spans, lane, order)),
    hops: indexHops(spans),
  }
}
