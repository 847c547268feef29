import { describe, expect, it } from 'vitest'
import type { Place } from '../plan/plan.ts'
import type { Payload } from '../timeline/categories.ts'
import { decodeSegments, encodeOwnKv } from '../transport/bfloat16.ts'
import { computeSpec, createArena, type ArenaSpec, type RankArena } from './arena.ts'
import { copyOwnPart, kvHeadsOf, segmentsOf, type Segment } from './segments.ts'

type Exchange = 'qkv' | 'out' | 'dout' | 'dqkv'

interface Group {
  readonly degree: number
  readonly heads: number
  readonly kvHeads: number
  readonly batch: number
}

const ROWS = 3
const HEAD_DIM = 2

/** One arena for each member. Four K/V heads and more are dealt out, fewer shared. */
function groupArenas({ degree, heads, kvHeads, batch }: Group, wireDtype: ArenaSpec['wireDtype'] = 'float32'): RankArena[] {
  const shape = {
    batch, heads: heads / degree, kvHeads: Math.max(1, kvHeads / degree), headDim: HEAD_DIM, tokens: ROWS * degree, blockQ: 4, blockK: 4,
  }
  return Array.from({ length: degree }, () => {
    const arena = createArena({
      ...computeSpec(shape, true), dkvSlots: 2, ownGradientSlot: 1, degree, modelHeads: heads, modelKvHeads: kvHeads, wireDtype,
    }, 0)
    new Uint8Array(arena.memory.buffer).fill(0xff)
    return arena
  })
}

/** A number that tells element, tensor and contributor apart; small enough for float32 to hold it exactly. */
const label = (tensor: number, item: number, head: number, position: number, dim: number, contributor = 0): number =>
  ((((contributor * 7 + tensor) * 3 + item) * 8 + head) * 24 + position) * HEAD_DIM + dim + 1

/** Calls `visit` for each element of a [batch, heads, rows, headDim] tensor. */
function eachElement(group: Group, heads: number, rows: number, visit: (at: number, item: number, head: number, row: number, dim: number) => void): void {
  let at = 0
  for (let item = 0; item < group.batch; item++) {
    for (let head = 0; head < heads; head++) {
      for (let row = 0; row < rows; row++) {
        for (let dim = 0; dim < HEAD_DIM; dim++) visit(at++, item, head, row, dim)
      }
    }
  }
}

const bytesOf = (arena: RankArena, segments: readonly Segment[]): Uint8Array => {
  const memory = new Uint8Array(arena.memory.buffer)
  return Uint8Array.from(segments.flatMap(({ byteOffset, bytes }) => [...memory.subarray(byteOffset, byteOffset + bytes)]))
}

function writeBytes(arena: RankArena, segments: readonly Segment[], bytes: Uint8Array): void {
  let done = 0
  for (const segment of segments) {
    new Uint8Array(arena.memory.buffer, segment.byteOffset, segment.bytes).set(bytes.subarray(done, done + segment.bytes))
    done += segment.bytes
  }
  expect(done).toBe(bytes.length)
  decodeSegments(arena.memory.buffer, segments)
}

/** The whole all-to-all: every member's part to every other's, its own copied. */
function exchange(arenas: readonly RankArena[], payload: Exchange): void {
  const spreads = payload === 'qkv' || payload === 'dout'
  const pass = payload === 'qkv' || payload === 'out' ? 'forward' : 'backward'
  const home = (member: number): Place => ({ buffer: 'home', member })
  const spread = (member: number): Place => ({ buffer: 'spread', member })
  arenas.forEach((sender, from) => {
    copyOwnPart(sender, payload, from)
    arenas.forEach((receiver, to) => {
      if (from === to) return
      const bytes = bytesOf(sender, segmentsOf(sender, spreads ? home(to) : spread(to), payload, pass))
      writeBytes(receiver, segmentsOf(receiver, spreads ? spread(from) : home(from), payload, pass), bytes)
    })
  })
}

const GROUPS: readonly Group[] = [1, 2].flatMap((batch) => [
  [1, 4, 2], [2, 4, 4], [2, 4, 2], [2, 4, 1], [4, 8, 8], [4, 8, 4], [4, 8, 2], [4, 4, 1], [8, 8, 2],
].map(([degree, heads, kvHeads]) => ({ degree, heads, kvHeads, batch })))

