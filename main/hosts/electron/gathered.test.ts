import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Gathered } from './gathered.ts'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

it('passes on together what comes shortly after one another, each once', () => {
  const pass = vi.fn()
  const gathered = new Gathered<string>(pass)
  gathered.add('a')
  vi.advanceTimersByTime(150)
  gathered.add('b')
  vi.advanceTimersByTime(150)
  expect(pass).not.toHaveBeenCalled()
  vi.advanceTimersByTime(100)
  gathered.add('c')
  vi.advanceTimersByTime(1000)
  expect(pass.mock.calls).toEqual([[['a', 'b']], [['c']]])
})
