import { expect, it } from 'vitest'
import { writeDelta } from './delta.ts'

it('delta is the row sum of dO o O, and 0 for a row without keys whatever its dO holds', () => {
  const delta = new Float32Array(3).fill(Number.NaN)
  writeDelta({
    dOut: Float32Array.of(1, 2, Number.NaN, Infinity, 0.5, -1), out: Float32Array.of(3, 4, 0, 0, 2, 8),
    lse: Float32Array.of(0, -Infinity, 5), delta,
  })
  expect([...delta]).toEqual([11, 0, -7])
})
