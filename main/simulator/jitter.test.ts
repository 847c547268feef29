import { describe, expect, test } from 'vitest'
import { Jitter } from './jitter.ts'

const factors = (jitter: Jitter, count = 40_000): number[] => Array.from({ length: count }, (_, index) => jitter.factor(index >> 7, index & 127))
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const deviationOf = (values: readonly number[]): number => {
  const mean = meanOf(values)
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)))
}

describe('jitter', () => {
  test.each([0.01, 0.1, 0.3, 1])('has mean 1 and a relative standard deviation of %d', (deviation) => {
    const drawn = factors(new Jitter('compute', deviation, 7))
    // Four standard errors; that of a heavy-tailed deviation is wider.
    expect(Math.abs(meanOf(drawn) - 1)).toBeLessThan(4 * deviation / Math.sqrt(drawn.length))
    expect(Math.abs(deviationOf(drawn) / deviation - 1)).toBeLessThan(deviation < 0.5 ? 0.03 : 0.15)
  })

  test('is log-normal: its logarithm is as often above its mean as below, and within one deviation of it 68 % of the time', () => {
    const sigma = Math.sqrt(Math.log1p(0.3 ** 2))
    const normal = factors(new Jitter('link', 0.3, 1)).map((factor) => (Math.log(factor) + sigma ** 2 / 2) / sigma)
    expect(meanOf(normal.map((value) => (value > 0 ? 1 : 0)))).toBeCloseTo(0.5, 2)
    expect(meanOf(normal.map((value) => (Math.abs(value) < 1 ? 1 : 0)))).toBeCloseTo(0.683, 2)
  })

  test('is a function of the seed and of what it is for, not of what was drawn before', () => {
    const [forward, back] = [factors(new Jitter('compute', 0.2, 3), 500), factors(new Jitter('compute', 0.2, 3), 500)]
    expect(forward).toEqual(back)
    expect(new Jitter('compute', 0.2, 3).factor(2, 17)).toBe(forward[(2 << 7) + 17])
    expect(factors(new Jitter('compute', 0.2, 4), 500)).not.toEqual(forward)
    expect(factors(new Jitter('link', 0.2, 3), 500)).not.toEqual(forward)
  })

  test('of neighbours is independent: ranks, steps and seeds', () => {
    const correlation = (a: readonly number[], b: readonly number[]): number =>
      meanOf(a.map((value, index) => (value - meanOf(a)) * (b[index] - meanOf(b)))) / (deviationOf(a) * deviationOf(b))
    const count = 2000
    const of = (draw: (index: number) => number): number[] => Array.from({ length: count }, (_, index) => draw(index))
    const jitter = new Jitter('compute', 0.2, 5)
    const base = of((index) => jitter.factor(index, 3))
    expect(Math.abs(correlation(base, of((index) => jitter.factor(index + 1, 3))))).toBeLessThan(0.09)
    expect(Math.abs(correlation(base, of((index) => jitter.factor(index, 4))))).toBeLessThan(0.09)
    expect(Math.abs(correlation(base, of((index) => new Jitter('compute', 0.2, 6).factor(index, 3))))).toBeLessThan(0.09)
  })

  test('of no deviation is exactly 1', () => {
    expect(new Set(factors(new Jitter('compute', 0, 9), 100))).toEqual(new Set([1]))
  })
})
