import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DifferenceBound, isFeasible, largestShare, tightest } from './differenceConstraints.ts'

const bound = (from: number, to: number, slackNs: number, transferNs = 0): DifferenceBound => ({ from, to, slackNs, transferNs })

describe('bounds on differences', () => {
  test('a round trip that leaves less than nothing contradicts itself', () => {
    expect(isFeasible([bound(0, 1, 100), bound(1, 0, -90)], 2, 0)).toBe(true)
    expect(isFeasible([bound(0, 1, 100), bound(1, 0, -110)], 2, 0)).toBe(false)
  })

  test('as much of the transfer is believed as the bounds bear', () => {
    expect(largestShare([bound(0, 1, 1000, 500), bound(1, 0, 0, 500)], 2)).toBe(1)
    expect(largestShare([bound(0, 1, 500, 500), bound(1, 0, 0, 500)], 2)).toBeCloseTo(0.5, 1)
    expect(largestShare([bound(0, 1, 100, 500), bound(1, 0, -200, 500)], 2)).toBeNull()
  })

  test('every pair is bounded by the tightest way round; what nothing bounds is infinite', () => {
    const distance = tightest([bound(0, 1, 10), bound(1, 2, 5), bound(0, 2, 30)], 3, 0)
    expect(distance[0 * 3 + 2]).toBeGreaterThanOrEqual(15)
    expect(distance[0 * 3 + 2]).toBeLessThanOrEqual(17)
    expect(distance[2 * 3 + 0]).toBe(Number.POSITIVE_INFINITY)
  })

  test('true values that satisfy the bounds lie within what they say of every pair', () => {
    const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 6 })
    const pairs = fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.nat(50)), { minLength: 1, maxLength: 20 })
    fc.assert(fc.property(values, pairs, (x, chosen) => {
      const bounds = chosen.filter(([a, b]) => a < x.length && b < x.length && a !== b).map(([a, b, slack]) => bound(a, b, x[b] - x[a] + slack))
      const distance = tightest(bounds, x.length, 0)
      expect(isFeasible(bounds, x.length, 0)).toBe(true)
      for (let a = 0; a < x.length; a++) for (let b = 0; b < x.length; b++) expect(x[b] - x[a]).toBeLessThanOrEqual(distance[a * x.length + b])
    }))
  })
})
