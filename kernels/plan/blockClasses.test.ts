import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LAYOUTS, type RunConfig } from '../config/runConfig.ts'
import { planBasis } from './basis.ts'
import { blockClasses } from './blockClasses.ts'
import { blockRows } from './blockRows.ts'
import { keyRanges } from './keyRanges.ts'
import { positionsOf } from './layout.ts'
import { mayAttend, testConfig } from './testing/cases.ts'

const anyConfig: fc.Arbitrary<RunConfig> = fc.record({
  world: fc.integer({ min: 1, max: 7 }), seqLen: fc.integer({ min: 1, max: 80 }), cyclicWidth: fc.integer({ min: 1, max: 7 }),
  layout: fc.constantFrom(...LAYOUTS), mask: fc.constantFrom('causal', 'full'), batch: fc.integer({ min: 1, max: 3 }),
  lookback: fc.option(fc.nat(30)), lengths: fc.option(fc.array(fc.nat(80), { minLength: 3, maxLength: 3 })),
}).map(({ lengths, lookback, ...fields }) => testConfig({
  ...fields, lookback: fields.mask === 'full' ? null : lookback,
  keyPadding: lengths === null ? null : lengths.slice(0, fields.batch).map((length) => Math.min(length, fields.seqLen)),
}))

describe('blocks of one class', () => {
  it('see the same: every query row has as many keys in each of them', () => {
    fc.assert(fc.property(anyConfig, (config) => {
      const { shards } = planBasis(config)
      const items = Array.from({ length: config.batch }, (_, item) => item)
      const classes = blockClasses(config, shards, items)
      const positions = shards.map(positionsOf)
      const seen = new Map<number, string>()
      for (let query = 0; query < shards.length; query++) {
        for (let key = 0; key < shards.length; key++) {
          const ranges = items.map((item) => keyRanges(config, item, positions[query], positions[key]))
          const sight = JSON.stringify(ranges.map(({ from, to }) => Array.from(to, (end, row) => (end > from[row] ? [from[row], end] : 0))))
          const number = classes.of(query, key)
          expect(number).toBeLessThan(classes.count)
          expect(sight).toBe(seen.get(number) ?? sight)
          seen.set(number, sight)
        }
      }
    }), { numRuns: 300 })
  })

  it('are few in large worlds: which shard is first, and what a padded tail cuts', () => {
    for (const layout of LAYOUTS) {
      const config = testConfig({ world: 1024, seqLen: 1024 * 64 - 5, layout })
      expect(blockClasses(config, planBasis(config).shards, [0]).count).toBeLessThanOrEqual(3 * 3 * 3)
    }
  })
})

describe('rows of a block', () => {
  it('are those of the mask table: all, or the second half, or all but the first', () => {
    const rows = (layout: RunConfig['layout'], query: number, key: number): number =>
      blockRows(planBasis(testConfig({ world: 4, seqLen: 64, layout })), query, key)
    expect([rows('zigzag', 2, 2), rows('zigzag', 2, 1), rows('zigzag', 1, 2)]).toEqual([16, 16, 8])
    expect([rows('striped', 2, 2), rows('striped', 2, 1), rows('striped', 1, 2)]).toEqual([16, 16, 15])
    expect([rows('contiguous', 2, 2), rows('contiguous', 2, 1)]).toEqual([16, 16])
  })

  it('are all rows that see a key and, where the mask ends nowhere between, no others', () => {
    fc.assert(fc.property(anyConfig, (config) => {
      const basis = planBasis(config)
      const positions = basis.shards.map(positionsOf)
      for (const [query, queries] of positions.entries()) {
        for (const [key, keys] of positions.entries()) {
          const sees = (row: number): boolean => Array.from({ length: config.batch }).some((_, item) => keys.some((at) => mayAttend(config, item, row, at)))
          const seeing = queries.filter(sees).length
          const rows = blockRows(basis, query, key)
          expect(rows).toBeGreaterThanOrEqual(seeing)
          if (config.keyPadding === null && config.lookback === null) expect(rows).toBe(seeing)
        }
      }
    }))
  })
})
