/** A page that reloads, or whose connection broke, is back within this time. */
const BACK_WITHIN_MS = 60_000

/** Notices when the last page has gone for good. */
export class Presence {
  readonly #gone: () => void
  #pages = 0
  #timer: NodeJS.Timeout | null = null

  /** @param gone is called each time no page has been there for a minute. */
  constructor(gone: () => void) {
    this.#gone = gone
  }

  arrived(): void {
    this.#pages++
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  left(): void {
    if (--this.#pages > 0) return
    this.#timer = setTimeout(this.#gone, BACK_WITHIN_MS)
    this.#timer.unref()
  }
}
