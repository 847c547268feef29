import type { BridgeEvents, EventName } from '../../preload/contract/events.ts'
import type { EventFrame } from '../../preload/contract/wire.ts'
import type { Log } from './log.ts'

/** Typed events towards every carrier. */
export class AppEvents {
  readonly #listeners = new Set<(frame: EventFrame) => void>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** One carrier that fails to deliver must not keep the others from hearing. */
  emit<E extends EventName>(event: E, payload: BridgeEvents[E]): void {
    // The pair is correlated by E; the union of pairs cannot be written without saying so.
    const frame = { event, payload } as EventFrame
    for (const listener of [...this.#listeners]) {
      try {
        listener(frame)
      } catch (error) {
        this.#log(`delivering ${event}`, error)
      }
    }
  }

  /** Hears every event, for a carrier. @returns a function that ends the subscription. */
  onAny(listener: (frame: EventFrame) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** Hears one kind of event. @returns a function that ends the subscription. */
  on<E extends EventName>(event: E, listener: (payload: BridgeEvents[E]) => void): () => void {
    return this.onAny((frame) => {
      if (frame.event === event) listener(frame.payload as BridgeEvents[E])
    })
  }
}
