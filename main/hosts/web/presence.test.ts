import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Presence } from './presence.ts'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

it('notices that the last page has been gone for a minute, and not one that reloads', () => {
  const gone = vi.fn()
  const presence = new Presence(gone)
  presence.arrived()
  presence.arrived()
  presence.left()
  vi.advanceTimersByTime(120_000)
  expect(gone, 'another page is there').not.toHaveBeenCalled()
  presence.left()
  vi.advanceTimersByTime(59_000)
  presence.arrived()
  vi.advanceTimersByTime(120_000)
  expect(gone, 'it came back').not.toHaveBeenCalled()
  presence.left()
  vi.advanceTimersByTime(60_000)
  expect(gone).toHaveBeenCalledOnce()
})
