import { sortByKey } from '../../timeline/sortByKey.ts'
import { isWire, type Items, WORK } from './criticalPathItems.ts'

/** Why an item did not begin earlier: another one's end or start, or (item -1) nothing that was recorded. */
export interface Cause {
  readonly item: number
  readonly by: 'end' | 'start'
  readonly timeNs: number
}

/**
 * What depended on what, as recorded. A rank's item begins a fixed lag after the latest of its conditions:
 * all that had ended on its rank by then (bytes under way only wait for what had ended when they were asked for, and for
 * the bytes before them in that direction), for bytes that arrive the start of their sending, for bytes that leave the receiver's asking for them.
 * A communication kernel ends a fixed transfer after the latest start among itself and those it needs.
 */
export interface PathGraph {
  readonly items: Items
  readonly originNs: number
  readonly endNs: number
  /** All items by start; conditions come before what they are conditions of. */
  readonly order: Uint32Array
  /** Each rank's items by end, rank after rank; where each rank's begin, and the count at last. */
  readonly ended: Uint32Array
  readonly slotFrom: Uint32Array
  /** By place in `ended`: the last place, up to there and of the same rank, that holds wire or arrival; -1 for none. */
  readonly lastWire: { readonly any: Int32Array; readonly [WORK.wire]: Int32Array; readonly [WORK.arrival]: Int32Array }
  /** By item: places in `ended` before which lie those that had ended on its rank when it began, and when it was asked for. */
  readonly before: Uint32Array
  readonly beforePosted: Uint32Array
  /** For communication: the same for when what it moves was made. */
  readonly beforeMade: Uint32Array
  /** For bytes that leave: the same for the receiver; else 0. */
  readonly beforeReceiver: Uint32Array
  readonly lagNs: Float64Array
}

function ascending(count: number): Uint32Array {
  const all = new Uint32Array(count)
  for (let item = 0; item < count; item++) all[item] = item
  return all
}

/** Items by a time, equal ones in the order given. */
function sortedBy(times: Float64Array, items: Uint32Array): Uint32Array {
  const sorted = items.slice()
  const keys = new Float64Array(items.length)
  for (let at = 0; at < items.length; at++) keys[at] = times[items[at]]
  sortByKey(keys, sorted)
  return sorted
}

/** Position of the first place of a rank that is not before (timeNs, place in order). */
function countEnded(ended: Uint32Array, from: number, to: number, isBefore: (item: number) => boolean): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(ended[middle])) low = middle + 1
    else high = middle
  }
  return low
}

function byRank(sorted: Uint32Array, slot: Int32Array, slots: number): Pick<PathGraph, 'ended' | 'slotFrom'> {
  const slotFrom = new Uint32Array(slots + 1)
  for (const item of sorted) slotFrom[slot[item] + 1]++
  for (let at = 0; at < slots; at++) slotFrom[at + 1] += slotFrom[at]
  const next = slotFrom.slice()
  const ended = new Uint32Array(sorted.length)
  for (const item of sorted) ended[next[slot[item]]++] = item
  return { ended, slotFrom }
}

function lastPlaces({ ended, slotFrom }: Pick<PathGraph, 'ended' | 'slotFrom'>, isOne: (item: number) => boolean): Int32Array {
  const places = new Int32Array(ended.length)
  for (let slot = 0; slot + 1 < slotFrom.length; slot++) {
    let last = -1
    for (let place = slotFrom[slot]; place < slotFrom[slot + 1]; place++) {
      if (isOne(ended[place])) last = place
      places[place] = last
    }
  }
  return places
}