describe.each(GROUPS.filter(({ degree }) => degree > 1))('an all-to-all among $degree members, $heads heads, $kvHeads key/value heads, batch $batch', (group) => {
  const { degree, heads, kvHeads } = group
  const own = heads / degree
  const ownKv = Math.max(1, kvHeads / degree)

  it('brings every member its heads of all tokens', () => {
    const arenas = groupArenas(group)
    arenas.forEach(({ home }, member) => {
      eachElement(group, heads, ROWS, (at, item, head, row, dim) => {
        home.q[at] = label(0, item, head, member * ROWS + row, dim)
        home.dOut[at] = label(1, item, head, member * ROWS + row, dim)
      })
      eachElement(group, kvHeads, ROWS, (at, item, head, row, dim) => {
        home.k[at] = label(2, item, head, member * ROWS + row, dim)
        home.v[at] = label(3, item, head, member * ROWS + row, dim)
      })
    })
    exchange(arenas, 'qkv')
    exchange(arenas, 'dout')
    arenas.forEach(({ sides: [side], kv: [slot] }, member) => {
      eachElement(group, own, ROWS * degree, (at, item, head, position, dim) => {
        expect([side.q[at], side.dOut[at]]).toEqual([0, 1].map((tensor) => label(tensor, item, member * own + head, position, dim)))
      })
      // Members share a head where there are fewer heads than members: consecutive ones the same.
      const firstHead = Math.floor((member * kvHeads) / degree)
      eachElement(group, ownKv, ROWS * degree, (at, item, head, position, dim) => {
        expect([slot.k[at], slot.v[at]]).toEqual([2, 3].map((tensor) => label(tensor, item, firstHead + head, position, dim)))
      })
    })
  })

  it('brings every member all heads of its tokens', () => {
    const arenas = groupArenas(group)
    arenas.forEach(({ sides: [side], dkv: [, gradient] }, member) => {
      eachElement(group, own, ROWS * degree, (at, item, head, position, dim) => {
        side.out[at] = label(0, item, member * own + head, position, dim)
        side.dq[at] = label(1, item, member * own + head, position, dim)
      })
      const firstHead = Math.floor((member * kvHeads) / degree)
      eachElement(group, ownKv, ROWS * degree, (at, item, head, position, dim) => {
        gradient.dk[at] = label(2, item, firstHead + head, position, dim, kvHeads < degree ? member : 0)
        gradient.dv[at] = label(3, item, firstHead + head, position, dim, kvHeads < degree ? member : 0)
      })
    })
    exchange(arenas, 'out')
    exchange(arenas, 'dqkv')
    arenas.forEach(({ home }, member) => {
      eachElement(group, heads, ROWS, (at, item, head, row, dim) => {
        expect([home.out[at], home.dq[at]]).toEqual([0, 1].map((tensor) => label(tensor, item, head, member * ROWS + row, dim)))
      })
      if (kvHeads >= degree) {
        eachElement(group, kvHeads, ROWS, (at, item, head, row, dim) => {
          expect([home.dk[at], home.dv[at]]).toEqual([2, 3].map((tensor) => label(tensor, item, head, member * ROWS + row, dim)))
        })
        return
      }
      expect(home.parts).toHaveLength(degree)
      home.parts.forEach((part, contributor) => {
        const head = Math.floor((contributor * kvHeads) / degree)
        eachElement(group, 1, ROWS, (at, item, _, row, dim) => {
          expect([part.dk[at], part.dv[at]]).toEqual([2, 3].map((tensor) => label(tensor, item, head, member * ROWS + row, dim, contributor)))
        })
      })
    })
  })

  it('brings keys and values as bfloat16 and as the floats that they stand for, the own ones too', () => {
    const arenas = groupArenas(group, 'bfloat16')
    const rounded = (value: number): number => Math.round(value * 128) / 128
    // Between 1 and 2, where bfloat16 has steps of 1/128: never halfway between two.
    const value = (tensor: number, item: number, head: number, position: number, dim: number): number =>
      1 + ((label(tensor, item, head, position, dim) * 37) % 1021) / 1024 + 2 ** -13
    arenas.forEach(({ home }, member) => {
      home.q.fill(0.3)
      eachElement(group, kvHeads, ROWS, (at, item, head, row, dim) => {
        home.k[at] = value(2, item, head, member * ROWS + row, dim)
        home.v[at] = value(3, item, head, member * ROWS + row, dim)
      })
      encodeOwnKv(home)
    })
    exchange(arenas, 'qkv')
    arenas.forEach(({ sides: [side], kv: [slot] }, member) => {
      expect(side.q.every((element) => element === Math.fround(0.3))).toBe(true)
      const firstHead = Math.floor((member * kvHeads) / degree)
      eachElement(group, ownKv, ROWS * degree, (at, item, head, position, dim) => {
        const [k, v] = [2, 3].map((tensor) => value(tensor, item, firstHead + head, position, dim))
        expect([slot.k[at], slot.v[at]]).toEqual([rounded(k), rounded(v)])
        const halves = [at, slot.k.length + at].map((index) => new Float32Array(Uint32Array.of((slot.wire?.[index] ?? 0) << 16).buffer)[0])
        expect(halves).toEqual([rounded(k), rounded(v)])
      })
    })
  })
})

