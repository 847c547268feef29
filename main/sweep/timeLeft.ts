/** Of a sweep's cells, how long a measurement of each takes: what was seen, else what cells like it suggest. */
export class TimeLeft {
  /** Sum and count of what measurements of each cell took, all that belongs to them included. */
  readonly #spent: { ms: number; count: number }[]
  readonly #weights: readonly number[]

  /** @param weights what the time of a measurement is in proportion to, as far as one knows beforehand: operations. */
  constructor(weights: readonly number[]) {
    this.#weights = weights
    this.#spent = weights.map(() => ({ ms: 0, count: 0 }))
  }

  took(cell: number, ms: number): void {
    this.#spent[cell].ms += ms
    this.#spent[cell].count++
  }

  /** @param remaining measurements to come, by cell. @returns null until a measurement says. */
  seconds(remaining: readonly number[]): number | null {
    let [ms, weight] = [0, 0]
    this.#spent.forEach((spent, cell) => {
      if (spent.count === 0) return
      ms += spent.ms / spent.count
      weight += this.#weights[cell]
    })
    if (weight === 0) return null
    return remaining.reduce((sum, count, cell) => {
      const spent = this.#spent[cell]
      return sum + count * (spent.count > 0 ? spent.ms / spent.count : (ms * this.#weights[cell]) / weight)
    }, 0) / 1000
  }
}
