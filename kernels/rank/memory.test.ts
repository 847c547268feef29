import { describe, expect, it } from 'vitest'
import { arenaBytes } from '../backends/arena.ts'
import { scratchBytes } from '../backends/create.ts'
import { parseRunConfig, type RunConfig, type RunConfigInput } from '../config/runConfig.ts'
import { tokenLayout } from '../plan/layout.ts'
import { scheduleRank } from './schedule.ts'

const FLOAT_BYTES = 4

/**
 * Reference section 2.9: b c d (2 Hq + 4 Hkv) e, a float32 accumulator of the output, 8 b c Hq for maximum and sum, and the
 * tile buffers of section 6.1; a backward pass adds dO, dQ and two dK/dV blocks.
 */
function formulaBytes({ batch, heads, kvHeads, headDim, pass, blockQ, blockK, ...config }: RunConfig): number {
  const { shardTokens } = tokenLayout({ batch, ...config })
  const rows = batch * shardTokens
  const blocks = pass === 'forward' ? 3 * heads + 4 * kvHeads : 5 * heads + 8 * kvHeads
  const [tileQ, tileK] = [Math.min(blockQ, shardTokens), Math.min(blockK, shardTokens)]
  const tiles = 2 * tileQ * headDim + 2 * tileK * headDim + tileQ * tileK + 2 * tileQ
  return FLOAT_BYTES * (rows * headDim * blocks + tiles) + 8 * rows * heads
}

function rankBytes(config: RunConfig, rank = 0): number {
  const { arena } = scheduleRank(config, rank)
  return arenaBytes(arena, scratchBytes('wasm', arena))
}

const configOf = (input: Partial<RunConfigInput>): RunConfig =>
  parseRunConfig({ world: 4, seqLen: 8192, heads: 8, headDim: 64, ...input }, 'test')

describe.each(['forward', 'forward-backward'] as const)('the memory of a rank, %s', (pass) => {
  it.each([2, 4, 8, 32])('is at most 1.3 times the formula, in a ring of %i', (world) => {
    for (const [heads, kvHeads] of [[8, 8], [8, 2], [8, 1], [32, 8], [1, 1]]) {
      for (const [headDim, shard] of [[64, 2048], [128, 1024], [128, 8192]]) {
        const config = configOf({ world, heads, kvHeads, headDim, seqLen: world * shard, pass })
        const ratio = rankBytes(config) / formulaBytes(config)
        const what = `${heads}/${kvHeads} heads of ${headDim}, ${shard} tokens a rank`
        expect(ratio, what).toBeLessThanOrEqual(1.3)
        // Far below it, one of the two would have forgotten something.
        expect(ratio, what).toBeGreaterThan(0.6)
      }
    }
  })

  it('depends on the tokens of a rank, not on how many ranks there are', () => {
    const bytes = [2, 4, 8, 16, 64].map((world) => rankBytes(configOf({ world, seqLen: 1024 * world, pass }), world - 1))
    expect(new Set(bytes).size).toBe(1)
  })

  it('grows with the tokens of a rank and no faster', () => {
    const perToken = [1024, 4096, 16_384].map((shard) => rankBytes(configOf({ seqLen: 4 * shard, pass })) / shard)
    for (const each of perToken) expect(each).toBeLessThanOrEqual(perToken[0])
    expect(perToken[2]).toBeGreaterThan(0.8 * perToken[0])
  })
})
