import { longer } from './columns.ts'

/** A level is kept where it has at most this part of the entries of the one below: levels together stay small. */
const REDUCTION = 6
/** Rows up to this length are read as they are. */
const SHORT_ROW = 512

/**
 * What rows look like from afar. Level l of a row divides time into cells of `cellNs[l]`, counted from the timeline's
 * origin. Spans at least as long as a cell are entries of their own; neighbouring shorter ones that start in one cell are
 * one entry. Like spans, a level's entries are disjoint and ascend.
 */
export interface CellIndex {
  /** Levels of row r: `rowLevels[r]` to `rowLevels[r + 1]`, finest first. A short or sparse row has none. */
  readonly rowLevels: Uint32Array
  /** Powers of two; each level's at least double the one below. */
  readonly cellNs: Float64Array
  /** Entries of level l: `levelFrom[l]` to `levelFrom[l + 1]`. */
  readonly levelFrom: Uint32Array
  /** By entry: start of its first span, end of its last one, number of spans. */
  readonly startNs: Float64Array
  readonly endNs: Float64Array
  readonly count: Uint32Array
  /** The longest span (its index in the timeline's columns), and how long it is, rounded to float32. */
  readonly longest: Uint32Array
  readonly longestNs: Float32Array
}

const copyShared = <T extends Float64Array | Float32Array | Uint32Array>(column: T, length: number): T => {
  const constructor = column.constructor as new (buffer: SharedArrayBuffer) => T
  const copy = new constructor(new SharedArrayBuffer(length * column.BYTES_PER_ELEMENT))
  copy.set(column.subarray(0, length))
  return copy
}

/** Number of entries that cells of `cellNs` would make of `from..to`; Infinity as soon as it exceeds `limit`. */
function countEntries(startNs: Float64Array, endNs: Float64Array, from: number, to: number, cellNs: number, limit: number): number {
  let entries = 0
  let cellEnd = Number.NEGATIVE_INFINITY
  for (let at = from; at < to; at++) {
    const start = startNs[at]
    if (endNs[at] - start >= cellNs) cellEnd = Number.NEGATIVE_INFINITY
    else if (start < cellEnd) continue
    else cellEnd = (Math.floor(start / cellNs) + 1) * cellNs
    if (++entries > limit) return Number.POSITIVE_INFINITY
  }
  return entries
}

/** Builds the levels of one row after the other. */
export class CellsBuilder {
  readonly #rowLevels = [0]
  readonly #cellNs: number[] = []
  readonly #levelFrom = [0]
  #capacity = 1024
  #startNs = new Float64Array(this.#capacity)
  #endNs = new Float64Array(this.#capacity)
  #count = new Uint32Array(this.#capacity)
  #longest = new Uint32Array(this.#capacity)
  #longestNs = new Float32Array(this.#capacity)
  #filled = 0

  addRow(startNs: Float64Array, endNs: Float64Array, span: Uint32Array, from: number, to: number): void {
    let cellNs = 1
    let length = to - from
    let below = -1
    const wholeNs = length === 0 ? 0 : endNs[to - 1] - startNs[from]
    while (length > SHORT_ROW && cellNs < wholeNs) {
      const starts = below < 0 ? startNs : this.#startNs
      const ends = below < 0 ? endNs : this.#endNs
      const first = below < 0 ? from : below
      const entries = countEntries(starts, ends, first, first + length, cellNs, length / REDUCTION)
      if (entries <= length / REDUCTION) {
        this.#reserve(entries)
        const at = this.#filled
        if (below < 0) this.#fromSpans(startNs, endNs, span, from, to, cellNs)
        else this.#fromLevel(below, below + length, cellNs)
        this.#cellNs.push(cellNs)
        this.#levelFrom.push(this.#filled)
        below = at
        length = entries
      }
      cellNs *= 2
    }
    this.#rowLevels.push(this.#cellNs.length)
  }

  finish(): CellIndex {
    const filled = this.#filled
    return {
      rowLevels: Uint32Array.from(this.#rowLevels), cellNs: Float64Array.from(this.#cellNs), levelFrom: Uint32Array.from(this.#levelFrom),
      startNs: copyShared(this.#startNs, filled), endNs: copyShared(this.#endNs, filled), count: copyShared(this.#count, filled),
      longest: copyShared(this.#longest, filled), longestNs: copyShared(this.#longestNs, filled),
    }
  }

  #fromSpans(startNs: Float64Array, endNs: Float64Array, span: Uint32Array, from: number, to: number, cellNs: number): void {
    let cellEnd = Number.NEGATIVE_INFINITY
    for (let at = from; at < to; at++) {
      const length = endNs[at] - startNs[at]
      const own = length >= cellNs
      if (!own && startNs[at] < cellEnd) this.#join(endNs[at], 1, span[at], length)
      else this.#open(startNs[at], endNs[at], 1, span[at], length)
      if (own) cellEnd = Number.NEGATIVE_INFINITY
      else if (startNs[at] >= cellEnd) cellEnd = (Math.floor(startNs[at] / cellNs) + 1) * cellNs
    }
  }

  #fromLevel(from: number, to: number, cellNs: number): void {
    let cellEnd = Number.NEGATIVE_INFINITY
    for (let at = from; at < to; at++) {
      const start = this.#startNs[at]
      // Several spans reach over less than two of their level's cells, so never over one of these.
      const own = this.#endNs[at] - start >= cellNs
      if (!own && start < cellEnd) this.#join(this.#endNs[at], this.#count[at], this.#longest[at], this.#longestNs[at])
      else this.#open(start, this.#endNs[at], this.#count[at], this.#longest[at], this.#longestNs[at])
      if (own) cellEnd = Number.NEGATIVE_INFINITY
      else if (start >= cellEnd) cellEnd = (Math.floor(start / cellNs) + 1) * cellNs
    }
  }

  #open(startNs: number, endNs: number, count: number, longest: number, longestNs: number): void {
    const at = this.#filled++
    this.#startNs[at] = startNs
    this.#endNs[at] = endNs
    this.#count[at] = count
    this.#longest[at] = longest
    this.#longestNs[at] = longestNs
  }

  #join(endNs: number, count: number, longest: number, longestNs: number): void {
    const at = this.#filled - 1
    this.#endNs[at] = endNs
    this.#count[at] += count
    if (Math.fround(longestNs) > this.#longestNs[at]) {
      this.#longest[at] = longest
      this.#longestNs[at] = longestNs
    }
  }

  #reserve(entries: number): void {
    if (this.#filled + entries <= this.#capacity) return
    while (this.#filled + entries > this.#capacity) this.#capacity *= 2
    const capacity = this.#capacity
    this.#startNs = longer(this.#startNs, new Float64Array(capacity))
    this.#endNs = longer(this.#endNs, new Float64Array(capacity))
    this.#count = longer(this.#count, new Uint32Array(capacity))
    this.#longest = longer(this.#longest, new Uint32Array(capacity))
    this.#longestNs = longer(this.#longestNs, new Float32Array(capacity))
  }
}