/** O(n log n). @param slots how many ranks there are. @param window from when on and until when the makespan counts; first start to last end where it is left out. */
export function pathGraph(items: Items, slots: number, window?: { readonly startNs: number; readonly endNs: number }): PathGraph {
  const { slot, work, startNs, endNs, postedNs, madeNs, beside, receiver } = items.columns
  const order = sortedBy(startNs, ascending(items.count))
  const rankOf = new Uint32Array(items.count)
  for (let at = 0; at < order.length; at++) rankOf[order[at]] = at
  const { ended, slotFrom } = byRank(sortedBy(endNs, order), slot, slots)
  /** Of what ended at that very time only what comes before `tie` counts. */
  const limit = (tie: number, ofSlot: number, timeNs: number): number => countEnded(ended, slotFrom[ofSlot], slotFrom[ofSlot + 1],
    (item) => endNs[item] < timeNs || (endNs[item] === timeNs && rankOf[item] < rankOf[tie]))

  const graph = {
    items, order, ended, slotFrom,
    lastWire: {
      any: lastPlaces({ ended, slotFrom }, (item) => isWire(work[item])),
      [WORK.wire]: lastPlaces({ ended, slotFrom }, (item) => work[item] === WORK.wire),
      [WORK.arrival]: lastPlaces({ ended, slotFrom }, (item) => work[item] === WORK.arrival),
    },
    originNs: window?.startNs ?? (order.length === 0 ? 0 : startNs[order[0]]),
    endNs: window?.endNs ?? (order.length === 0 ? 0 : endNs[latestEnd(items)]),
    before: new Uint32Array(items.count), beforePosted: new Uint32Array(items.count),
    beforeMade: new Uint32Array(items.count), beforeReceiver: new Uint32Array(items.count), lagNs: new Float64Array(items.count),
  }
  /** What one end of a transfer had behind it when it asked for it. One asked for after it began (clocks are not perfect) was asked for then. */
  const asked = (end: number, begun: number): number => {
    const timeNs = Math.min(postedNs[end], startNs[begun])
    const tie = beside[end] >= 0 && rankOf[beside[end]] < rankOf[begun] ? beside[end] : begun
    return limit(tie, slot[end], timeNs)
  }
  for (const item of order) {
    graph.before[item] = limit(item, slot[item], startNs[item])
    graph.beforePosted[item] = asked(item, item)
    graph.beforeMade[item] = isWire(work[item]) ? limit(item, slot[item], madeNs[item]) : 0
    if (receiver[item] >= 0) graph.beforeReceiver[item] = asked(receiver[item], item)
    graph.lagNs[item] = startNs[item] - causeOf(graph, item).timeNs
  }
  return graph
}

/** The item that ends last; of several the one that started last. */
export function latestEnd({ count, columns: { endNs, startNs } }: Items): number {
  let last = 0
  for (let item = 1; item < count; item++) {
    if (endNs[item] > endNs[last] || (endNs[item] === endNs[last] && startNs[item] > startNs[last])) last = item
  }
  return last
}

/** The latest of an item's conditions, as recorded; the origin where it has none. */
export function causeOf(graph: Omit<PathGraph, 'lagNs'>, item: number): Cause {
  const { items: { columns: { slot, work, startNs, endNs, afterStartOf, receiver } }, ended, slotFrom, lastWire } = graph
  let cause: Cause = { item: -1, by: 'start', timeNs: graph.originNs }
  const consider = (place: number): void => {
    const other = ended[place]
    if (cause.item < 0 || endNs[other] > cause.timeNs) cause = { item: other, by: 'end', timeNs: endNs[other] }
  }
  if (graph.beforePosted[item] > slotFrom[slot[item]]) consider(graph.beforePosted[item] - 1)
  const direction = work[item]
  if ((direction === WORK.wire || direction === WORK.arrival) && graph.before[item] > slotFrom[slot[item]]) {
    const wire = lastWire[direction][graph.before[item] - 1]
    if (wire >= 0) consider(wire)
  }
  const to = receiver[item]
  if (to >= 0 && graph.beforeReceiver[item] > slotFrom[slot[to]]) consider(graph.beforeReceiver[item] - 1)
  const sent = afterStartOf[item]
  if (sent >= 0 && (cause.item < 0 || startNs[sent] >= cause.timeNs)) cause = { item: sent, by: 'start', timeNs: startNs[sent] }
  return cause
}
