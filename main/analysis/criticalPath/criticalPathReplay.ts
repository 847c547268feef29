import type { PathGraph } from './criticalPathGraph.ts'
import { isWire, WORK } from './criticalPathItems.ts'

/** What is done otherwise than it was recorded. */
export interface Change {
  /** How long every item of compute takes, by item; as recorded where it is left out. */
  readonly computeNs?: Float64Array
  /** Bytes take no time. */
  readonly infiniteLink?: boolean
  /**
   * Communication does not wait for compute that began after the communication before it was over, and after what it moves
   * was made: it runs beside that compute.
   */
  readonly fullOverlap?: boolean
}

/** When each item ends by the dependencies of the recording; one pass over the items by start. */
class Replay {
  readonly #graph: PathGraph
  readonly #change: Change
  readonly #startNs: Float64Array
  /** By place in `ended`: latest end up to there on the rank, of everything and of each direction of communication. */
  readonly #allEndNs: Float64Array
  readonly #wireEndNs: { readonly [WORK.wire]: Float64Array; readonly [WORK.arrival]: Float64Array }
  readonly #filled: Uint32Array
  #lastNs: number

  constructor(graph: PathGraph, change: Change) {
    this.#graph = graph
    this.#change = change
    this.#startNs = new Float64Array(graph.order.length)
    this.#allEndNs = new Float64Array(graph.order.length)
    this.#wireEndNs = { [WORK.wire]: new Float64Array(graph.order.length), [WORK.arrival]: new Float64Array(graph.order.length) }
    this.#filled = graph.slotFrom.slice()
    this.#lastNs = graph.originNs
  }

  run(): number {
    const { order, slotFrom } = this.#graph
    for (const item of order) this.#startNs[item] = this.#startOf(item)
    for (let slot = 0; slot + 1 < slotFrom.length; slot++) this.#endAll(slot, slotFrom[slot + 1])
    return this.#lastNs
  }

  #startOf(item: number): number {
    const { items: { columns: { slot, work, startNs, afterStartOf, receiver } }, before, beforePosted, beforeMade, beforeReceiver, lagNs, originNs } = this.#graph
    const direction = work[item]
    const own = slot[item]
    let conditionNs = this.#latest(this.#allEndNs, own, isWire(direction) ? this.#beside(own, beforePosted[item], beforeMade[item]) : before[item])
    if (direction === WORK.wire || direction === WORK.arrival) {
      conditionNs = Math.max(conditionNs, this.#latest(this.#wireEndNs[direction], own, before[item]))
    }
    const to = receiver[item]
    if (to >= 0) {
      conditionNs = Math.max(conditionNs, this.#latest(this.#allEndNs, slot[to], this.#beside(slot[to], beforeReceiver[item], beforeMade[to])))
    }
    const sent = afterStartOf[item]
    if (sent >= 0) conditionNs = Math.max(conditionNs, this.#startNs[sent])
    const isLatency = sent >= 0 && startNs[item] - lagNs[item] === startNs[sent]
    // Nothing recorded came before: it begins when it did.
    if (conditionNs === Number.NEGATIVE_INFINITY) conditionNs = originNs
    return conditionNs + (isLatency && this.#change.infiniteLink === true ? 0 : lagNs[item])
  }

  /** The place up to which communication waits for a rank: with full overlap only up to the communication before it, or to what it moves. */
  #beside(slot: number, posted: number, made: number): number {
    const { slotFrom, lastWire } = this.#graph
    if (this.#change.fullOverlap !== true || posted === slotFrom[slot]) return posted
    const wire = lastWire.any[posted - 1]
    return Math.min(posted, Math.max(made, wire < 0 ? slotFrom[slot] : wire + 1))
  }

  #latest(endsNs: Float64Array, slot: number, limit: number): number {
    this.#endAll(slot, limit)
    return limit > this.#graph.slotFrom[slot] ? endsNs[limit - 1] : Number.NEGATIVE_INFINITY
  }

  #endAll(slot: number, limit: number): void {
    const { ended, slotFrom, items: { columns: { work } } } = this.#graph
    for (; this.#filled[slot] < limit; this.#filled[slot]++) {
      const place = this.#filled[slot]
      const first = place === slotFrom[slot]
      const endNs = this.#endOf(ended[place])
      this.#lastNs = Math.max(this.#lastNs, endNs)
      this.#allEndNs[place] = first ? endNs : Math.max(this.#allEndNs[place - 1], endNs)
      for (const direction of [WORK.wire, WORK.arrival] as const) {
        const endsNs = this.#wireEndNs[direction]
        const beforeNs = first ? Number.NEGATIVE_INFINITY : endsNs[place - 1]
        endsNs[place] = work[ended[place]] === direction ? Math.max(beforeNs, endNs) : beforeNs
      }
    }
  }

  #endOf(item: number): number {
    const { items } = this.#graph
    const { work, startNs, endNs, estimatedWaitNs } = items.columns
    const startsNs = this.#startNs
    if (!isWire(work[item])) {
      const { computeNs } = this.#change
      return startsNs[item] + (computeNs !== undefined && work[item] === WORK.compute ? computeNs[item] : endNs[item] - startNs[item])
    }
    const recordedReadyNs = readyNs(this.#graph, item)
    let ready = startsNs[item]
    for (const other of items.needs.get(item) ?? []) ready = Math.max(ready, startsNs[other])
    const transferNs = endNs[item] - recordedReadyNs - estimatedWaitNs[item]
    return ready + estimatedWaitNs[item] + (this.#change.infiniteLink === true ? 0 : transferNs)
  }
}

/** When a communication kernel and all it needs had started, as recorded. */
export function readyNs({ items }: Pick<PathGraph, 'items'>, item: number): number {
  const { startNs } = items.columns
  let ready = startNs[item]
  for (const other of items.needs.get(item) ?? []) ready = Math.max(ready, startNs[other])
  return ready
}

/** The makespan that a change would give, ns; without a change it is the recorded one. */
export function replayed(graph: PathGraph, change: Change): number {
  const { items, originNs, endNs } = graph
  if (items.count === 0) return endNs - originNs
  let lastNs = originNs
  for (let item = 0; item < items.count; item++) lastNs = Math.max(lastNs, items.columns.endNs[item])
  // What a run's window has beyond its last item stays as it was.
  return new Replay(graph, change).run() - originNs + (endNs - lastNs)
}
