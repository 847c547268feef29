import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatMicros, parseMicros } from './microseconds.ts'

const nanos = (text: string): number | null => {
  const parsed = parseMicros(text)
  return parsed === null ? null : parsed.whole * 1000 + parsed.nanos
}

describe('times as text', () => {
  test('decimal µs become whole ns', () => {
    expect(['0', '1.5', '9.000001', '10.0005', '3.', '-0.25', '1e3', '2.5E-3'].map(nanos)).toEqual([0, 1500, 9000, 10001, 3000, -250, 1e6, 3])
  })

  test('an epoch time keeps its ns, which a double of µs does not', () => {
    expect(parseMicros('1723545784535521.354')).toEqual({ whole: 1723545784535521, nanos: 354 })
  })

  test('what is no number is null', () => {
    expect(['', ' ', 'abc', 'NaN', '1.2.3', 'Infinity'].map(nanos)).toEqual(Array(6).fill(null))
  })

  test('formatting and parsing are inverse for all integer ns', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (value) => {
      const bounded = Math.trunc(value / 2)
      expect(nanos(formatMicros(bounded))).toBe(bounded + 0)
    }))
  })

  test('ns are printed with all three places', () => {
    expect([0, 7, 123456, -1, 1000].map(formatMicros)).toEqual(['0.000', '0.007', '123.456', '-0.001', '1.000'])
  })
})
