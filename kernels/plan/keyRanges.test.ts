import { describe, expect, it } from 'vitest'
import type { RunConfig } from '../config/runConfig.ts'
import { countPairs, countTiles, keyRanges } from './keyRanges.ts'
import { positionsOf, positionShards } from './layout.ts'
import { describeCase, layoutCases, maskCases, mayAttend, testConfig } from './testing/cases.ts'

const BATCH = 3

function* masksAndLayouts(): Generator<RunConfig> {
  for (const layout of layoutCases) {
    for (const seqLen of [1, 16, 29]) {
      for (const mask of maskCases(seqLen, BATCH)) yield testConfig({ world: 3, batch: BATCH, seqLen, ...layout, ...mask })
    }
  }
}

/** Every pair of shards and batch item, with the mask that the rule says they have. */
function eachBlock(config: RunConfig, check: (item: number, query: Int32Array, key: Int32Array, allowed: boolean[][]) => void): void {
  const shards = positionShards(config).map(positionsOf)
  for (let item = 0; item < BATCH; item++) {
    for (const query of shards) {
      for (const key of shards) {
        check(item, query, key, [...query].map((q) => [...key].map((k) => mayAttend(config, item, q, k))))
      }
    }
  }
}

describe('keyRanges', () => {
  it('allow exactly the pairs that the mask allows: every mask, layout and item', () => {
    let rows = 0
    for (const config of masksAndLayouts()) {
      eachBlock(config, (item, query, key, allowed) => {
        const { from, to } = keyRanges(config, item, query, key)
        const byRange = allowed.map((row, i) => row.map((_, j) => j >= from[i] && j < to[i]))
        expect(byRange, describeCase(config)).toEqual(allowed)
        rows += query.length
      })
    }
    expect(rows).toBeGreaterThan(5000)
  })

  it('lookback 2 in the middle of a shard: a query sees itself and two before it, from other shards too', () => {
    const config = testConfig({ world: 2, seqLen: 8, layout: 'contiguous', lookback: 2 })
    const [first, second] = positionShards(config).map(positionsOf)
    expect(keyRanges(config, 0, second, second)).toEqual({ from: Int32Array.of(0, 0, 0, 1), to: Int32Array.of(1, 2, 3, 4) })
    expect(countPairs(keyRanges(config, 0, second, first))).toBe(2 + 1)
  })
})

describe('countTiles', () => {
  it('classifies each tile as the element mask does', () => {
    for (const config of masksAndLayouts()) {
      eachBlock(config, (item, query, key, allowed) => {
        const expected = { full: 0, partial: 0, skipped: 0 }
        for (let q = 0; q < query.length; q += 4) {
          for (let k = 0; k < key.length; k += 5) {
            const tile = allowed.slice(q, q + 4).flatMap((row) => row.slice(k, k + 5))
            expected[tile.every(Boolean) ? 'full' : tile.some(Boolean) ? 'partial' : 'skipped']++
          }
        }
        expect(countTiles(keyRanges(config, item, query, key), key.length, 4, 5), describeCase(config)).toEqual(expected)
      })
    }
  })
})
