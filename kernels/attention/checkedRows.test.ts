import { describe, expect, it } from 'vitest'
import { parseRunConfig, type RunConfigInput } from '../config/runConfig.ts'
import { keysToCheck, rowsToCheck } from './checkedRows.ts'

const configOf = (input: Partial<RunConfigInput>) => parseRunConfig({ world: 1, seqLen: 64, heads: 2, headDim: 4, ...input }, 'test')
const ascending = (count: number, from = 0): Int32Array => Int32Array.from({ length: count }, (_, row) => from + row)

describe('rowsToCheck', () => {
  const large = configOf({ batch: 2, seqLen: 8192, heads: 8, headDim: 128 })

  it('has the edges of the shard and of its halves', () => {
    const rows = new Set(rowsToCheck(large, 1024, 1000).map(({ row }) => row))
    for (const edge of [0, 999, 511, 512]) expect(rows).toContain(edge)
  })

  it('covers every batch item and head', () => {
    const slices = new Set(rowsToCheck(large, 1024, 1024).map(({ item, head }) => `${item}:${head}`))
    expect(slices.size).toBe(16)
  })

  it('is bounded by work, and never below 8 rows where there are as many', () => {
    expect(rowsToCheck(configOf({ seqLen: 1 << 22, heads: 8, headDim: 128 }), 1 << 22, 1 << 22)).toHaveLength(8)
    const count = rowsToCheck(large, 1024, 1024).length
    expect(count * 2 * 8192 * 128).toBeLessThanOrEqual(2e8)
    expect(count).toBe(64)
    expect(rowsToCheck(large, 1024, 1024, true)).toHaveLength(Math.floor(2e8 / (4 * 8192 * 128)))
  })

  it('names each row once, also when it names all of them', () => {
    const rows = rowsToCheck(configOf({ seqLen: 3 }), 3, 3).map(({ item, head, row }) => `${item}:${head}:${row}`)
    expect(new Set(rows).size).toBe(rows.length)
    expect(rows.length).toBe(6)
  })

  it('has nothing to check in a shard of padding alone', () => {
    expect(rowsToCheck(large, 64, 0)).toEqual([])
  })
})

describe('keysToCheck', () => {
  it('has rows of every batch item and head of a small shard, its edges among them', () => {
    const keys = keysToCheck(configOf({ batch: 2 }), 0, 2, ascending(32, 32), 32)
    expect(new Set(keys.map(({ item, head }) => `${item}:${head}`))).toEqual(new Set(['0:0', '0:1', '1:0', '1:1']))
    const rows = new Set(keys.map(({ row }) => row))
    for (const edge of [0, 31, 15, 16]) expect(rows).toContain(edge)
    expect(new Set(keys.map(({ item, head, row }) => `${item}:${head}:${row}`)).size).toBe(keys.length)
  })

  it('takes of a long causal sequence the keys that few queries attend to', () => {
    const seqLen = 1 << 16
    const config = configOf({ seqLen, headDim: 128, heads: 1 })
    const last = keysToCheck(config, 0, 1, ascending(4096, seqLen - 4096), 4096)
    expect(last.map(({ row }) => row)).toContain(4095)
    expect(last.map(({ row }) => row)).not.toContain(0)
    expect(keysToCheck(config, 0, 1, ascending(4096), 4096)).toEqual([])
  })

  it('takes any key of a long sequence where windows or documents keep its queries few', () => {
    const seqLen = 1 << 15
    const documents = Array.from({ length: seqLen / 128 + 1 }, (_, index) => index * 128)
    for (const mask of [{ lookback: 100 }, { cuSeqlens: documents }] as const) {
      expect(keysToCheck(configOf({ seqLen, ...mask }), 0, 1, ascending(4096), 4096).length).toBeGreaterThanOrEqual(8)
    }
  })

  it('leaves padding alone', () => {
    for (const { row } of keysToCheck(configOf({}), 0, 1, ascending(16, 56), 8)) expect(row).toBeLessThan(8)
    expect(keysToCheck(configOf({}), 0, 1, ascending(16, 64), 0)).toEqual([])
  })
})
