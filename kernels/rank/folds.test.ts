import { describe, expect, it } from 'vitest'
import { createArena, type ArenaSpec } from '../backends/arena.ts'
import { addGradient, addInto, sumSharedGradients } from './folds.ts'

describe('folds', () => {
  it('adds a gradient to another in float32', () => {
    const into = { dk: Float32Array.of(1, 2), dv: Float32Array.of(0.5, -1) }
    addGradient(into, { dk: Float32Array.of(10, 20), dv: Float32Array.of(1, 1) })
    expect(into).toEqual({ dk: Float32Array.of(11, 22), dv: Float32Array.of(1.5, 0) })
    expect(() => addInto(into.dk, new Float32Array(3))).toThrow(RangeError)
  })

  it('sums what four members contributed to the two heads that they share', () => {
    const shape = { batch: 2, heads: 1, kvHeads: 1, headDim: 2, tokens: 4, blockQ: 4, blockK: 4 }
    const spec: ArenaSpec = {
      shape, kvSlots: 1, dkvSlots: 1, sides: 1, ownGradientSlot: 0, wireDtype: 'float32', degree: 4, modelHeads: 4, modelKvHeads: 2,
    }
    const arena = createArena(spec, 0)
    const { home } = arena
    expect(home.parts).toHaveLength(4)
    home.dk.fill(99)
    // [batch, 1, one row, headDim]: a digit for each member.
    home.parts.forEach((part, member) => {
      part.dk.forEach((_, at) => { part.dk[at] = 10 ** member * (at + 1) })
      part.dv.fill(member + 1)
    })
    sumSharedGradients(arena)
    // Members 0 and 1 share head 0, members 2 and 3 head 1; [batch, head, dim].
    expect([...home.dk]).toEqual([11, 22, 1100, 2200, 33, 44, 3300, 4400])
    expect([...home.dv]).toEqual([3, 3, 7, 7, 3, 3, 7, 7])
  })
})
