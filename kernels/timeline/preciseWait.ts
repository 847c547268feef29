import { setTimeout as pause } from 'node:timers/promises'

/** Left to a blocking sleep, which ends within about 0.1 ms; an event-loop timer is late by up to 2 ms. */
const BLOCKING_NS = 4e6
/** How late a blocking sleep usually ends: spun instead. Short, since ranks may outnumber cores. */
const SPIN_NS = 60_000

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Waits until `now()` reaches `deadlineNs`: the bulk with the event loop turning, so that messages are heard, the last
 * milliseconds blocked, the last tens of microseconds spun. Returns at once when the deadline has passed.
 */
export async function waitUntil(now: () => number, deadlineNs: number): Promise<void> {
  const early = deadlineNs - now() - BLOCKING_NS
  if (early > 1e6) await pause(Math.floor(early / 1e6))
  for (;;) {
    const left = deadlineNs - now()
    if (left <= 0) return
    if (left > SPIN_NS) Atomics.wait(sleeper, 0, 0, (left - SPIN_NS) / 1e6)
  }
}
