import { describe, expect, it } from 'vitest'
import { parseRunConfig } from '../config/runConfig.ts'
import { positionsOf, shardRuns, shardTokens } from '../plan/layout.ts'
import { referenceRow } from './reference.ts'
import { rowsToCheck, VERIFY_TOLERANCE, verifyShard } from './verify.ts'

const config = parseRunConfig({ world: 3, layout: 'zigzag', mask: 'causal', batch: 2, seqLen: 31, heads: 4, kvHeads: 2, headDim: 8, seed: 3 }, 'test')
const tokens = shardTokens('zigzag', 31, 3)
/** The last positions of the sequence are rank 0's in a zigzag layout, so its shard ends in padding. */
const positions = positionsOf(shardRuns('zigzag', 3, tokens, 0))

function correctShard(): { out: Float32Array; lse: Float32Array } {
  const out = new Float32Array(2 * 4 * tokens * 8)
  const lse = new Float32Array(2 * 4 * tokens)
  for (let slice = 0; slice < 8; slice++) {
    for (let row = 0; row < tokens; row++) {
      const expected = referenceRow(config, Math.floor(slice / 4), slice % 4, positions[row])
      lse[slice * tokens + row] = expected.lse
      out.set(expected.out, (slice * tokens + row) * 8)
    }
  }
  return { out, lse }
}

describe('verifyShard', () => {
  const correct = correctShard()
  const realRows = positions.filter((position) => position < 31).length

  it('has padding to look at', () => {
    expect(realRows).toBeLessThan(tokens)
    expect(realRows).toBeGreaterThan(0)
  })

  it('passes the exact result, at float32 accuracy', () => {
    const result = verifyShard(config, positions, correct.out, correct.lse)
    expect(result.checkedRows).toBeGreaterThanOrEqual(8)
    expect(result.maxAbsError).toBeLessThan(5e-7)
    expect(Number.isFinite(result.checksum)).toBe(true)
  })

  it('fails on every kind of damage', () => {
    const rows = rowsToCheck(config, tokens, realRows)
    const damage: Record<string, (out: Float32Array, lse: Float32Array) => void> = {
      'an element of the last checked row': (out) => {
        const { batch, head, row } = rows[rows.length - 1]
        out[((batch * 4 + head) * tokens + row) * 8 + 7] += 1e-4
      },
      'a log-sum-exp': (_, lse) => {
        const { batch, head, row } = rows[0]
        lse[(batch * 4 + head) * tokens + row] -= 1e-4
      },
      'a value in padding': (out) => { out[out.length - 1] = 1e-3 },
      'a NaN anywhere': (out) => { out[5 * tokens * 8 + 3] = Number.NaN },
      'an infinity anywhere': (out) => { out[6 * tokens * 8 + 11] = -Infinity },
    }
    for (const [what, spoil] of Object.entries(damage)) {
      const out = correct.out.slice()
      const lse = correct.lse.slice()
      spoil(out, lse)
      const { maxAbsError } = verifyShard(config, positions, out, lse)
      expect(maxAbsError, what).toBeGreaterThan(VERIFY_TOLERANCE)
      expect(Number.isFinite(maxAbsError), what).toBe(true)
    }
  })

  it('has a checksum that changes when rows change places', () => {
    const swapped = correct.out.slice()
    swapped.copyWithin(0, 8, 16)
    swapped.set(correct.out.subarray(0, 8), 8)
    const [before, after] = [correct.out, swapped].map((out) => verifyShard(config, positions, out, correct.lse).checksum)
    expect(Math.abs(after - before)).toBeGreaterThan(1e-3 * Math.abs(before))
  })

  it('refuses buffers of another size', () => {
    expect(() => verifyShard(config, positions, correct.out.subarray(1), correct.lse)).toThrow(RangeError)
  })
})

describe('rowsToCheck', () => {
  const large = parseRunConfig({ world: 1, batch: 2, seqLen: 8192, heads: 8, headDim: 128 }, 'test')

  it('has the edges of the shard and of its halves', () => {
    const rows = new Set(rowsToCheck(large, 1024, 1000).map(({ row }) => row))
    for (const edge of [0, 999, 511, 512]) expect(rows).toContain(edge)
  })

  it('covers every batch item and head', () => {
    const slices = new Set(rowsToCheck(large, 1024, 1024).map(({ batch, head }) => `${batch}:${head}`))
    expect(slices.size).toBe(16)
  })

  it('is bounded by work, and never below 8 rows where there are as many', () => {
    const huge = parseRunConfig({ world: 1, seqLen: 1 << 22, heads: 8, headDim: 128 }, 'test')
    expect(rowsToCheck(huge, 1 << 22, 1 << 22)).toHaveLength(8)
    const count = rowsToCheck(large, 1024, 1024).length
    expect(count * 2 * 8192 * 128).toBeLessThanOrEqual(2e8)
    expect(count).toBe(64)
  })

  it('names each row once, also when it names all of them', () => {
    const tiny = parseRunConfig({ world: 1, seqLen: 3, heads: 2, headDim: 4 }, 'test')
    const rows = rowsToCheck(tiny, 3, 3).map(({ batch, head, row }) => `${batch}:${head}:${row}`)
    expect(new Set(rows).size).toBe(rows.length)
    expect(rows.length).toBe(6)
  })

  it('has nothing to check in a shard of padding alone', () => {
    expect(rowsToCheck(large, 64, 0)).toEqual([])
  })
})
