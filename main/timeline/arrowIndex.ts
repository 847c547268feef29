import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { gather } from './columns.ts'
import { sortByKey } from './sortByKey.ts'
import type { SpanColumns, Timeline } from './timeline.ts'

/** Hops with both ends known, sorted by the send's start: indices of the two spans. */
export interface Hops {
  readonly send: Uint32Array
  readonly recv: Uint32Array
}

/** Arrows between lanes, sorted by pair of lanes, then by where they begin. */
export interface ArrowIndex {
  /** By pair: its lanes, its first arrow (and, one entry more, the end), its longest toNs - fromNs. */
  readonly fromLane: Uint32Array
  readonly toLane: Uint32Array
  readonly first: Uint32Array
  readonly longestNs: Float64Array
  /** By arrow. */
  readonly fromNs: Float64Array
  readonly toNs: Float64Array
}

const identity = (count: number): Uint32Array => {
  const order = new Uint32Array(count)
  for (let at = 0; at < count; at++) order[at] = at
  return order
}

/** The spans of a category that have a hop number, in the order of those numbers. */
function byHop({ count, hop, category }: SpanColumns, wanted: number): { numbers: Float64Array; spans: Uint32Array } {
  let found = 0
  for (let index = 0; index < count; index++) {
    if (hop[index] >= 0 && category[index] === wanted) found++
  }
  const spans = new Uint32Array(found)
  found = 0
  for (let index = 0; index < count; index++) {
    if (hop[index] >= 0 && category[index] === wanted) spans[found++] = index
  }
  const numbers = gather(hop, spans, new Float64Array(found))
  sortByKey(numbers, spans)
  return { numbers, spans }
}

/** Pairs the sends and receives that carry the same hop number. */
export function indexHops(spans: SpanColumns): Hops {
  const sends = byHop(spans, CATEGORY_CODE.send)
  const recvs = byHop(spans, CATEGORY_CODE.recv)
  const send = new Uint32Array(recvs.spans.length)
  const recv = new Uint32Array(recvs.spans.length)
  let count = 0
  let at = 0
  for (let position = 0; position < recv.length; position++) {
    const number = recvs.numbers[position]
    while (at < sends.numbers.length && sends.numbers[at] < number) at++
    if (sends.numbers[at] !== number) continue
    send[count] = sends.spans[at]
    recv[count++] = recvs.spans[position]
  }
  const order = identity(count)
  sortByKey(gather(spans.startNs, send.subarray(0, count), new Float64Array(count)), order)
  return { send: gather(send, order, new Uint32Array(count)), recv: gather(recv, order, new Uint32Array(count)) }
}

/** Flows of an imported trace that lead from one rank to another: within a rank there is one for every launch of a kernel. */
function flowsBetweenRanks({ lanes, spans, trace }: Timeline): number[] {
  if (trace === null) return []
  const { from, to } = trace.flows
  const between: number[] = []
  for (let flow = 0; flow < from.length; flow++) {
    const fromRank = lanes[spans.lane[from[flow]]].rank
    const toRank = lanes[spans.lane[to[flow]]].rank
    if (fromRank !== null && toRank !== null && fromRank !== toRank) between.push(flow)
  }
  return between
}

/**
 * The arrows of a timeline: its hops, each from the send's start to the receive's end, and flows between ranks, each from
 * the one span's start to the other's.
 */
export function indexArrows(timeline: Timeline): ArrowIndex {
  const { spans, lanes, trace } = timeline
  const hops = indexHops(spans)
  const flows = flowsBetweenRanks(timeline)
  const count = hops.send.length + flows.length
  const from = new Uint32Array(count)
  const toNs = new Float64Array(count)
  const pair = new Float64Array(count)
  const add = (at: number, fromSpan: number, toSpan: number, endNs: number): void => {
    from[at] = fromSpan
    toNs[at] = endNs
    pair[at] = spans.lane[fromSpan] * lanes.length + spans.lane[toSpan]
  }
  for (let at = 0; at < hops.recv.length; at++) add(at, hops.send[at], hops.recv[at], spans.startNs[hops.recv[at]] + spans.durationNs[hops.recv[at]])
  if (trace !== null) {
    flows.forEach((flow, at) => {
      const to = trace.flows.to[flow]
      add(hops.send.length + at, trace.flows.from[flow], to, spans.startNs[to])
    })
  }
  const order = identity(count)
  sortByKey(gather(spans.startNs, from, new Float64Array(count)), order)
  const pairs = gather(pair, order, new Float64Array(count))
  sortByKey(pairs, order)
  const ordered = gather(from, order, new Uint32Array(count))
  return columnsOf(pairs, lanes.length, gather(spans.startNs, ordered, new Float64Array(count)), gather(toNs, order, new Float64Array(count)))
}

function columnsOf(pairs: Float64Array, laneCount: number, fromNs: Float64Array, toNs: Float64Array): ArrowIndex {
  const first: number[] = []
  const longest: number[] = []
  for (let at = 0; at < pairs.length; at++) {
    if (at === 0 || pairs[at] !== pairs[at - 1]) {
      first.push(at)
      longest.push(0)
    }
    longest[longest.length - 1] = Math.max(longest[longest.length - 1], toNs[at] - fromNs[at])
  }
  return {
    fromLane: Uint32Array.from(first, (at) => Math.floor(pairs[at] / laneCount)), toLane: Uint32Array.from(first, (at) => pairs[at] % laneCount),
    first: Uint32Array.from([...first, pairs.length]), longestNs: Float64Array.from(longest), fromNs, toNs,
  }
}
