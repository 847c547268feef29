import { gather, longer } from './columns.ts'
import { sortByKey } from './sortByKey.ts'
import type { WaitShare } from './waitIndex.ts'

const FIRST_CAPACITY = 1 << 14

/** The columns of drawable spans, growing; a lane's rows are added one after the other and then sorted by start. */
export class Drawables {
  #capacity = FIRST_CAPACITY
  #lane = new Uint32Array(this.#capacity)
  #startNs = new Float64Array(this.#capacity)
  /** By place in the result, which `#lane` and `#startNs` are in: where the others have the entry. */
  #entry = new Uint32Array(this.#capacity)
  #category = new Uint8Array(this.#capacity)
  #depth = new Uint8Array(this.#capacity)
  #endNs = new Float64Array(this.#capacity)
  #merged = new Uint32Array(this.#capacity)
  #span = new Uint32Array(this.#capacity)
  #waitShare = new Float64Array(this.#capacity)
  #waitEstimated = new Uint8Array(this.#capacity)
  #count = 0
  #rowLane = 0
  #rowCategory = 0
  #rowDepth = 0

  get count(): number {
    return this.#count
  }

  /** Forgets the entries and keeps the room. */
  clear(): void {
    this.#count = 0
  }

  /** The row that the next entries are of. */
  row(lane: number, category: number, depth: number): void {
    this.#rowLane = lane
    this.#rowCategory = category
    this.#rowDepth = depth
  }

  add(startNs: number, endNs: number, merged: number, span: number): void {
    if (this.#count === this.#capacity) this.#grow()
    const at = this.#count++
    this.#lane[at] = this.#rowLane
    this.#startNs[at] = startNs
    this.#entry[at] = at
    this.#category[at] = this.#rowCategory
    this.#depth[at] = this.#rowDepth
    this.#endNs[at] = endNs
    this.#merged[at] = merged
    this.#span[at] = span
    this.#waitShare[at] = 0
    this.#waitEstimated[at] = 0
  }

  /** Says of the entries from `from` on, which are not sorted yet, what part of them is waiting. */
  setWaits(from: number, shareOf: (startNs: number, merged: number) => WaitShare): void {
    for (let at = from; at < this.#count; at++) {
      const { share, estimated } = shareOf(this.#startNs[at], this.#merged[at])
      this.#waitShare[at] = share
      this.#waitEstimated[at] = estimated ? 1 : 0
    }
  }

  /** Puts the entries from `from` on, all of one lane, in the order of their starts; of equal starts the one added earlier comes first. */
  sortFrom(from: number): void {
    sortByKey(this.#startNs, this.#entry, from, this.#count)
  }

  /** Copies, which later entries do not touch. */
  columns() {
    const count = this.#count
    const entry = this.#entry.subarray(0, count)
    return {
      lane: this.#lane.slice(0, count),
      category: gather(this.#category, entry, new Uint8Array(count)),
      depth: gather(this.#depth, entry, new Uint8Array(count)),
      spanStartNs: this.#startNs.slice(0, count),
      spanEndNs: gather(this.#endNs, entry, new Float64Array(count)),
      count: gather(this.#merged, entry, new Uint32Array(count)),
      spanIndex: gather(this.#span, entry, new Uint32Array(count)),
      waitShare: gather(this.#waitShare, entry, new Float64Array(count)),
      waitEstimated: gather(this.#waitEstimated, entry, new Uint8Array(count)),
    }
  }

  #grow(): void {
    this.#capacity *= 2
    const capacity = this.#capacity
    this.#lane = longer(this.#lane, new Uint32Array(capacity))
    this.#startNs = longer(this.#startNs, new Float64Array(capacity))
    this.#entry = longer(this.#entry, new Uint32Array(capacity))
    this.#category = longer(this.#category, new Uint8Array(capacity))
    this.#depth = longer(this.#depth, new Uint8Array(capacity))
    this.#endNs = longer(this.#endNs, new Float64Array(capacity))
    this.#merged = longer(this.#merged, new Uint32Array(capacity))
    this.#span = longer(this.#span, new Uint32Array(capacity))
    this.#waitShare = longer(this.#waitShare, new Float64Array(capacity))
    this.#waitEstimated = longer(this.#waitEstimated, new Uint8Array(capacity))
  }
}
