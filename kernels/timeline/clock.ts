/**
 * The machine-wide monotonic clock (`process.hrtime`), in integer ns from a run's origin.
 * Every process and thread of a run shares the origin, so times are directly comparable (design section 5).
 */
export interface RunClock {
  readonly originNs: bigint
  now(): number
}

/** @param originNs `process.hrtime.bigint()` at the run's origin, taken once by the supervisor. */
export function runClock(originNs: bigint): RunClock {
  return { originNs, now: () => Number(process.hrtime.bigint() - originNs) }
}
