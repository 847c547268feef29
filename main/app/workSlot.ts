import { BusyError } from './errors.ts'

/**
 * The machine measures one thing at a time: two runs beside each other would measure each other.
 * Runs and sweeps take the slot before they start.
 */
export class WorkSlot {
  #taken: string | null = null
  #shut = false

  /**
   * @param what what takes it, in words.
   * @returns a function that gives the slot back; calling it twice is harmless.
   * @throws BusyError when it is taken.
   */
  take(what: string): () => void {
    if (this.#shut) throw new BusyError('Ringscope is closing')
    if (this.#taken !== null) {
      throw new BusyError(`${this.#taken} is going on, and two at once would disturb each other's times: wait for its end or cancel it`)
    }
    this.#taken = what
    let held = true
    return () => {
      if (held) this.#taken = null
      held = false
    }
  }

  /** Nothing is to start any more. */
  shut(): void {
    this.#shut = true
  }
}
