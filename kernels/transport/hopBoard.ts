import type { Arrival, Departure } from './links.ts'

const WORDS = 4
/** Grows with every event; what the compute thread sleeps on. */
const EVENTS = 0
const SENT = 1
const RECEIVED = 2
const FAILED = 3
const TIMES = 5

/**
 * What the communication thread tells the compute thread about the hop under way, in memory that both see, so that the
 * compute thread can sleep on it without turning its event loop. One hop at a time.
 */
export class HopBoard {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array<SharedArrayBuffer>
  readonly #times: Float64Array<SharedArrayBuffer>

  /** @param buffer of another thread's board; a new one is made when left out. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(WORDS * 4 + TIMES * 8)) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer, 0, WORDS)
    this.#times = new Float64Array(buffer, WORDS * 4, TIMES)
  }

  /** By the compute thread, before it posts a hop. */
  clear(): void {
    Atomics.store(this.#words, SENT, 0)
    Atomics.store(this.#words, RECEIVED, 0)
  }

  sent(departure: Departure): void {
    this.#times[0] = departure.startNs
    this.#times[1] = departure.endNs
    this.#raise(SENT)
  }

  received(arrival: Arrival): void {
    this.#times[2] = arrival.senderStartNs
    this.#times[3] = arrival.startNs
    this.#times[4] = arrival.endNs
    this.#raise(RECEIVED)
  }

  failed(): void {
    this.#raise(FAILED)
  }

  get hasFailed(): boolean {
    return Atomics.load(this.#words, FAILED) === 1
  }

  /** True when both the send and the receive of the hop are over. */
  get isComplete(): boolean {
    return Atomics.load(this.#words, SENT) === 1 && Atomics.load(this.#words, RECEIVED) === 1
  }

  /** Valid once complete. */
  get departure(): Departure {
    return { startNs: this.#times[0], endNs: this.#times[1] }
  }

  /** Valid once complete. */
  get arrival(): Arrival {
    return { senderStartNs: this.#times[2], startNs: this.#times[3], endNs: this.#times[4] }
  }

  /** Blocks this thread until the hop is over, something failed or the time is up. */
  sleep(longestMs: number): void {
    const seen = Atomics.load(this.#words, EVENTS)
    if (this.isComplete || this.hasFailed) return
    Atomics.wait(this.#words, EVENTS, seen, longestMs)
  }

  #raise(word: number): void {
    Atomics.store(this.#words, word, 1)
    Atomics.add(this.#words, EVENTS, 1)
    Atomics.notify(this.#words, EVENTS)
  }
}
