import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidLseError, mergeRows, mergeWeights, type PartialRows } from './merge.ts'

/** Attention of one row over some keys, from scores and one-dimensional values. */
function partial(scores: readonly number[], values: readonly number[]): PartialRows {
  const most = Math.max(-Infinity, ...scores)
  const weights = scores.map((score) => Math.exp(score - most))
  const sum = weights.reduce((a, b) => a + b, 0)
  if (sum === 0) return { out: Float64Array.of(0), lse: Float64Array.of(-Infinity) }
  const out = weights.reduce((total, weight, at) => total + weight * values[at], 0) / sum
  return { out: Float64Array.of(out), lse: Float64Array.of(most + Math.log(sum)) }
}

const identity = (): PartialRows => ({ out: Float64Array.of(0), lse: Float64Array.of(-Infinity) })

function joined(...parts: PartialRows[]): PartialRows {
  const accumulator = identity()
  for (const part of parts) mergeRows(accumulator, part, 1)
  return accumulator
}

function expectClose(actual: PartialRows, expected: PartialRows): void {
  expect(actual.out[0]).toBeCloseTo(expected.out[0], 12)
  if (expected.lse[0] === -Infinity) expect(actual.lse[0]).toBe(-Infinity)
  else expect(Math.abs(actual.lse[0] - expected.lse[0])).toBeLessThan(1e-12 * Math.max(1, Math.abs(expected.lse[0])))
}

const keys = fc.array(fc.tuple(fc.double({ min: -1e4, max: 1e4, noNaN: true }), fc.double({ min: -2, max: 2, noNaN: true })), { maxLength: 6 })
const partialOf = (pairs: readonly (readonly [number, number])[]): PartialRows =>
  partial(pairs.map(([score]) => score), pairs.map(([, value]) => value))

