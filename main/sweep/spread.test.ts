import { describe, expect, it } from 'vitest'
import { isTooWide, medianUncertainty, mostMeasurements, needsMore, spreadOf } from './spread.ts'

const wide = [10, 13, 7, 12, 8]
const steady = [10, 10.1, 9.9, 10, 10.05]

describe('spread', () => {
  it('is the median, its deviation and how many measurements there were', () => {
    expect(spreadOf([4, 5, 9])).toEqual({ medianMs: 5, madMs: 1, repeats: 3, noisy: true, reused: false })
    expect(spreadOf(steady)).toMatchObject({ noisy: false })
  })

  it('is not judged by fewer than three measurements', () => {
    expect([medianUncertainty([1]), medianUncertainty([1, 5])]).toEqual([0, 0])
    expect(isTooWide([1, 5])).toBe(false)
  })

  it('shrinks with the number of measurements of the same scatter', () => {
    const more = Array.from({ length: 20 }, () => wide).flat()
    expect(medianUncertainty(more)).toBeLessThan(medianUncertainty(wide) / 4)
    // As the standard error of a median of normal values: 1.2533 sigma / sqrt(n), sigma = 1.4826 MAD.
    expect(medianUncertainty(wide)).toBeCloseTo((1.2533 * 1.4826 * 2) / Math.sqrt(5) / 10, 10)
  })

  it('asks for more measurements until there are enough, and of wide ones up to a cap', () => {
    expect(needsMore(steady.slice(0, 4), 5)).toBe(true)
    expect(needsMore(steady, 5)).toBe(false)
    expect(needsMore(wide, 5)).toBe(true)
    const cap = mostMeasurements(5)
    expect(cap).toBe(20)
    const scattered = Array.from({ length: cap }, (_, at) => (at % 3 === 0 ? 5 : at % 3 === 1 ? 10 : 15))
    expect([needsMore(scattered.slice(1), 5), needsMore(scattered, 5)]).toEqual([true, false])
    expect(spreadOf(scattered).noisy).toBe(true)
  })

  it('lets few repeats be rerun in any case', () => {
    expect(mostMeasurements(1)).toBe(9)
    expect(needsMore([1], 1)).toBe(false)
  })
})
