import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSignificant, rankTest, type Sample, sampleOf } from './significance.ts'

function sample(...values: number[]): Sample {
  const made = sampleOf(values)
  if (made === null) throw new TypeError('no values')
  return made
}

describe('rankTest', () => {
  it('counts the ways to deal ranks out that lie as far apart', () => {
    // Sums of 3 of the ranks 1 to 5: 6, 7, 8, 8, 9, 9, 10, 10, 11, 12. All but the two 9 lie as far from 9 as 1 + 2 + 5.
    expect(rankTest([1, 2, 3, 4], [5, 6, 7, 8])).toBeCloseTo(2 / 70, 12)
    expect(rankTest([7, 8, 9, 10, 11, 12], [1, 2, 3, 4, 5, 6])).toBeCloseTo(2 / 924, 12)
    expect(rankTest([1, 2, 5], [3, 4])).toBe(8 / 10)
  })

  it('takes equal values at their middle rank: nothing but equal ones lie as far apart as any', () => {
    expect(rankTest([5, 5, 5, 5], [5, 5, 5, 5])).toBe(1)
    expect(rankTest([1, 1, 1, 1], [2, 2, 2, 2])).toBeCloseTo(2 / 70, 12)
  })

  it('is near its normal form where both are used', () => {
    // 21 and 20 values take the normal form, 20 and 20 the exact one; the value that is left out lies in the middle of the others.
    const [a, b] = [Array.from({ length: 20 }, (_, at) => at), Array.from({ length: 20 }, (_, at) => at + 7.25)]
    const exact = rankTest(a, b)
    expect(exact).toBeGreaterThan(1e-4)
    expect(exact).toBeLessThan(0.02)
    expect(Math.abs(Math.log(rankTest([...a, 13.1], b) / exact))).toBeLessThan(0.5)
  })

  it('is a chance, the same either way round', () => {
    const some = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8 })
    fc.assert(fc.property(some, some, (a, b) => {
      const chance = rankTest(a, b)
      expect(chance).toBeGreaterThan(0)
      expect(chance).toBeLessThanOrEqual(1)
      expect(rankTest(b, a)).toBeCloseTo(chance, 12)
    }))
  })
})

describe('isSignificant', () => {
  it('knows nothing of a single window', () => {
    expect(isSignificant(sample(10), sample(1, 2, 3, 4))).toBeNull()
  })

  it('of four windows or more goes by ranks: wide scatter of one side does not hide that all of it lies higher', () => {
    // Steps of the sample pair, in ms: medians 76.9 and 114.7, MADs 1.0 and 23.6.
    expect(isSignificant(sample(100, 122, 166, 82, 107, 166), sample(75, 77, 76, 77, 78, 81))).toBe(true)
    expect(isSignificant(sample(10, 12, 11, 13), sample(11, 12, 13, 10))).toBe(false)
  })

  it('of fewer goes by medians against their scatter', () => {
    expect(isSignificant(sample(10, 11, 12), sample(20, 21, 22))).toBe(true)
    expect(isSignificant(sample(10, 15, 20), sample(20, 21, 22))).toBe(false)
    expect(isSignificant(sample(10, 10), sample(10, 10))).toBe(false)
    expect(isSignificant(sample(10, 10), sample(11, 11))).toBe(true)
  })

  it('of fewer, two equal ones do not hide that the third lies elsewhere', () => {
    expect(isSignificant(sample(0, 0, 5), sample(1, 1, 0))).toBe(false)
  })

  it('two windows say little of their scatter, however many the other side has', () => {
    const steady = sample(...Array.from({ length: 10 }, (_, at) => 10 + at / 1000))
    // Student's t with one degree of freedom is 12.7, with two 4.30.
    expect(isSignificant(sample(14, 15), steady)).toBe(false)
    expect(isSignificant(sample(17, 18), steady)).toBe(false)
    expect(isSignificant(sample(19, 20), steady)).toBe(true)
  })
})
