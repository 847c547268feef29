import { SweepCancelledError } from './errors.ts'

/** What goes on may be paused between two measurements and cancelled at any moment. */
export class SweepControl {
  #paused = false
  #cancelled = false
  #wake: (() => void) | null = null
  #abort: (() => void) | null = null
  #onChange: () => void = () => undefined

  get paused(): boolean {
    return this.#paused
  }

  get cancelled(): boolean {
    return this.#cancelled
  }

  /** Called when a pause begins or ends. */
  onChange(listener: () => void): void {
    this.#onChange = listener
  }

  pause(): void {
    if (this.#paused || this.#cancelled) return
    this.#paused = true
    this.#onChange()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#wake?.()
    this.#onChange()
  }

  cancel(): void {
    this.#cancelled = true
    this.#wake?.()
    this.#abort?.()
  }

  /** Sets what ends the measurement under way when the sweep is cancelled; null when there is none. */
  set abort(abort: (() => void) | null) {
    this.#abort = abort
    if (this.#cancelled) abort?.()
  }

  /** Waits while the sweep is paused. @throws SweepCancelledError */
  async gate(): Promise<void> {
    if (this.#paused && !this.#cancelled) await new Promise<void>((resolve) => { this.#wake = resolve })
    this.#wake = null
    if (this.#cancelled) throw new SweepCancelledError()
  }
}
