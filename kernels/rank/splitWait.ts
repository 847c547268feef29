import type { Arrival, Departure } from '../transport/links.ts'

/** A compute thread's wait for its hop, divided at the moment the bytes it waited for began to move. */
export interface SplitWait {
  /** The neighbour whose part of the hop ended last. */
  readonly on: 'previous' | 'next'
  /** Until here it waited for a late peer, from here for the wire. Within the wait. */
  readonly movingFromNs: number
}

/**
 * Which half of a hop held a rank up, and what that half was waiting for. The half that ends last decides: before its
 * first byte left, the peer was late (wait-peer); after, the bytes were under way (wait-link).
 * Times in ns from the run's origin; the wait is [startNs, endNs].
 */
export function splitWait(startNs: number, endNs: number, arrival: Arrival, departure: Departure): SplitWait {
  const forArrival = arrival.endNs >= departure.endNs
  const moving = forArrival ? arrival.senderStartNs : departure.startNs
  return { on: forArrival ? 'previous' : 'next', movingFromNs: Math.min(endNs, Math.max(startNs, moving)) }
}
