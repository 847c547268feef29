import { describe, expect, it } from 'vitest'
import { arenaBytes, ArenaTooLargeError, computeSpec, createArena, neededArenaBytes, type ArenaSpec, type RankArena } from './arena.ts'

const shape = { batch: 2, heads: 4, kvHeads: 2, headDim: 5, tokens: 6, blockQ: 4, blockK: 4 }
const forward: ArenaSpec = { ...computeSpec(shape), kvSlots: 2 }
const backward: ArenaSpec = { ...computeSpec(shape, true), kvSlots: 2, dkvSlots: 3, sides: 2, ownGradientSlot: 1 }
/** Three members with four of twelve query heads each; they share two key/value heads. */
const group: ArenaSpec = {
  ...backward, shape: { ...shape, kvHeads: 1 }, degree: 3, modelHeads: 12, modelKvHeads: 2, wireDtype: 'bfloat16',
}

type View = Float32Array | Uint16Array

/** Every buffer of an arena, by name, each once. */
function buffersOf({ sides, kv, dkv, home, spec }: RankArena): [string, View][] {
  const named = (prefix: string, tensors: object): [string, View][] => Object.entries(tensors).flatMap(([name, value]: [string, unknown]) =>
    value instanceof Float32Array || value instanceof Uint16Array ? [[`${prefix}.${name}`, value]] : [])
  return [
    ...sides.flatMap((side) => named(`side ${side.index}`, side)), ...kv.flatMap((slot, at) => named(`kv ${at}`, slot)),
    ...dkv.flatMap((slot, at) => named(`dkv ${at}`, slot)),
    ...(spec.degree === 1 ? [] : [...named('home', home), ...home.parts.flatMap((part, at) => named(`part ${at}`, part))]),
  ]
}

describe('createArena', () => {
  it.each([['a forward pass', forward], ['a backward pass', backward], ['a Ulysses group', group]])(
    'gives every buffer its place, aligned, shared, and none overlaps another: %s', (_, spec) => {
      const arena = createArena(spec, 1000)
      const buffers = buffersOf(arena).filter(([, view]) => view.length > 0)
      const ordered = buffers.toSorted(([, a], [, b]) => a.byteOffset - b.byteOffset)
      ordered.forEach(([name, view], index) => {
        expect(view.byteOffset % 64, name).toBe(0)
        expect(view.buffer, name).toBe(arena.memory.buffer)
        if (index > 0) {
          const [before, previous] = ordered[index - 1]
          expect(view.byteOffset, `${before} and ${name}`).toBeGreaterThanOrEqual(previous.byteOffset + previous.byteLength)
        }
      })
      const [, last] = ordered[ordered.length - 1]
      expect(arena.scratchByteOffset).toBeGreaterThanOrEqual(last.byteOffset + last.byteLength)
      expect(arena.scratchByteOffset % 64).toBe(0)
      expect(arena.memory.buffer.byteLength).toBeGreaterThanOrEqual(arena.scratchByteOffset + 1000)
      expect(arena.memory.buffer).toBeInstanceOf(SharedArrayBuffer)
    })

  it('has what a forward pass needs and no more', () => {
    const { sides, kv, dkv, home } = createArena(forward, 0)
    const sizes = sides.map((side) => [side.q, side.out, side.lse, side.dOut, side.delta, side.dq].map(({ length }) => length))
    expect(sizes).toEqual([[240, 240, 48, 0, 0, 0]])
    expect(kv.map(({ k, v, wire }) => [k.length, v.length, wire])).toEqual([[120, 120, null], [120, 120, null]])
    expect(dkv).toEqual([])
    expect([home.dOut, home.dq, home.dk, home.dv].map(({ length }) => length)).toEqual([0, 0, 0, 0])
  })

  it('has gradients and sides with a backward pass', () => {
    const { sides, dkv } = createArena(backward, 0)
    const sizes = sides.map((side) => [side.index, side.q, side.out, side.lse, side.dOut, side.delta, side.dq].map((part) =>
      typeof part === 'number' ? part : part.length))
    expect(sizes).toEqual([[0, 240, 240, 48, 240, 48, 240], [1, 240, 240, 48, 240, 48, 240]])
    expect(dkv.map(({ dk, dv }) => [dk.length, dv.length])).toEqual([[120, 120], [120, 120], [120, 120]])
  })

  it('computes on its own tensors without a Ulysses group', () => {
    const { home, sides: [own], kv: [slot], dkv } = createArena({ ...backward, wireDtype: 'bfloat16' }, 0)
    for (const tensor of ['q', 'out', 'dOut', 'dq'] as const) expect(home[tensor]).toBe(own[tensor])
    for (const tensor of ['k', 'v', 'wire'] as const) expect(home[tensor]).toBe(slot[tensor])
    expect([home.dk, home.dv]).toEqual([dkv[1].dk, dkv[1].dv])
    expect(home.dk).toBe(dkv[1].dk)
    expect(slot.wire?.length).toBe(240)
  })

  it('has all heads of its own tokens beside its heads of all tokens, in a Ulysses group', () => {
    const { home, sides: [own], kv: [slot] } = createArena(group, 0)
    expect([own.q.length, slot.k.length, slot.wire?.length]).toEqual([240, 60, 120])
    expect([home.q, home.out, home.dOut, home.dq].map(({ length }) => length)).toEqual([240, 240, 240, 240])
    expect([home.k, home.v, home.dk, home.dv].map(({ length }) => length)).toEqual([40, 40, 40, 40])
    expect(home.wire?.length).toBe(80)
    // Three members contribute to gradients of two heads: what each sent is kept apart until it is summed.
    expect(home.parts.map(({ dk, dv }) => [dk.length, dv.length])).toEqual([[20, 20], [20, 20], [20, 20]])
    expect(createArena({ ...group, shape: { ...shape, kvHeads: 2 }, modelKvHeads: 6 }, 0).home.parts).toEqual([])
  })
})

describe('arenaBytes', () => {
  it.each([forward, backward, group])('is the size that an arena has', (spec) => {
    for (const scratch of [0, 1, 100_000]) {
      const bytes = arenaBytes(spec, scratch)
      expect(bytes).toBe(neededArenaBytes(spec, scratch))
      const { memory, scratchByteOffset } = createArena(spec, scratch)
      expect(bytes - scratchByteOffset).toBeGreaterThanOrEqual(scratch)
      expect(bytes - scratchByteOffset).toBeLessThan(scratch + 64)
      expect(memory.buffer.byteLength).toBe(Math.ceil(bytes / 65_536) * 65_536)
    }
  })

  it('says what to do when a rank needs more than one memory holds', () => {
    const huge = { ...forward, shape: { ...shape, tokens: 1 << 24, headDim: 128 } }
    expect(() => arenaBytes(huge, 0)).toThrow(ArenaTooLargeError)
    expect(() => createArena(huge, 0)).toThrow(/use more ranks/)
    expect(neededArenaBytes(huge, 0)).toBeGreaterThan(2 ** 32)
  })
})
