import { describe, expect, it } from 'vitest'
import { checksumWeight, fillRow, fillTensor, inputValue, weightedRowSum } from './inputs.ts'

const deviation = (values: Float32Array): number => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

describe('inputs', () => {
  it('are exact in float32 and lie in (-2.5, 2.5)', () => {
    for (let position = 0; position < 2000; position++) {
      const value = inputValue(7, 'k', 1, 3, position * 33_333, position % 128)
      expect(Math.fround(value)).toBe(value)
      expect(Math.abs(value)).toBeLessThan(2.5)
    }
  })

  it('do not depend on which rows stand beside each other', () => {
    const rows = Int32Array.of(3, 17, 4, 1 << 25)
    const tensor = new Float32Array(2 * 3 * rows.length * 5)
    fillTensor(tensor, 42, 'v', 2, 3, rows, 5)
    let at = 0
    for (let batch = 0; batch < 2; batch++) {
      for (let head = 0; head < 3; head++) {
        for (const position of rows) {
          const row = new Float64Array(5)
          fillRow(row, 42, 'v', batch, head, position)
          for (let dim = 0; dim < 5; dim++) {
            expect(tensor[at]).toBe(inputValue(42, 'v', batch, head, position, dim))
            expect(row[dim]).toBe(tensor[at++])
          }
        }
      }
    }
  })

  it('of a part of the batch are those of its items', () => {
    const rows = Int32Array.of(2, 9)
    const [all, last] = [new Float32Array(3 * 2 * 2 * 4), new Float32Array(2 * 2 * 4)]
    fillTensor(all, 8, 'dout', 3, 2, rows, 4)
    fillTensor(last, 8, 'dout', 1, 2, rows, 4, 2)
    expect(last).toEqual(all.subarray(2 * 2 * 2 * 4))
  })

  it('differ by every coordinate', () => {
    const base = inputValue(1, 'q', 0, 0, 0, 0)
    const others = [
      inputValue(2, 'q', 0, 0, 0, 0), inputValue(1, 'k', 0, 0, 0, 0), inputValue(1, 'v', 0, 0, 0, 0), inputValue(1, 'dout', 0, 0, 0, 0),
      inputValue(1, 'q', 1, 0, 0, 0), inputValue(1, 'q', 0, 1, 0, 0), inputValue(1, 'q', 0, 0, 1, 0), inputValue(1, 'q', 0, 0, 0, 1),
    ]
    expect(new Set([base, ...others]).size).toBe(9)
  })

  it('spread so that scores have a standard deviation of about 1', () => {
    const positions = Int32Array.from({ length: 256 }, (_, row) => row)
    const [q, k] = (['q', 'k'] as const).map((name) => {
      const tensor = new Float32Array(256 * 64)
      fillTensor(tensor, 0, name, 1, 1, positions, 64)
      return tensor
    })
    const scores = new Float32Array(256 * 256)
    for (let row = 0; row < 256; row++) {
      for (let key = 0; key < 256; key++) {
        for (let dim = 0; dim < 64; dim++) scores[row * 256 + key] += q[row * 64 + dim] * k[key * 64 + dim] / 8
      }
    }
    expect(deviation(scores)).toBeGreaterThan(0.9)
    expect(deviation(scores)).toBeLessThan(1.2)
  })

  it('refuse a buffer of another size', () => {
    expect(() => fillTensor(new Float32Array(7), 0, 'q', 1, 1, Int32Array.of(0, 1), 4)).toThrow(/needs 8 elements .* has 7/)
  })
})

describe('checksumWeight', () => {
  it('is between a half and one and a half, with the sign of the value at its place', () => {
    for (let position = 0; position < 500; position++) {
      const weight = checksumWeight(5, 1, 6, 2, position, 3)
      expect(Math.abs(weight)).toBeGreaterThanOrEqual(0.5)
      expect(Math.abs(weight)).toBeLessThan(1.5)
      expect(weight < 0).toBe(inputValue(5, 'v', 1, 2, position, 3) < 0)
    }
  })

  it('is what weightedRowSum weighs with', () => {
    const rows = Float32Array.from({ length: 12 }, (_, at) => at - 5.5)
    let expected = 0
    for (let dim = 0; dim < 6; dim++) expected += rows[6 + dim] * checksumWeight(9, 1, 2, 1, 77, dim)
    expect(weightedRowSum(rows, 6, 6, 9, 1, 2, 1, 77)).toBe(expected)
  })
})
