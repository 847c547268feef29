import { describe, expect, it } from 'vitest'
import { LAYOUTS, MASKS, parseRunConfig, type Layout, type Mask, type RunConfig } from '../config/runConfig.ts'
import { countPairs, countTiles, keyRanges } from './keyRanges.ts'
import { positionsOf, shardRuns } from './layout.ts'
import { planRun, type StepKind } from './plan.ts'

const WORLDS = [1, 2, 3, 4, 5, 6, 7, 8]

function config(overrides: Partial<RunConfig> & { seqLen: number; world: number }): RunConfig {
  return parseRunConfig({ heads: 2, headDim: 8, ...overrides }, 'test config')
}

/** The one rule every mask is checked against: a query sees a key at its own position or before. */
function oraclePairs(mask: Mask, query: Int32Array, key: Int32Array, seqLen: number): number {
  let pairs = 0
  for (const q of query) {
    for (const k of key) {
      if (q < seqLen && k < seqLen && (mask === 'full' || q >= k)) pairs++
    }
  }
  return pairs
}

describe('planRun against the pos_q >= pos_k oracle', () => {
  for (const world of WORLDS) {
    for (const layout of LAYOUTS) {
      for (const mask of MASKS) {
        it(`counts every pair: ${layout}, ${mask}, N=${world}`, () => {
          for (const seqLen of [1, 7, world * 2, 16 * world, 16 * world + 5]) {
            const plan = planRun(config({ world, layout, mask, seqLen }))
            const positions = plan.ranks.map((rank) => positionsOf(rank.positions))
            for (const rank of plan.ranks) {
              for (const step of rank.steps) {
                const expected = oraclePairs(mask, positions[rank.rank], positions[step.kvOwner], seqLen)
                expect(step.pairs).toBe(expected)
                expect(countPairs(keyRanges(mask, positions[rank.rank], positions[step.kvOwner], seqLen))).toBe(expected)
              }
            }
            expect(plan.totalPairs).toBe(mask === 'full' ? seqLen ** 2 : (seqLen * (seqLen + 1)) / 2)
          }
        })
      }
    }
  }
})

describe('mask table', () => {
  /** The classification per (rank, step): row = layout, columns = own block, owner before us, owner after us. */
  const table: Record<Layout, readonly [StepKind, StepKind, StepKind]> = {
    contiguous: ['diagonal', 'full', 'skip'],
    zigzag: ['diagonal', 'first-half-kv', 'second-half-q'],
    striped: ['diagonal', 'triangle', 'strict-triangle'],
  }
  for (const world of WORLDS) {
    for (const layout of LAYOUTS) {
      it(`${layout}, N=${world}: kinds follow the table and say what the oracle allows`, () => {
        const tokens = 8
        const plan = planRun(config({ world, layout, seqLen: tokens * world }))
        const positions = plan.ranks.map((rank) => positionsOf(rank.positions))
        for (const { rank, steps } of plan.ranks) {
          for (const { step, kvOwner, kind } of steps) {
            expect(kvOwner).toBe((rank - step + world) % world)
            expect(kind).toBe(table[layout][step === 0 ? 0 : step <= rank ? 1 : 2])
            const allowed = (i: number, j: number): boolean => positions[rank][i] >= positions[kvOwner][j]
            for (let i = 0; i < tokens; i++) {
              for (let j = 0; j < tokens; j++) {
                const byKind: Record<StepKind, boolean> = {
                  'diagonal': j <= i, 'full': true, 'skip': false, 'triangle': j <= i, 'strict-triangle': j < i,
                  'first-half-kv': j < tokens / 2, 'second-half-q': i >= tokens / 2,
                }
                expect(byKind[kind]).toBe(allowed(i, j))
              }
            }
          }
        }
      })
    }
  }

  it('a full mask leaves no step partial', () => {
    const plan = planRun(config({ world: 4, mask: 'full', seqLen: 64 }))
    expect(new Set(plan.ranks.flatMap((rank) => rank.steps.map((step) => step.kind)))).toEqual(new Set(['full']))
  })
})

