import { describe, expect, test, vi } from 'vitest'
import { onAbort, unlessAborted } from './cancellation.ts'
import { CancelledError } from './errors.ts'

describe('onAbort', () => {
  test('calls once when the signal aborts, at once when it already has, and not after it was taken back', () => {
    const stop = new AbortController()
    const [before, takenBack, after] = [vi.fn(), vi.fn(), vi.fn()]
    onAbort(stop.signal, before)
    onAbort(stop.signal, takenBack)()
    expect(before).not.toHaveBeenCalled()
    stop.abort()
    onAbort(stop.signal, after)
    expect([before, takenBack, after].map((listener) => listener.mock.calls.length)).toEqual([1, 0, 1])
  })
})

describe('unlessAborted', () => {
  test('is the work\'s own outcome while nobody stops it', async () => {
    const { signal } = new AbortController()
    expect(await unlessAborted(signal, Promise.resolve(7))).toBe(7)
    await expect(unlessAborted(signal, Promise.reject(new RangeError('x')))).rejects.toThrow(RangeError)
  })

  test('does not wait for the work once it is stopped, before or during', async () => {
    const stop = new AbortController()
    const never = new Promise<number>(() => undefined)
    const waiting = unlessAborted(stop.signal, never)
    stop.abort()
    await expect(waiting).rejects.toThrow(CancelledError)
    await expect(unlessAborted(stop.signal, never)).rejects.toThrow(CancelledError)
  })
})
