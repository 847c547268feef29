import { describe, expect, it } from 'vitest'
import type { Mask } from '../../config/runConfig.ts'
import { countTiles, keyRanges } from '../../plan/keyRanges.ts'
import { positionsOf, shardRuns, shardTokens } from '../../plan/layout.ts'
import type { MaskRule } from '../../plan/mask.ts'
import { additiveMask, attendedKeys, byKeyBlock, cutRows, MASKED_SCORE, planTiles, transposedMask } from './tiles.ts'

const shard = (layout: 'contiguous' | 'striped' | 'zigzag', seqLen: number, world: number, rank: number): Int32Array =>
  positionsOf(shardRuns(layout, world, shardTokens(layout, seqLen, world), rank))

const ruleOf = (mask: Mask, seqLen: number): MaskRule => ({ mask, seqLen, lookback: null, keyPadding: null, cuSeqlens: null })

describe('cutRows', () => {
  it('covers all rows once, the last block shorter', () => {
    expect(cutRows(10, 4)).toEqual([{ from: 0, to: 4 }, { from: 4, to: 8 }, { from: 8, to: 10 }])
    expect(cutRows(3, 8)).toEqual([{ from: 0, to: 3 }])
  })
})

describe('planTiles', () => {
  const cases = (['contiguous', 'striped', 'zigzag'] as const).flatMap((layout) =>
    (['causal', 'full'] as Mask[]).flatMap((mask) => [[layout, mask, 1, 1], [layout, mask, 1, 2], [layout, mask, 2, 1], [layout, mask, 2, 0]] as const))

  it.each(cases)('allows exactly the pairs of the oracle: %s %s, queries of rank %i, keys of rank %i', (layout, mask, queryRank, keyRank) => {
    const [seqLen, world] = [41, 3]
    const queries = shard(layout, seqLen, world, queryRank)
    const keys = shard(layout, seqLen, world, keyRank)
    const ranges = keyRanges(ruleOf(mask, seqLen), 0, queries, keys)
    const [queryBlocks, keyBlocks] = [cutRows(queries.length, 4), cutRows(keys.length, 5)]
    const allowed = new Set<string>()
    const plan = planTiles(ranges, queryBlocks, keyBlocks)
    for (const { queryBlock, tiles } of plan) {
      for (const { keyBlock, mask: tileMask } of tiles) {
        const [rows, columns] = [queryBlocks[queryBlock], keyBlocks[keyBlock]]
        const values = tileMask === null ? null : additiveMask(tileMask)
        for (let row = rows.from; row < rows.to; row++) {
          for (let column = columns.from; column < columns.to; column++) {
            const at = (row - rows.from) * (columns.to - columns.from) + column - columns.from
            if (values === null || values[at] === 0) allowed.add(`${row},${column}`)
            else expect(values[at]).toBe(Math.fround(MASKED_SCORE))
          }
        }
      }
    }
    const oracle = new Set<string>()
    queries.forEach((query, row) => keys.forEach((key, column) => {
      if (query < seqLen && key < seqLen && (mask === 'full' || query >= key)) oracle.add(`${row},${column}`)
    }))
    expect(allowed).toEqual(oracle)

    expect([...attendedKeys(ranges, keys.length)]).toEqual([...keys.keys()].map((column) => ([...queries.keys()].some((row) => oracle.has(`${row},${column}`)) ? 1 : 0)))
    expect(byKeyBlock(plan).flatMap(({ keyBlock, tiles }) => tiles.map(({ queryBlock }) => `${queryBlock},${keyBlock}`)).sort())
      .toEqual(plan.flatMap(({ queryBlock, tiles }) => tiles.map(({ keyBlock }) => `${queryBlock},${keyBlock}`)).sort())

    const counts = countTiles(ranges, keys.length, 4, 5)
    const tiles = plan.flatMap((ofBlock) => ofBlock.tiles)
    expect(tiles.filter((tile) => tile.mask === null)).toHaveLength(counts.full)
    expect(tiles.filter((tile) => tile.mask !== null).length).toBeLessThanOrEqual(counts.partial)
  })

  it('gives tiles along a diagonal one mask', () => {
    const positions = shard('contiguous', 64, 1, 0)
    const blocks = cutRows(64, 16)
    const keysOfMasks = planTiles(keyRanges(ruleOf('causal', 64), 0, positions, positions), blocks, blocks)
      .flatMap(({ tiles }) => tiles.flatMap((tile) => (tile.mask === null ? [] : [tile.mask.key])))
    expect(keysOfMasks).toHaveLength(4)
    expect(new Set(keysOfMasks).size).toBe(1)
  })

  it('transposes a mask', () => {
    const mask = { rows: 2, columns: 3, from: Int32Array.of(0, 1), to: Int32Array.of(1, 3), key: '' }
    const no = Math.fround(MASKED_SCORE)
    expect([...additiveMask(mask)]).toEqual([0, no, no, no, 0, 0])
    expect([...transposedMask(mask)]).toEqual([0, no, no, 0, no, 0])
  })
})
