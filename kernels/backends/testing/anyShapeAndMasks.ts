import fc from 'fast-check'
import type { RankShape } from '../backend.ts'

/** Shapes of every kind, each with one to three blocks of arbitrary key ranges: [from, to) of every row, empty ones too. */
export const anyShapeAndMasks = fc.record({
  batch: fc.integer({ min: 1, max: 2 }), kvHeads: fc.integer({ min: 1, max: 2 }), group: fc.integer({ min: 1, max: 3 }),
  headDim: fc.integer({ min: 1, max: 24 }), tokens: fc.integer({ min: 1, max: 40 }),
  blockQ: fc.integer({ min: 1, max: 48 }), blockK: fc.integer({ min: 1, max: 48 }),
}).map(({ group, ...shape }): RankShape => ({ ...shape, heads: shape.kvHeads * group })).chain((shape) => fc.record({
  shape: fc.constant(shape),
  masks: fc.array(fc.array(fc.tuple(fc.nat(shape.tokens), fc.nat(shape.tokens)), { minLength: shape.tokens, maxLength: shape.tokens }),
    { minLength: 1, maxLength: 3 }),
}))
