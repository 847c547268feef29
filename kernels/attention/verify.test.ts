import { beforeEach, describe, expect, it } from 'vitest'
import { computeSpec, createArena, type ArenaSpec, type RankArena } from '../backends/arena.ts'
import { parseRunConfig, type RunConfig } from '../config/runConfig.ts'
import { attendsToAny, isAttendedTo } from './attends.ts'
import { denseAttention } from './testing/dense.ts'
import { verifyRank, type VerifiedRank } from './verify.ts'

const TOLERANCE = 1e-5

/** A rank with what it should have computed; items of `rank.firstItem` on. */
interface Correct {
  readonly config: RunConfig
  readonly rank: VerifiedRank
  readonly arena: RankArena
}

const problem = {
  world: 3, layout: 'zigzag', mask: 'causal', batch: 2, seqLen: 31, heads: 4, kvHeads: 2, headDim: 8, seed: 3, pass: 'forward-backward',
} as const

/** The last positions of the sequence are rank 0's in a zigzag layout, so its shard ends in padding. */
const zigzagPositions = Int32Array.from([0, 1, 2, 3, 4, 5, 30, 31, 32, 33, 34, 35])

function correct(config: RunConfig, rank: VerifiedRank, spec: ArenaSpec): Correct {
  const arena = createArena(spec, 0)
  const { home, sides: [own] } = arena
  const { seqLen, headDim, heads, kvHeads } = config
  for (let item = 0; item < spec.shape.batch; item++) {
    const dense = denseAttention(config, rank.firstItem + item)
    const place = (target: Float32Array, count: number, firstHead: number, positions: Int32Array, source: Float64Array, dims: number): void => {
      for (let head = 0; head < count; head++) {
        positions.forEach((position, row) => {
          if (position >= seqLen) return
          const from = ((firstHead + head) * seqLen + position) * dims
          target.set(source.subarray(from, from + dims), ((item * count + head) * positions.length + row) * dims)
        })
      }
    }
    const { homePositions, positions, plan: { seat: { member } } } = rank
    own.lse.fill(-Infinity, item * spec.shape.heads * positions.length, (item + 1) * spec.shape.heads * positions.length)
    place(own.lse, spec.shape.heads, member * spec.shape.heads, positions, dense.lse, 1)
    place(home.out, heads, 0, homePositions, dense.out, headDim)
    if (config.pass === 'forward') continue
    place(home.dq, heads, 0, homePositions, dense.dq, headDim)
    place(home.dk, kvHeads, 0, homePositions, dense.dk, headDim)
    place(home.dv, kvHeads, 0, homePositions, dense.dv, headDim)
  }
  return { config, rank, arena }
}

function plainRank(input: Record<string, unknown> = {}): Correct {
  const config = parseRunConfig({ ...problem, ...input }, 'test')
  const shape = { ...config, tokens: 12 }
  const rank = { positions: zigzagPositions, homePositions: zigzagPositions, firstItem: 0, plan: { seat: { member: 0 } } }
  return correct(config, rank, computeSpec(shape, config.pass === 'forward-backward'))
}

/** Member 1 of a Ulysses group of two, second half of the batch: computes heads 2 and 3 of positions 8 to 15, owns 12 to 15. */
function groupRank(): Correct {
  const config = parseRunConfig({ ...problem, world: 8, ringSets: 2, algorithm: 'hybrid', ulyssesDegree: 2, layout: 'contiguous' }, 'test')
  const shape = { ...config, batch: 1, heads: 2, kvHeads: 1, tokens: 8 }
  const spec = { ...computeSpec(shape, true), degree: 2, modelHeads: 4, modelKvHeads: 2 }
  const positions = Int32Array.from({ length: 8 }, (_, row) => 8 + row)
  return correct(config, { positions, homePositions: positions.subarray(4), firstItem: 1, plan: { seat: { member: 1 } } }, spec)
}

const verified = ({ config, rank, arena }: Correct) => verifyRank(config, rank, arena)

describe.each([['a rank of a ring', plainRank], ['a member of a Ulysses group', groupRank]])('verifyRank of %s', (_, make) => {
  let rank: Correct
  beforeEach(() => { rank = make() })

  it('passes the exact result, at float32 accuracy', () => {
    const result = verified(rank)
    expect(result.checkedRows).toBeGreaterThanOrEqual(8)
    expect(result.checkedKeyGradRows).toBeGreaterThanOrEqual(8)
    expect(result.checkedGradRows).toBe(result.checkedRows + result.checkedKeyGradRows)
    expect(result.maxAbsError).toBeLessThan(5e-7)
    expect(result.maxAbsGradError).toBeLessThan(1e-6)
    expect(Number.isFinite(result.checksum)).toBe(true)
  })

  const tensors = ['out', 'dq', 'dk', 'dv'] as const
  it.each(tensors)('fails on a NaN or an infinity anywhere in %s', (tensor) => {
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      const { length } = rank.arena.home[tensor]
      for (const at of [0, length >> 1, length - 1]) {
        const before = rank.arena.home[tensor][at]
        rank.arena.home[tensor][at] = value
        const { maxAbsError, maxAbsGradError, checksum } = verified(rank)
        expect(tensor === 'out' ? maxAbsError : maxAbsGradError).toBe(Number.MAX_VALUE)
        expect(Number.isFinite(checksum)).toBe(true)
        rank.arena.home[tensor][at] = before
      }
    }
  })

  it.each(tensors)('fails on wrong rows of %s', (tensor) => {
    const values = rank.arena.home[tensor]
    values.forEach((value, at) => { values[at] = value + 1e-3 })
    const { maxAbsError, maxAbsGradError } = verified(rank)
    expect(tensor === 'out' ? maxAbsError : maxAbsGradError).toBeGreaterThan(5e-4)
    expect(tensor === 'out' ? maxAbsGradError : maxAbsError).toBeLessThan(TOLERANCE)
  })

  it('fails on wrong log-sum-exps, and on infinite ones of rows that have keys', () => {
    const { lse } = rank.arena.sides[0]
    const before = lse.slice()
    lse.forEach((value, at) => { lse[at] = value + 1e-3 })
    expect(verified(rank).maxAbsError).toBeGreaterThan(5e-4)
    lse.set(before)
    for (const value of [-Infinity, Infinity, Number.NaN]) {
      lse[9] = value
      // Row 9 of a zigzag shard is padding: there -Infinity is right.
      if (value !== before[9]) expect(verified(rank).maxAbsError).toBe(Number.MAX_VALUE)
    }
  })
})