describe('segmentsOf', () => {
  const shape = { batch: 2, heads: 4, kvHeads: 2, headDim: 3, tokens: 5, blockQ: 4, blockK: 4 }
  const arena = createArena({ ...computeSpec(shape, true), kvSlots: 2, dkvSlots: 3, sides: 3 }, 0)
  const wired = createArena({ ...computeSpec(shape), kvSlots: 2, wireDtype: 'bfloat16' }, 0)
  const places = (views: readonly Float32Array[]) => views.map(({ byteOffset, byteLength }) => ({ byteOffset, bytes: byteLength, floatsByteOffset: null }))
  const of = (place: Place, payload: Payload, pass: 'forward' | 'backward' = 'forward') => segmentsOf(arena, place, payload, pass)

  it('is a slot, K then V', () => {
    expect(of({ buffer: 'kv', slot: 1 }, 'kv')).toEqual(places([arena.kv[1].k, arena.kv[1].v]))
    expect(of({ buffer: 'dkv', slot: 2 }, 'dkv', 'backward')).toEqual(places([arena.dkv[2].dk, arena.dkv[2].dv]))
  })

  it('is the halves of a slot whose floats are written beside them', () => {
    const { k, v, wire } = wired.kv[1]
    const start = wire?.byteOffset ?? 0
    expect(segmentsOf(wired, { buffer: 'kv', slot: 1 }, 'kv', 'forward')).toEqual([
      { byteOffset: start, bytes: k.length * 2, floatsByteOffset: k.byteOffset },
      { byteOffset: start + k.length * 2, bytes: v.length * 2, floatsByteOffset: v.byteOffset },
    ])
  })

  it('is what a helper needs of a side, and what it gives back', () => {
    const [, side] = arena.sides
    expect(of({ buffer: 'query', side: 1 }, 'query')).toEqual(places([side.q]))
    expect(of({ buffer: 'query', side: 1 }, 'query', 'backward')).toEqual(places([side.q, side.dOut, side.lse, side.delta]))
    expect(of({ buffer: 'partial', side: 1 }, 'partial')).toEqual(places([side.out, side.lse]))
    expect(of({ buffer: 'dq', side: 1 }, 'dq', 'backward')).toEqual(places([side.dq]))
  })

  it('refuses to spread what does not travel so', () => {
    expect(() => of({ buffer: 'home', member: 0 }, 'kv')).toThrow(/"kv" does not travel in an all-to-all/)
  })
})

describe('kvHeadsOf', () => {
  it('deals out heads, or shares each among neighbours', () => {
    expect([0, 1].map((member) => kvHeadsOf(member, 2, 4))).toEqual([{ first: 0, count: 2 }, { first: 2, count: 2 }])
    expect([0, 1, 2, 3].map((member) => kvHeadsOf(member, 4, 2).first)).toEqual([0, 0, 1, 1])
    expect([0, 1, 2].map((member) => kvHeadsOf(member, 3, 1))).toEqual(Array.from({ length: 3 }, () => ({ first: 0, count: 1 })))
  })
})
