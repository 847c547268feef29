import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { throttle } from './throttle.ts'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

describe('throttle', () => {
  it('passes the first at once, then at most one an interval, and always the last', () => {
    const passed: { at: number; value: number }[] = []
    const start = Date.now()
    const call = throttle<number>(100, (value) => passed.push({ at: Date.now() - start, value }))
    for (let ms = 0; ms < 255; ms += 5) {
      call(ms)
      vi.advanceTimersByTime(5)
    }
    vi.advanceTimersByTime(1000)
    expect(passed).toEqual([{ at: 0, value: 0 }, { at: 100, value: 95 }, { at: 200, value: 195 }, { at: 300, value: 250 }])
  })

  it('passes a single call once', () => {
    const pass = vi.fn()
    throttle(100, pass)('only')
    vi.advanceTimersByTime(1000)
    expect(pass).toHaveBeenCalledExactlyOnceWith('only')
  })

  it('is ready at once again after a quiet interval', () => {
    const pass = vi.fn()
    const call = throttle(100, pass)
    call(1)
    vi.advanceTimersByTime(150)
    call(2)
    expect(pass.mock.calls).toEqual([[1], [2]])
  })

  it('flushes what it holds, once', () => {
    const pass = vi.fn()
    const call = throttle(100, pass)
    call(1)
    call(2)
    call.flush()
    call.flush()
    vi.advanceTimersByTime(1000)
    expect(pass.mock.calls).toEqual([[1], [2]])
  })

  it('forgets what it holds when cancelled', () => {
    const pass = vi.fn()
    const call = throttle(100, pass)
    call(1)
    call(2)
    call.cancel()
    vi.advanceTimersByTime(1000)
    expect(pass.mock.calls).toEqual([[1]])
  })
})
