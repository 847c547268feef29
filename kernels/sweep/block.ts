import { fillTensor } from '../attention/inputs.ts'
import { referenceRows, type ReferenceRow } from '../attention/reference.ts'
import { rowsToCheck, type CheckedRow } from '../attention/checkedRows.ts'
import { computeSpec, createArena, type RankArena } from '../backends/arena.ts'
import type { BlockWork, ConcreteBackendId, RankShape } from '../backends/backend.ts'
import { scratchBytes } from '../backends/create.ts'
import type { RunConfig } from '../config/runConfig.ts'
import { countBelow } from '../plan/keyRanges.ts'
import { scheduleRank } from '../rank/schedule.ts'
import type { Tile } from './protocol.ts'

const CACHE_LINE = 64

/**
 * What a sweep measures: rank 0 attending to its own K/V block, the first block of every algorithm. It is the smallest
 * piece of a run that has all that tiles differ in (whole, partial and skipped tiles under a causal mask), and needs no peer.
 */
export interface MeasuredBlock {
  readonly shape: Omit<RankShape, 'blockQ' | 'blockK'>
  readonly arena: RankArena
  /** The same buffers with scratch of its own for each tile: backends keep state there between passes. */
  readonly arenas: readonly RankArena[]
  readonly positions: Int32Array
  readonly work: BlockWork
}

/** Lays out and fills rank 0's buffers. @throws ArenaTooLargeError */
export function prepareBlock(config: RunConfig, backend: ConcreteBackendId, tiles: readonly Tile[]): MeasuredBlock {
  const { shape, positions, steps } = scheduleRank({ ...config, pass: 'forward' }, 0)
  const { batch, heads, kvHeads, headDim, tokens } = shape
  const specs = tiles.map((tile) => computeSpec({ ...shape, ...tile }))
  const scratch = specs.map((spec) => Math.ceil(scratchBytes(backend, spec) / CACHE_LINE) * CACHE_LINE)
  const arena = createArena(specs[0], scratch.reduce((sum, bytes) => sum + bytes, 0))
  let scratchByteOffset = arena.scratchByteOffset
  const arenas = scratch.map((bytes): RankArena => {
    const own = { ...arena, scratchByteOffset }
    scratchByteOffset += bytes
    return own
  })
  const { sides: [side], kv: [slot] } = arena
  fillTensor(side.q, config.seed, 'q', batch, heads, positions, headDim)
  fillTensor(slot.k, config.seed, 'k', batch, kvHeads, positions, headDim)
  fillTensor(slot.v, config.seed, 'v', batch, kvHeads, positions, headDim)
  const own = steps.find(({ plan }) => plan.stage === 'attend')?.work
  const nothing = { from: new Int32Array(tokens), to: new Int32Array(tokens) }
  return {
    shape, arena, arenas, positions,
    work: { side, slot, ranges: own?.ranges ?? [nothing], flops: own?.flops ?? 0 },
  }
}

/** Compares the output of the block with float64 rows over the block's keys. The rows are computed once for all tiles. */
export class BlockChecker {
  readonly #block: MeasuredBlock
  readonly #rows: readonly CheckedRow[]
  readonly #expected: readonly ReferenceRow[]

  constructor(config: RunConfig, block: MeasuredBlock) {
    this.#block = block
    const { batch, heads, tokens } = block.shape
    this.#rows = rowsToCheck({ ...config, batch, heads }, tokens, countBelow(block.positions, config.seqLen))
    this.#expected = this.#rows.map(({ item, head, row }) =>
      referenceRows(config, item, [{ head, position: block.positions[row] }], block.positions)[0])
  }

  get checkedRows(): number {
    return this.#rows.length
  }

  /** Largest |computed - float64| of the arena's output and log-sum-exp; Number.MAX_VALUE for NaN and infinity. */
  maxAbsError(): number {
    const { shape: { heads, tokens, headDim }, work: { side } } = this.#block
    let most = 0
    this.#rows.forEach(({ item, head, row }, at) => {
      const index = (item * heads + head) * tokens + row
      const { out, lse } = this.#expected[at]
      const errors = Array.from(out, (value, dim) => Math.abs(side.out[index * headDim + dim] - value))
      errors.push(side.lse[index] === lse ? 0 : Math.abs(side.lse[index] - lse))
      for (const error of errors) most = Math.max(most, Number.isFinite(error) ? error : Number.MAX_VALUE)
    })
    return most
  }
}
