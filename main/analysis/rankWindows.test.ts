import { describe, expect, test } from 'vitest'
import { rankWindows, WHOLE_TRACE, windowAt } from './rankWindows.ts'

const windows = [{ startNs: 10, endNs: 20 }, { startNs: 20, endNs: 30 }, { startNs: 40, endNs: 50 }]
const cut = rankWindows([windows, windows.map(({ startNs, endNs }) => ({ startNs: startNs + 5, endNs: endNs + 5 }))])
const parts = (rank: number, startNs: number, endNs: number): number[][] => {
  const found: number[][] = []
  cut.each(rank, startNs, endNs, (window, fromNs, toNs) => { found.push([window, fromNs, toNs]) })
  return found
}

describe('windows of ranks', () => {
  test('a span is divided among the windows of its rank that it lies in', () => {
    expect(parts(0, 12, 15)).toEqual([[0, 12, 15]])
    expect(parts(0, 0, 100)).toEqual([[0, 10, 20], [1, 20, 30], [2, 40, 50]])
    expect(parts(1, 12, 26)).toEqual([[0, 15, 25], [1, 25, 26]])
    expect(parts(0, 30, 40)).toEqual([])
    expect(parts(0, 0, 10)).toEqual([])
  })

  test('a moment is in the window that begins with it', () => {
    expect(parts(0, 20, 20)).toEqual([[1, 20, 20]])
    expect(parts(0, 30, 30)).toEqual([])
    expect(parts(0, 5, 5)).toEqual([])
    expect([5, 10, 19, 20, 35, 50].map((time) => windowAt(windows, time))).toEqual([-1, 0, 0, 1, -1, -1])
  })

  test('have their own length; the whole trace is as long as its spans', () => {
    expect(cut.lengthNs(1, 2)).toBe(10)
    expect(WHOLE_TRACE.lengthNs(0, 0)).toBeNull()
  })
})
