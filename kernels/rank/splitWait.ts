import type { Arrival, Departure } from '../transport/links.ts'

/** A compute thread's wait for its hop, divided where the bytes began to move and where they had all arrived. */
export interface SplitWait {
  /** The neighbour whose part of the hop ended last. */
  readonly on: 'previous' | 'next'
  /** Until here it waited for a late peer, from here for the wire. Within the wait. */
  readonly movingFromNs: number
  /** From here the hop was over and the thread had only not woken up yet: nobody's fault, and no wait. Within the wait. */
  readonly overNs: number
}

/**
 * Which half of a hop held a rank up, and what that half was waiting for. The half that ends last decides: before its
 * first byte left, the peer was late (wait-peer); from then until its last byte, the bytes were under way (wait-link).
 * Times in ns from the run's origin; the wait is [startNs, endNs].
 */
export function splitWait(startNs: number, endNs: number, arrival: Arrival, departure: Departure): SplitWait {
  const forArrival = arrival.endNs >= departure.endNs
  const within = (ns: number): number => Math.min(endNs, Math.max(startNs, ns))
  return {
    on: forArrival ? 'previous' : 'next',
    movingFromNs: within(forArrival ? arrival.senderStartNs : departure.startNs),
    overNs: within(Math.max(arrival.endNs, departure.endNs)),
  }
}
