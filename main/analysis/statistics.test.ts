import { describe, expect, it } from 'vitest'
import { median, medianAbsoluteDeviation } from './statistics.ts'

describe('median', () => {
  it('is the middle value, or the mean of the two middle ones, in any order', () => {
    expect(median([7])).toBe(7)
    expect(median([3, 1, 2])).toBe(2)
    expect(median([10, 1, 4, 2])).toBe(3)
    expect(() => median([])).toThrow(RangeError)
  })
})

describe('medianAbsoluteDeviation', () => {
  it('ignores a single outlier', () => {
    expect(medianAbsoluteDeviation([10, 11, 9, 10, 1000])).toBe(1)
    expect(medianAbsoluteDeviation([5, 5, 5])).toBe(0)
  })
})
