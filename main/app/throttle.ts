/** A call that may come often, passed on at most once per interval, the last one never lost. */
export interface Throttled<T> {
  (value: T): void
  /** Passes a held-back value on now. */
  flush(): void
  /** Drops a held-back value. */
  cancel(): void
}

/** @param intervalMs least time between two calls of `pass`. The first call goes through at once. */
export function throttle<T>(intervalMs: number, pass: (value: T) => void): Throttled<T> {
  let held: { value: T } | null = null
  let timer: NodeJS.Timeout | null = null

  const flush = (): void => {
    if (held === null) return
    const { value } = held
    held = null
    pass(value)
  }
  const tick = (): void => {
    timer = null
    if (held === null) return
    start()
    flush()
  }
  const start = (): void => {
    timer = setTimeout(tick, intervalMs)
    // A pending trailing call is flushed by whoever ends the work; it must not keep the process alive.
    timer.unref()
  }
  const call = (value: T): void => {
    held = { value }
    if (timer !== null) return
    start()
    flush()
  }
  return Object.assign(call, { flush, cancel: () => { held = null } })
}

/** Ten times a second, as the contract promises for every progress event. */
export const EVENT_INTERVAL_MS = 100
