import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leastSquares, UndeterminedFitError } from './leastSquares.ts'

const positive = fc.double({ min: 1e-3, max: 1e3, noNaN: true })

describe('least squares', () => {
  test('finds what the observations were made of', () => {
    fc.assert(fc.property(fc.tuple(positive, positive, positive), ([overhead, perRow, perFlop]) => {
      const observations = [[1, 10, 200], [1, 10, 900], [1, 40, 3000], [1, 80, 100], [1, 5, 7]].map((coefficients) => ({
        coefficients, value: overhead * coefficients[0] + perRow * coefficients[1] + perFlop * coefficients[2],
      }))
      const { unknowns, relativeError } = leastSquares(observations)
      expect(relativeError).toBeLessThan(1e-6)
      for (const [at, expected] of [overhead, perRow, perFlop].entries()) {
        // What is a millionth of every observation cannot be told.
        const share = Math.max(...observations.map(({ coefficients, value }) => coefficients[at] * expected / value))
        if (share > 1e-3) expect(unknowns[at] / expected).toBeCloseTo(1, 3)
      }
    }))
  })

  test('no unknown is negative, whatever the observations', () => {
    // A line through these would start below 0.
    const { unknowns } = leastSquares([[1, 1], [1, 2], [1, 4]].map((coefficients) => ({ coefficients, value: coefficients[1] * 10 - 5 })))
    expect(unknowns[0]).toBe(0)
    expect(unknowns[1]).toBeGreaterThan(5)
    fc.assert(fc.property(fc.array(fc.tuple(positive, positive), { minLength: 2, maxLength: 8 }), (pairs) => {
      for (const unknown of leastSquares(pairs.map(([x, value]) => ({ coefficients: [1, x], value }))).unknowns) expect(unknown).toBeGreaterThanOrEqual(0)
    }))
  })

  test('minds relative differences: small observations count as much as large ones', () => {
    const { unknowns: [value] } = leastSquares([{ coefficients: [1], value: 1 }, { coefficients: [1000], value: 1100 }])
    expect(value).toBeGreaterThan(1.04)
    expect(value).toBeLessThan(1.06)
  })

  test('an unknown that no observation has is 0', () => {
    expect(leastSquares([{ coefficients: [2, 0], value: 6 }, { coefficients: [4, 0], value: 12 }]).unknowns).toEqual([3, 0])
  })

  test('says so when there is nothing to find', () => {
    expect(() => leastSquares([])).toThrow(UndeterminedFitError)
    expect(() => leastSquares([{ coefficients: [0], value: 1 }])).toThrow(UndeterminedFitError)
  })
})