describe('verifyRank', () => {
  it('has no gradients to check after a forward pass alone', () => {
    expect(verified(plainRank({ pass: 'forward' }))).toMatchObject({ checkedGradRows: 0, checkedKeyGradRows: 0, maxAbsGradError: null })
  })

  it('finds one wrong element of a row that it checks', () => {
    const rank = plainRank()
    rank.arena.home.out[5] += 1e-4
    rank.arena.home.dk[3] += 1e-3
    expect(verified(rank).maxAbsError).toBeGreaterThan(TOLERANCE)
    expect(verified(rank).maxAbsGradError).toBeGreaterThan(5e-4)
  })

  it.each(['out', 'dq', 'dk', 'dv'] as const)('wants exactly 0 in padding rows of %s', (tensor) => {
    const rank = plainRank()
    const values = rank.arena.home[tensor]
    values[values.length - 1] = 1e-3
    const { maxAbsError, maxAbsGradError } = verified(rank)
    expect(tensor === 'out' ? maxAbsError : maxAbsGradError).toBeCloseTo(1e-3, 9)
  })

  it('wants exactly 0 in rows that attend to nothing, and in gradients of keys that nothing attends to', () => {
    const parts = { keyPadding: [3, 0], mask: 'causal', lookback: 1 } as const
    const clean = verified(plainRank(parts))
    expect(Math.max(clean.maxAbsError, clean.maxAbsGradError ?? 1)).toBeLessThan(1e-6)
    const { config } = plainRank(parts)
    // Position 5 sees 4 and itself, both padding; position 3 sees 2.
    expect([attendsToAny(config, 0, 5), attendsToAny(config, 0, 3), isAttendedTo(config, 0, 3)]).toEqual([false, true, false])
    for (const [tensor, row] of [['out', 5], ['dq', 5], ['dk', 3], ['dv', 3]] as const) {
      const rank = plainRank(parts)
      rank.arena.home[tensor][row * 8 + 2] = 1e-30
      const { maxAbsError, maxAbsGradError } = verified(rank)
      expect(tensor === 'out' ? maxAbsError : maxAbsGradError, tensor).toBeGreaterThan(0)
      rank.arena.home[tensor][row * 8 + 2] = 0.5
      const after = verified(rank)
      expect(tensor === 'out' ? after.maxAbsError : after.maxAbsGradError, tensor).toBe(0.5)
    }
    const finite = plainRank(parts)
    finite.arena.sides[0].lse[5] = 0
    expect(verified(finite).maxAbsError).toBe(Number.MAX_VALUE)
  })

  it('has a checksum that changes when rows change places', () => {
    const { arena, config, rank } = plainRank()
    const before = verifyRank(config, rank, arena).checksum
    const first = arena.home.out.slice(0, 8)
    arena.home.out.copyWithin(0, 8, 16)
    arena.home.out.set(first, 8)
    expect(Math.abs(verifyRank(config, rank, arena).checksum - before)).toBeGreaterThan(1e-3 * Math.abs(before))
  })

  it('says that no gradient of a key was checked where each costs too much', () => {
    const seqLen = 1 << 15
    const config = parseRunConfig({ world: 1, layout: 'contiguous', seqLen, heads: 1, headDim: 64, mask: 'full', pass: 'forward-backward' }, 'test')
    const positions = Int32Array.of(0, 1)
    const rank = { positions, homePositions: positions, firstItem: 0, plan: { seat: { member: 0 } } }
    const result = verifyRank(config, rank, createArena(computeSpec({ ...config, tokens: 2 }, true), 0))
    expect(result).toMatchObject({ checkedRows: 2, checkedGradRows: 2, checkedKeyGradRows: 0 })
    expect(result.maxAbsError).toBeGreaterThan(1e-3)
  })

  it('refuses positions that do not fit the buffers', () => {
    const { config, rank, arena } = plainRank()
    expect(() => verifyRank(config, { ...rank, homePositions: zigzagPositions.subarray(1) }, arena)).toThrow(RangeError)
  })
})
