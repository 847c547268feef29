import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fitIncreasing } from './fit.ts'

test('finds the parameter that gives a target', () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 10, noNaN: true }), (wanted) => {
    expect(fitIncreasing((parameter) => parameter ** 3, wanted ** 3, 0, 10)).toBeCloseTo(wanted, 4)
  }))
})

test('says that a model cannot reach a target', () => {
  expect(() => fitIncreasing((parameter) => parameter, 11, 0, 10)).toThrow(/no parameter from 0 to 10 gives 11: values are 0 to 10/)
})
