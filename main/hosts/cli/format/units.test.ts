import { expect, test } from 'vitest'
import { formatBytes, formatCount, formatError, formatGflops, formatMs, formatSeconds, formatShare, formatUs, significant } from './units.ts'

test('three significant digits, without exponents', () => {
  expect([0, 1.23456, 12.3456, 123.456, 1234.56, 0.00123456, -1.23456].map(significant))
    .toEqual(['0', '1.23', '12.3', '123', '1235', '0.00123', '-1.23'])
  expect([9.996, 99.96, 0.9996].map(significant)).toEqual(['10.0', '100', '1.00'])
})

test('times carry the unit that fits', () => {
  expect([0, 1.5, 90, 2.5e-9].map(formatSeconds)).toEqual(['0 s', '1.50 s', '90.0 s', '2.50 ns'])
  expect([0.0123, 12.3, 999.96, 1000].map(formatMs)).toEqual(['12.3 µs', '12.3 ms', '1.00 s', '1.00 s'])
  expect(formatUs(26_843.5)).toBe('26.8 ms')
})

test('sizes, rates, shares, counts and errors', () => {
  expect([512, 1024, 4_194_304, 3 * 2 ** 30, null].map(formatBytes)).toEqual(['512 B', '1.00 KiB', '4.00 MiB', '3.00 GiB', '-'])
  expect([0, 0.5, 31.25, 1234].map(formatGflops)).toEqual(['-', '500 MFLOP/s', '31.3 GFLOP/s', '1.23 TFLOP/s'])
  expect([0, 0.4666, 1, null].map(formatShare)).toEqual(['0 %', '46.7 %', '100 %', '-'])
  expect(formatCount(33_558_528)).toBe('33,558,528')
  expect([0, 3.14e-7].map(formatError)).toEqual(['0', '3.1e-7'])
})
