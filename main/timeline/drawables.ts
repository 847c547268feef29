type Column = Uint32Array | Uint8Array | Float64Array

function reordered<T extends Column>(column: T, order: Uint32Array): T {
  const result = column.slice(0, order.length) as T
  for (let at = 0; at < order.length; at++) result[at] = column[order[at]]
  return result
}

/** The columns of drawable spans, growing; a lane's rows are added one after the other and then merged by start. */
export class Drawables {
  #capacity = 1024
  #lane = new Uint32Array(this.#capacity)
  #category = new Uint8Array(this.#capacity)
  #startNs = new Float64Array(this.#capacity)
  #endNs = new Float64Array(this.#capacity)
  #merged = new Uint32Array(this.#capacity)
  #span = new Uint32Array(this.#capacity)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(lane: number, category: number, startNs: number, endNs: number, merged: number, span: number): void {
    if (this.#count === this.#capacity) this.#grow()
    const at = this.#count++
    this.#lane[at] = lane
    this.#category[at] = category
    this.#startNs[at] = startNs
    this.#endNs[at] = endNs
    this.#merged[at] = merged
    this.#span[at] = span
  }

  /**
   * Sorts entries `from..count` by start, where they consist of runs that are each sorted already.
   * Of equal starts the earlier run comes first (rows are added outermost first).
   * @param runs first position of each run, ascending; the first is `from`.
   */
  mergeRuns(from: number, runs: readonly number[]): void {
    if (runs.length < 2) return
    const order = new Uint32Array(this.#count - from)
    const at = Uint32Array.from(runs)
    const ends = Uint32Array.from(runs, (_, run) => runs[run + 1] ?? this.#count)
    for (let to = 0; to < order.length; to++) {
      let best = -1
      for (let run = 0; run < at.length; run++) {
        if (at[run] < ends[run] && (best < 0 || this.#startNs[at[run]] < this.#startNs[at[best]])) best = run
      }
      order[to] = at[best]++
    }
    this.#category.set(reordered(this.#category, order), from)
    this.#startNs.set(reordered(this.#startNs, order), from)
    this.#endNs.set(reordered(this.#endNs, order), from)
    this.#merged.set(reordered(this.#merged, order), from)
    this.#span.set(reordered(this.#span, order), from)
  }

  columns() {
    const end = this.#count
    return {
      lane: this.#lane.slice(0, end), category: this.#category.slice(0, end),
      spanStartNs: this.#startNs.slice(0, end), spanEndNs: this.#endNs.slice(0, end),
      count: this.#merged.slice(0, end), spanIndex: this.#span.slice(0, end),
    }
  }

  #grow(): void {
    this.#capacity *= 2
    const capacity = this.#capacity
    const larger = <T extends Column>(column: T, next: T): T => {
      next.set(column)
      return next
    }
    this.#lane = larger(this.#lane, new Uint32Array(capacity))
    this.#category = larger(this.#category, new Uint8Array(capacity))
    this.#startNs = larger(this.#startNs, new Float64Array(capacity))
    this.#endNs = larger(this.#endNs, new Float64Array(capacity))
    this.#merged = larger(this.#merged, new Uint32Array(capacity))
    this.#span = larger(this.#span, new Uint32Array(capacity))
  }
}
