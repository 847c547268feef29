import { describe, expect, it } from 'vitest'
import { ArenaTooLargeError, createArena } from './arena.ts'

const shape = { batch: 2, heads: 4, kvHeads: 2, headDim: 5, tokens: 7, blockQ: 4, blockK: 4 }

describe('createArena', () => {
  it('gives every buffer its size, aligned, and none overlaps another', () => {
    const arena = createArena(shape, 2, 1000)
    expect([arena.q.length, arena.out.length, arena.lse.length]).toEqual([2 * 4 * 7 * 5, 2 * 4 * 7 * 5, 2 * 4 * 7])
    expect(arena.slots.map(({ k, v, bytes }) => [k.length, v.length, bytes.length])).toEqual([[140, 140, 1120], [140, 140, 1120]])
    const views = [arena.q, arena.out, arena.lse, ...arena.slots.map((slot) => slot.bytes)]
    const extents = views.map((view) => [view.byteOffset, view.byteOffset + view.byteLength])
    for (let index = 1; index < extents.length; index++) expect(extents[index][0]).toBeGreaterThanOrEqual(extents[index - 1][1])
    for (const view of views) expect(view.byteOffset % 64).toBe(0)
    expect(arena.memory.buffer.byteLength).toBeGreaterThanOrEqual(arena.scratchByteOffset + 1000)
    expect(arena.memory.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  it('lays V behind K, as they travel', () => {
    const [slot] = createArena(shape, 1, 0).slots
    slot.k[0] = 1
    slot.v[0] = 2
    const travelling = new Float32Array(slot.bytes.slice().buffer)
    expect([travelling[0], travelling[slot.k.length]]).toEqual([1, 2])
  })

  it('says what to do when a rank needs more than one memory holds', () => {
    expect(() => createArena({ ...shape, tokens: 1 << 24, headDim: 128 }, 2, 0)).toThrow(ArenaTooLargeError)
    expect(() => createArena({ ...shape, tokens: 1 << 24, headDim: 128 }, 2, 0)).toThrow(/use more ranks/)
  })
})
