/** Things that come one by one but belong together follow one another faster than this. */
const TOGETHER_MS = 200

/** Collects what comes one by one and passes it on together. */
export class Gathered<T> {
  readonly #pass: (items: readonly T[]) => void
  #items: T[] = []
  #timer: NodeJS.Timeout | null = null

  /** @param pass gets all items since its last call, once none has come for a while. */
  constructor(pass: (items: readonly T[]) => void) {
    this.#pass = pass
  }

  add(item: T): void {
    this.#items.push(item)
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const items = this.#items
      this.#items = []
      this.#timer = null
      this.#pass(items)
    }, TOGETHER_MS)
  }
}
