/** A child's clock against the supervisor's: the child reads `offsetNs` more, give or take `uncertaintyNs`. */
export interface ClockReading {
  readonly offsetNs: number
  readonly uncertaintyNs: number
}

export interface RoundTrip {
  readonly sentNs: number
  readonly childNs: number
  readonly receivedNs: number
}

/** Ping-pongs of one reading. */
export const ROUND_TRIPS = 8

/**
 * Cristian's method: in the fastest round trip the child's clock was read half way, give or take half the round trip.
 * @throws RangeError without round trips.
 */
export function clockReading(trips: readonly RoundTrip[]): ClockReading {
  if (trips.length === 0) throw new RangeError('a clock reading needs at least one round trip')
  const best = trips.reduce((a, b) => (b.receivedNs - b.sentNs < a.receivedNs - a.sentNs ? b : a))
  return {
    offsetNs: best.childNs - (best.sentNs + best.receivedNs) / 2,
    uncertaintyNs: (best.receivedNs - best.sentNs) / 2,
  }
}
