import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RunConfig } from '../config/runConfig.ts'
import { positionsOf } from './layout.ts'
import type { Plan } from './plan.ts'
import { planRun } from './planRun.ts'
import { describeCase, mayAttend, planCases, testConfig } from './testing/cases.ts'
import { tileQuantised } from './tileQuantised.ts'

type Figures = Pick<Plan, 'totalPairs' | 'makespanPairs' | 'idleFraction'>

function figuresOf(config: RunConfig): Figures {
  const figures = tileQuantised(config)
  if (figures === null) throw new Error(`too large to count: ${describeCase(config)}`)
  return figures
}

/** Pairs of the tiles of a block that hold an allowed pair, tile by tile and pair by pair. */
function oracleTiles(config: RunConfig, item: number, query: Int32Array, key: Int32Array): number {
  const { blockQ, blockK } = config
  let pairs = 0
  for (let q = 0; q < query.length; q += blockQ) {
    for (let k = 0; k < key.length; k += blockK) {
      const rows = query.subarray(q, q + blockQ)
      const columns = key.subarray(k, k + blockK)
      if (rows.some((row) => columns.some((column) => mayAttend(config, item, row, column)))) pairs += rows.length * columns.length
    }
  }
  return pairs
}

function oracle(config: RunConfig): Figures {
  const plan = planRun(config)
  const positions = plan.ranks.map((rank) => positionsOf(rank.positions))
  const pairs = plan.ranks.map(({ seat, steps }) => steps.filter(({ pass }) => pass === 'forward').map(({ kvOwner, queryOwner }) =>
    queryOwner === -1 ? 0 : Array.from({ length: plan.pairItems }, (_, index) =>
      oracleTiles(config, seat.set * plan.geometry.batch + index, positions[queryOwner], positions[kvOwner]))
      .reduce((sum, count) => sum + count, 0)))
  const totalPairs = pairs.flat().reduce((sum, count) => sum + count, 0)
  const makespanPairs = pairs[0].reduce((sum, _, step) => sum + Math.max(...pairs.map((ofRank) => ofRank[step])), 0)
  return { totalPairs, makespanPairs, idleFraction: makespanPairs === 0 ? 0 : 1 - totalPairs / (config.world * makespanPairs) }
}

describe('square tiles: the published closed forms', () => {
  const tile = 16
  it.each([2, 3, 4, 8])('N=%i', (world) => {
    for (const m of [2, 4, 6]) {
      const makespan = (layout: Partial<RunConfig>): number => figuresOf(testConfig(
        { world, seqLen: world * m * tile, blockQ: tile, blockK: tile, ...layout })).makespanPairs
      const half = (m * (m + 1)) / 2
      const area = tile * tile
      expect(makespan({ layout: 'contiguous' })).toBe((half + (world - 1) * m * m) * area)
      expect(makespan({ layout: 'striped' })).toBe(world * half * area)
      expect(makespan({ layout: 'zigzag' })).toBe((half + ((world - 1) * m * m) / 2) * area)
      expect(makespan({ mask: 'full' })).toBe(world * m * m * area)
      // The reference counts the lower triangle of a diagonal tile here, which is the exact figure; a kernel computes all of it.
      expect(makespan({ layout: 'block-cyclic', cyclicWidth: tile })).toBe(((m * (m - 1)) / 2 + m + (world - 1) * half) * area)
    }
  })

  it('tiles of one pair give the exact figures', () => {
    for (const layout of ['contiguous', 'striped', 'zigzag', 'block-cyclic'] as const) {
      const config = testConfig({ world: 4, seqLen: 128, blockQ: 1, blockK: 1, layout, cyclicWidth: 8 })
      const { totalPairs, makespanPairs, idleFraction } = planRun(config)
      expect(tileQuantised(config)).toEqual({ totalPairs, makespanPairs, idleFraction })
    }
  })

  it('with tiles as long as shards, striped gains nothing over contiguous', () => {
    const makespan = (layout: 'contiguous' | 'striped'): number =>
      figuresOf(testConfig({ world: 8, seqLen: 512, blockQ: 64, blockK: 64, layout })).makespanPairs
    expect(makespan('striped')).toBe(makespan('contiguous'))
  })
})

describe('any tiles: what counting tile by tile gives', () => {
  it.each([1, 2, 3, 4])('N=%i: every algorithm, layout and mask', (world) => {
    for (const config of planCases(world, [7 * world + 2])) {
      const tiled = { ...config, blockQ: 3, blockK: 4 }
      expect(tileQuantised(tiled), describeCase(config)).toEqual(oracle(tiled))
    }
  })

  it('of any shape', () => {
    fc.assert(fc.property(
      fc.record({
        world: fc.integer({ min: 1, max: 4 }), seqLen: fc.integer({ min: 1, max: 60 }), cyclicWidth: fc.integer({ min: 1, max: 7 }),
        blockQ: fc.integer({ min: 1, max: 20 }), blockK: fc.integer({ min: 1, max: 20 }),
        layout: fc.constantFrom('contiguous', 'striped', 'zigzag', 'block-cyclic'),
        lookback: fc.option(fc.nat(30)), padding: fc.option(fc.nat(60)), cut: fc.option(fc.integer({ min: 1, max: 59 })),
      }),
      ({ padding, cut, ...fields }) => {
        const { seqLen } = fields
        const config = testConfig({
          ...fields, keyPadding: padding === null ? null : [Math.min(padding, seqLen)],
          cuSeqlens: cut === null || cut >= seqLen ? null : [0, cut, seqLen],
        })
        expect(tileQuantised(config)).toEqual(oracle(config))
      }), { numRuns: 150 })
  })

  it('is not counted where that would take too long', () => {
    expect(tileQuantised(testConfig({ world: 1024, seqLen: 1 << 24, lookback: 5000, blockQ: 1 }))).toBeNull()
    expect(tileQuantised(testConfig({ world: 1024, seqLen: 1 << 24 }))).not.toBeNull()
    expect(tileQuantised(testConfig({ world: 128, seqLen: 1 << 24, layout: 'striped', lookback: 5000 }))).toBeNull()
    expect(tileQuantised(testConfig({ world: 128, seqLen: 1 << 24, layout: 'striped' }))).not.toBeNull()
  })
})