describe('merge', () => {
  it('of blocks is the attention over all their keys, for scores up to +-1e4', () => {
    fc.assert(fc.property(keys, keys, keys, (a, b, c) => {
      expectClose(joined(partialOf(a), partialOf(b), partialOf(c)), partialOf([...a, ...b, ...c]))
    }))
  })

  it('does not depend on order or grouping', () => {
    fc.assert(fc.property(keys, keys, keys, (a, b, c) => {
      const [x, y, z] = [partialOf(a), partialOf(b), partialOf(c)]
      expectClose(joined(z, x, y), joined(x, y, z))
      expectClose(joined(x, joined(y, z)), joined(joined(x, y), z))
    }))
  })

  it('is associative and symmetric whatever rows it joins: with and without keys, equal, far apart, in float32', () => {
    const lse = fc.oneof(fc.constantFrom(-Infinity, -1e4, 1e4, 0, -88.8, 88.8), fc.float({ min: -1e4, max: 1e4, noNaN: true }))
    // What a row without keys holds is nothing that counts.
    const out = fc.oneof(fc.constantFrom(0, 2, -2), fc.float({ min: -2, max: 2, noNaN: true }))
    const rows = fc.array(fc.tuple(out, lse), { minLength: 4, maxLength: 4 }).map((pairs): PartialRows => ({
      out: Float32Array.from(pairs, ([value, own]) => own === -Infinity ? Number.NaN : value), lse: Float32Array.from(pairs, ([, own]) => own),
    }))
    const empty = (): PartialRows => ({ out: new Float32Array(4), lse: new Float32Array(4).fill(-Infinity) })
    const join = (...parts: PartialRows[]): PartialRows => parts.reduce((sum, part) => {
      mergeRows(sum, part, 1)
      return sum
    }, empty())
    fc.assert(fc.property(rows, rows, rows, (x, y, z) => {
      const results = [join(x, y, z), join(z, y, x), join(y, z, x), join(x, join(y, z)), join(join(x, y), z), join(join(z, x), y)]
      for (const { out: values, lse: sums } of results) {
        for (let row = 0; row < 4; row++) {
          expect(Number.isFinite(values[row])).toBe(true)
          expect(Number.isFinite(sums[row])).toBe([x, y, z].some((part) => part.lse[row] !== -Infinity))
          // A change of the log-sum-exp in its last bit, near 1e4, moves a weight by 1e-3.
          const accuracy = 4e-7 * Math.max(1, Math.abs(sums[row]))
          expect(Math.abs(values[row] - results[0].out[row])).toBeLessThanOrEqual(4 * accuracy)
          if (sums[row] !== -Infinity) expect(Math.abs(sums[row] - results[0].lse[row])).toBeLessThanOrEqual(accuracy)
        }
      }
    }))
  })

  it('keeps row 0 of a striped block that lies after the queries: it sees no key there', () => {
    // Rank 0 of 2, positions 0, 2, 4, against rank 1's keys 1, 3, 5: the lower triangle without its diagonal.
    const [scores, values] = [[0.3, -1.2, 2.5, 0.7, -0.4, 1.1], [1, -2, 3, 0.5, -1, 4]]
    const rowsOver = (keyPositions: readonly number[]): PartialRows => {
      const parts = [0, 2, 4].map((query) => keyPositions.filter((key) => key <= query)).map((seen) =>
        partial(seen.map((key) => scores[key]), seen.map((key) => values[key])))
      return { out: Float64Array.from(parts, ({ out }) => out[0]), lse: Float64Array.from(parts, ({ lse }) => lse[0]) }
    }
    const [own, other, all] = [rowsOver([0, 2, 4]), rowsOver([1, 3, 5]), rowsOver([0, 1, 2, 3, 4, 5])]
    expect(other.lse[0]).toBe(-Infinity)
    for (const [first, second] of [[own, other], [other, own]]) {
      const sum: PartialRows = { out: first.out.slice(), lse: first.lse.slice() }
      mergeRows(sum, second, 1)
      expect([sum.out[0], sum.lse[0]]).toEqual([own.out[0], own.lse[0]])
      for (let row = 0; row < 3; row++) {
        expect(sum.out[row]).toBeCloseTo(all.out[row], 12)
        expect(sum.lse[row]).toBeCloseTo(all.lse[row], 12)
      }
    }
  })

  it('leaves a result unchanged when joined with a row without keys, on either side', () => {
    const x = partial([1.5, -3], [0.25, 4])
    expect(joined(x, identity())).toEqual(x)
    expect(joined(identity(), x)).toEqual(x)
    expect(joined(identity(), identity())).toEqual(identity())
  })

  it('does not overflow or lose the larger side when log-sum-exps are far apart', () => {
    for (const gap of [88, 89, 745, 1e4, 2e4]) {
      const far = joined(partial([gap / 2], [3]), partial([-gap / 2], [-5]))
      expect(far.out[0]).toBeCloseTo(3, 12)
      expect(far.lse[0]).toBeCloseTo(gap / 2, 9)
      expectClose(joined(partial([-gap / 2], [-5]), partial([gap / 2], [3])), far)
    }
  })

  it('takes nothing from the buffer of a row without keys, whatever it holds', () => {
    const rubbish: PartialRows = { out: Float64Array.of(Number.NaN), lse: Float64Array.of(-Infinity) }
    const x = partial([2], [7])
    mergeRows(rubbish, x, 1)
    expect(rubbish).toEqual(x)
    mergeRows(x, { out: Float64Array.of(Number.NaN), lse: Float64Array.of(-Infinity) }, 1)
    expect(x).toEqual(partial([2], [7]))
  })

  it('treats rows on their own', () => {
    const accumulator: PartialRows = { out: Float32Array.of(1, 2, 3, 4), lse: Float32Array.of(0, -Infinity) }
    mergeRows(accumulator, { out: Float32Array.of(3, 4, 5, 6), lse: Float32Array.of(0, 2) }, 2)
    expect(accumulator).toEqual({ out: Float32Array.of(2, 3, 5, 6), lse: Float32Array.of(Math.fround(Math.log(2)), 2) })
  })

  it.each([Infinity, Number.NaN])('refuses a log-sum-exp of %s instead of letting it replace the accumulator', (lse) => {
    const x = partial([1], [1])
    expect(() => mergeRows(x, { out: Float64Array.of(0), lse: Float64Array.of(lse) }, 1)).toThrow(InvalidLseError)
    expect(() => mergeRows({ out: Float64Array.of(0), lse: Float64Array.of(lse) }, x, 1)).toThrow(/row 0 is/)
    expect(() => mergeWeights(0, lse)).toThrow(InvalidLseError)
    expect(x).toEqual(partial([1], [1]))
  })

  it('refuses results of different sizes', () => {
    expect(() => mergeRows(identity(), { out: Float64Array.of(0, 1), lse: Float64Array.of(0, 0) }, 1)).toThrow(RangeError)
  })
})

describe('mergeWeights', () => {
  it('sum to 1, or are both 0 when neither side has a key', () => {
    fc.assert(fc.property(fc.double({ min: -1e4, max: 1e4, noNaN: true }), fc.double({ min: -1e4, max: 1e4, noNaN: true }), (a, b) => {
      const weights = mergeWeights(a, b)
      expect(weights.first + weights.second).toBeCloseTo(1, 14)
      expect(weights.lse).toBeGreaterThanOrEqual(Math.max(a, b))
    }))
    expect(mergeWeights(-Infinity, -Infinity)).toEqual({ first: 0, second: 0, lse: -Infinity })
  })
})
