import { fillTensor } from '../attention/inputs.ts'
import { referenceRows, type ReferenceRow } from '../attention/reference.ts'
import { rowsToCheck, type CheckedRow } from '../attention/verify.ts'
import { createArena } from '../backends/arena.ts'
import type { ConcreteBackendId, RankArena, RankShape } from '../backends/backend.ts'
import { scratchBytes } from '../backends/create.ts'
import type { RunConfig } from '../config/runConfig.ts'
import { countBelow, keyRanges, type KeyRanges } from '../plan/keyRanges.ts'
import { positionsOf } from '../plan/layout.ts'
import { planRun } from '../plan/plan.ts'
import type { Tile } from './protocol.ts'

const CACHE_LINE = 64

/**
 * What a sweep measures: rank 0 attending to its own K/V block, the first step of every ring. It is the smallest piece
 * of a run that has all that tiles differ in (whole, partial and skipped tiles under a causal mask), and needs no peer.
 */
export interface MeasuredBlock {
  readonly shape: Omit<RankShape, 'blockQ' | 'blockK'>
  readonly arena: RankArena
  /** The same buffers with scratch of its own for each tile: backends keep state there between passes. */
  readonly arenas: readonly RankArena[]
  readonly positions: Int32Array
  readonly ranges: KeyRanges
  readonly flops: number
}

/** Lays out and fills rank 0's buffers. @throws ArenaTooLargeError */
export function prepareBlock(config: RunConfig, backend: ConcreteBackendId, tiles: readonly Tile[]): MeasuredBlock {
  const { batch, heads, kvHeads, headDim, seed, mask, seqLen } = config
  const plan = planRun(config)
  const rank = plan.ranks[0]
  const shape = { batch, heads, kvHeads, headDim, tokens: plan.shardTokens }
  const scratch = tiles.map((tile) => Math.ceil(scratchBytes(backend, { ...shape, ...tile }) / CACHE_LINE) * CACHE_LINE)
  const arena = createArena({ ...shape, ...tiles[0] }, 1, scratch.reduce((sum, bytes) => sum + bytes, 0))
  let scratchByteOffset = arena.scratchByteOffset
  const arenas = scratch.map((bytes): RankArena => {
    const own = { ...arena, scratchByteOffset }
    scratchByteOffset += bytes
    return own
  })
  const positions = positionsOf(rank.positions)
  fillTensor(arena.q, seed, 'q', batch, heads, positions, headDim)
  fillTensor(arena.slots[0].k, seed, 'k', batch, kvHeads, positions, headDim)
  fillTensor(arena.slots[0].v, seed, 'v', batch, kvHeads, positions, headDim)
  return {
    shape, arena, arenas, positions,
    ranges: keyRanges(mask, positions, positions, seqLen),
    flops: rank.steps[0].pairs * plan.flopsPerPair,
  }
}

/** Compares the output of the block with float64 rows over the block's keys. The rows are computed once for all tiles. */
export class BlockChecker {
  readonly #block: MeasuredBlock
  readonly #rows: readonly CheckedRow[]
  readonly #expected: readonly ReferenceRow[]

  constructor(config: RunConfig, block: MeasuredBlock) {
    this.#block = block
    this.#rows = rowsToCheck(config, block.shape.tokens, countBelow(block.positions, config.seqLen))
    this.#expected = this.#rows.map(({ batch, head, row }) =>
      referenceRows(config, batch, [{ head, position: block.positions[row] }], block.positions)[0])
  }

  get checkedRows(): number {
    return this.#rows.length
  }

  /** Largest |computed - float64| of the arena's output and log-sum-exp; Number.MAX_VALUE for NaN and infinity. */
  maxAbsError(): number {
    const { shape: { heads, tokens, headDim }, arena } = this.#block
    let most = 0
    this.#rows.forEach(({ batch, head, row }, at) => {
      const index = (batch * heads + head) * tokens + row
      const { out, lse } = this.#expected[at]
      const errors = Array.from(out, (value, dim) => Math.abs(arena.out[index * headDim + dim] - value))
      errors.push(arena.lse[index] === lse ? 0 : Math.abs(arena.lse[index] - lse))
      for (const error of errors) most = Math.max(most, Number.isFinite(error) ? error : Number.MAX_VALUE)
    })
    return most
  }
}