describe('golden work and idle figures, causal, S = 256', () => {
  it.each([
    [8, 'contiguous', 7696, 0.4657], [8, 'striped', 4224, 0.0265], [8, 'zigzag', 4112, 0],
    [4, 'contiguous', 14368, 0.4276], [4, 'striped', 8320, 0.0115], [4, 'zigzag', 8224, 0],
    [2, 'contiguous', 24640, 0.3325], [2, 'striped', 16512, 0.0039], [2, 'zigzag', 16448, 0],
  ] as const)('N=%i %s: makespan %i pairs, idle %f', (world, layout, makespanPairs, idleFraction) => {
    const plan = planRun(config({ world, layout, seqLen: 256 }))
    expect(plan.makespanPairs).toBe(makespanPairs)
    expect(plan.idleFraction).toBeCloseTo(idleFraction, 4)
    expect(plan.totalPairs).toBe(32896)
  })

  it.each(WORLDS)('N=%i: closed forms of work per rank', (world) => {
    const c = 32
    const seqLen = c * world
    const pairsOf = (layout: Layout): number[] => planRun(config({ world, layout, seqLen })).ranks.map((rank) => rank.pairs)
    expect(pairsOf('contiguous')).toEqual(Array.from({ length: world }, (_, r) => r * c * c + (c * (c + 1)) / 2))
    expect(pairsOf('striped')).toEqual(Array.from({ length: world }, (_, r) => (world * c * c + c * (2 * r + 2 - world)) / 2))
    expect(pairsOf('zigzag')).toEqual(Array.from({ length: world }, () => (world * c * c + c) / 2))
  })

  it.each([2, 4, 8, 16])('N=%i: contiguous over zigzag tends to 2 - 1/N', (world) => {
    const seqLen = 4096 * world
    const ratio = planRun(config({ world, layout: 'contiguous', seqLen })).makespanPairs /
      planRun(config({ world, layout: 'zigzag', seqLen })).makespanPairs
    expect(ratio).toBeCloseTo(2 - 1 / world, 3)
  })
})

describe('layouts', () => {
  it('deal tokens as the published orders do', () => {
    const order = (layout: Layout, world: number, tokens: number): number[] => [...positionsOf(shardRuns(layout, world, tokens, 0))]
    expect(order('zigzag', 2, 6)).toEqual([0, 1, 2, 9, 10, 11])
    expect(order('striped', 4, 4)).toEqual([0, 4, 8, 12])
    expect(order('contiguous', 4, 3)).toEqual([0, 1, 2])
    const headTail = [0, 1, 2, 3].flatMap((rank) => [...positionsOf(shardRuns('zigzag', 4, 2, rank))])
    expect(headTail).toEqual([0, 7, 1, 6, 2, 5, 3, 4])
  })

  it.each(LAYOUTS)('%s: every position has exactly one owner, padding included, and local rows ascend', (layout) => {
    for (const world of WORLDS) {
      const plan = planRun(config({ world, layout, seqLen: 10 * world + 3 }))
      const shards = plan.ranks.map((rank) => positionsOf(rank.positions))
      expect(shards.flatMap((shard) => [...shard]).toSorted((a, b) => a - b))
        .toEqual(Array.from({ length: plan.paddedSeqLen }, (_, position) => position))
      for (const shard of shards) {
        expect(shard.length).toBe(plan.shardTokens)
        expect([...shard]).toEqual([...shard].toSorted((a, b) => a - b))
      }
    }
  })
})

describe('the ring', () => {
  it.each(WORLDS)('N=%i: N - 1 hops, every send meets its receive, bytes as 2 b Hkv c D e', (world) => {
    const plan = planRun(config({ world, seqLen: 64 * world, batch: 3, heads: 4, kvHeads: 2, headDim: 16 }))
    expect(plan.hops).toBe(world - 1)
    expect(plan.bytesPerHop).toBe(2 * 3 * 2 * 64 * 16 * 4)
    for (const { rank, steps } of plan.ranks) {
      expect(steps.filter((step) => step.send !== null)).toHaveLength(plan.hops)
      for (const { step, send, kvOwner } of steps) {
        if (send === null) continue
        const receiver = plan.ranks[send.peer]
        expect(send.owner).toBe(kvOwner)
        expect(receiver.steps[step].recv).toEqual({ channel: 'kv', peer: rank, owner: send.owner, bytes: send.bytes })
        expect(receiver.steps[step + 1].kvOwner).toBe(send.owner)
      }
    }
  })
})

describe('countTiles', () => {
  it('classifies each tile as the element mask does', () => {
    for (const layout of LAYOUTS) {
      const plan = planRun(config({ world: 3, layout, seqLen: 50 }))
      const positions = plan.ranks.map((rank) => positionsOf(rank.positions))
      for (const query of positions) {
        for (const key of positions) {
          const ranges = keyRanges('causal', query, key, 50)
          const expected = { full: 0, partial: 0, skipped: 0 }
          for (let q = 0; q < query.length; q += 4) {
            for (let k = 0; k < key.length; k += 5) {
              const rows = query.subarray(q, q + 4)
              const columns = key.subarray(k, k + 5)
              const pairs = oraclePairs('causal', rows, columns, 50)
              expected[pairs === 0 ? 'skipped' : pairs === rows.length * columns.length ? 'full' : 'partial']++
            }
          }
          expect(countTiles(ranges, key.length, 4, 5)).toEqual(expected)
        }
      }
    }
  })
})
