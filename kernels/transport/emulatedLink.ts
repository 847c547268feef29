import type { Channel } from '../timeline/categories.ts'
import type { Arrival, Departure } from './links.ts'

/** A link of `bandwidthGBps` (10^9 bytes a second, so bytes a nanosecond) and a latency that each block pays once. */
export interface LinkModel {
  readonly bandwidthGBps: number
  readonly latencyUs: number
}

/** The wires by which a rank's blocks leave: the windows of a double ring are joined by one of their own. */
export type WireClass = 'inner' | 'outer'

export const wireClassOf = (channel: Channel): WireClass => (channel === 'kv-outer' || channel === 'dkv-outer' ? 'outer' : 'inner')

const wireNs = (link: LinkModel, bytes: number): number => bytes / link.bandwidthGBps

/**
 * The emulated wire by which a rank's blocks leave, whatever channels they are of: it carries one at a time, in the order
 * in which they could go, while the real bytes move at full speed.
 */
export class OutgoingWire {
  readonly #link: LinkModel | null
  #freeNs = 0

  /** @param link null: the real one alone. */
  constructor(link: LinkModel | null) {
    this.#link = link
  }

  /** When the wire takes a block that could go at `readyNs`. It is busy with that block from then on. */
  take(readyNs: number, bytes: number): number {
    if (this.#link === null) return readyNs
    const startNs = Math.round(Math.max(readyNs, this.#freeNs))
    this.#freeNs = startNs + wireNs(this.#link, bytes)
    return startNs
  }

  /** When a block that the wire took at `startNs` has left: bytes / bandwidth later, and never before the real end. */
  departure(readyNs: number, startNs: number, realEndNs: number, bytes: number): Departure {
    if (this.#link === null) return { startNs, endNs: realEndNs }
    const endNs = Math.max(realEndNs, Math.round(startNs + wireNs(this.#link, bytes)))
    this.#freeNs = Math.max(this.#freeNs, endNs)
    return { readyNs, startNs, endNs }
  }
}

/** One channel's end of the wires by which blocks arrive. It takes in one at a time, from whichever rank. */
export class IncomingWire {
  readonly #link: LinkModel | null
  #freeNs = 0

  constructor(link: LinkModel | null) {
    this.#link = link
  }

  /**
   * When a block has arrived that the sender's wire took at `wireStartNs`: first byte a latency later, last byte
   * bytes / bandwidth after that (the alpha-beta model of a message's time). A slower real transfer stays as it was.
   */
  arrival(real: Arrival, wireStartNs: number, bytes: number): Arrival {
    if (this.#link === null) return real
    const { senderStartNs } = real
    const firstNs = Math.round(Math.max(wireStartNs + this.#link.latencyUs * 1000, this.#freeNs))
    const lastNs = Math.round(firstNs + wireNs(this.#link, bytes))
    const emulated = lastNs >= real.endNs
      ? { senderStartNs, startNs: firstNs, endNs: lastNs }
      : { senderStartNs, startNs: Math.max(real.startNs, this.#freeNs), endNs: real.endNs }
    this.#freeNs = emulated.endNs
    return emulated
  }
}
