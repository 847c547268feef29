import { CancelledError } from './errors.ts'
import { EXIT } from './exitCodes.ts'
import type { Terminal } from './terminal.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** A terminal signals the whole process group, so one key press can arrive twice (once through the launcher). */
const SAME_PRESS_MS = 500

/**
 * Aborts on the first request to stop, so that the command can save what it has; ends the process on the second.
 */
export function cancelOnSignals(terminal: Terminal): AbortSignal {
  const controller = new AbortController()
  let firstAt: number | null = null
  const stop = (): void => {
    const now = performance.now()
    if (firstAt === null) {
      firstAt = now
      terminal.note('stopping; once more to stop at once')
      controller.abort()
    } else if (now - firstAt > SAME_PRESS_MS) {
      process.exit(EXIT.cancelled)
    }
  }
  for (const signal of SIGNALS) process.on(signal, stop)
  return controller.signal
}

/** Calls `listener` when the signal aborts, or at once when it already has. @returns a function that takes it back. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener()
    return () => undefined
  }
  signal.addEventListener('abort', listener, { once: true })
  return () => { signal.removeEventListener('abort', listener) }
}

/** For work that cannot be stopped and leaves nothing behind: its outcome, or CancelledError as soon as the signal aborts. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stopListening = (): void => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    stopListening = onAbort(signal, () => { reject(new CancelledError()) })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    stopListening()
  }
}
