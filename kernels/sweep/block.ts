import { rowsToCheck, keysToCheck, type CheckedRow } from '../attention/checkedRows.ts'
import { fillTensor } from '../attention/inputs.ts'
import { keyGradientRows, type KeyGradientRow, queryGradientRows, type QueryGradientRow, referenceRows, type ReferenceRow } from '../attention/reference.ts'
import { computeSpec, createArena, neededArenaBytes, type RankArena } from '../backends/arena.ts'
import type { ConcreteBackendId, GradientWork, RankShape } from '../backends/backend.ts'
import { scratchBytes } from '../backends/create.ts'
import type { RunConfig } from '../config/runConfig.ts'
import { countBelow } from '../plan/keyRanges.ts'
import { rankShape, scheduleRank } from '../rank/schedule.ts'
import type { Tile } from './protocol.ts'

const CACHE_LINE = 64

/**
 * What a sweep measures: rank 0 attending to its own K/V block, the first block of every algorithm. It is the smallest
 * piece of a run that has all that tiles differ in (whole, partial and skipped tiles under a causal mask), and needs no peer.
 * With a backward pass the block's gradient follows, of attention over these keys alone.
 */
export interface MeasuredBlock {
  readonly shape: Omit<RankShape, 'blockQ' | 'blockK'>
  readonly arena: RankArena
  /** The same buffers with scratch of its own for each tile: backends keep state there between passes. */
  readonly arenas: readonly RankArena[]
  readonly positions: Int32Array
  readonly work: GradientWork
  readonly backward: boolean
  /** Operations of both passes. */
  readonly flops: number
}

const isBackward = (config: RunConfig): boolean => config.pass === 'forward-backward'

const scratchOf = (backend: ConcreteBackendId, shape: RankShape, backward: boolean): number =>
  Math.ceil(scratchBytes(backend, computeSpec(shape, backward)) / CACHE_LINE) * CACHE_LINE

/** Bytes that {@link prepareBlock} would take for these tiles. */
export function blockBytes(config: RunConfig, backend: ConcreteBackendId, tiles: readonly Tile[]): number {
  const shape = rankShape(config)
  const scratch = tiles.reduce((sum, tile) => sum + scratchOf(backend, { ...shape, ...tile }, isBackward(config)), 0)
  return neededArenaBytes(computeSpec(shape, isBackward(config)), scratch)
}

/** Lays out and fills rank 0's buffers. @throws ArenaTooLargeError */
export function prepareBlock(config: RunConfig, backend: ConcreteBackendId, tiles: readonly Tile[]): MeasuredBlock {
  const backward = isBackward(config)
  const { shape, positions, steps } = scheduleRank({ ...config, pass: 'forward' }, 0)
  const { batch, heads, kvHeads, headDim, tokens } = shape
  const scratch = tiles.map((tile) => scratchOf(backend, { ...shape, ...tile }, backward))
  const arena = createArena(computeSpec({ ...shape, ...tiles[0] }, backward), scratch.reduce((sum, bytes) => sum + bytes, 0))
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
  if (backward) fillTensor(side.dOut, config.seed, 'dout', batch, heads, positions, headDim)
  const own = steps.find(({ plan }) => plan.stage === 'attend')?.work
  const nothing = { from: new Int32Array(tokens), to: new Int32Array(tokens) }
  const gradient = backward ? arena.dkv[0] : { dk: new Float32Array(), dv: new Float32Array() }
  // 4 operations a pair and dimension forward, 10 backward (reference section 2.5).
  const flops = (own?.flops ?? 0) * (backward ? 14 / 4 : 1)
  return {
    shape, arena, arenas, positions, backward, flops,
    work: { side, slot, gradient, fresh: true, ranges: own?.ranges ?? [nothing], flops: own?.flops ?? 0 },
  }
}

export interface BlockErrors {
  /** Largest |computed - float64| of output and log-sum-exp; Number.MAX_VALUE for NaN and infinity. */
  readonly maxAbsError: number
  /** The same of the gradients; null without a backward pass. */
  readonly maxAbsGradError: number | null
}

const errorOf = (computed: number, wanted: number): number => {
  if (computed === wanted) return 0
  const error = Math.abs(computed - wanted)
  return Number.isFinite(error) ? error : Number.MAX_VALUE
}

/** Compares the results of the block with float64 rows over the block's keys. The rows are computed once for all tiles. */
export class BlockChecker {
  readonly #block: MeasuredBlock
  readonly #rows: readonly CheckedRow[]
  readonly #expected: readonly (ReferenceRow & Partial<QueryGradientRow>)[]
  readonly #keys: readonly CheckedRow[]
  readonly #expectedKeys: readonly KeyGradientRow[]

  constructor(config: RunConfig, block: MeasuredBlock) {
    this.#block = block
    const { batch, heads, tokens } = block.shape
    const { positions, backward } = block
    const realRows = countBelow(positions, config.seqLen)
    this.#rows = rowsToCheck({ ...config, batch, heads }, tokens, realRows, backward)
    const rowsOf = backward ? queryGradientRows : referenceRows
    this.#expected = this.#rows.map(({ item, head, row }) => rowsOf(config, item, [{ head, position: positions[row] }], positions)[0])
    this.#keys = backward ? keysToCheck(config, 0, batch, positions, realRows).filter(({ head }) => head < block.shape.kvHeads) : []
    this.#expectedKeys = [...Map.groupBy(this.#keys, ({ item }) => item)].flatMap(([item, keys]) =>
      keyGradientRows(config, item, keys.map(({ head, row }) => ({ kvHead: head, position: positions[row] })), positions))
  }

  get checkedRows(): number {
    return this.#rows.length
  }

  get checkedKeyRows(): number {
    return this.#keys.length
  }

  errors(): BlockErrors {
    const { shape: { heads, kvHeads, tokens, headDim }, work: { side, gradient }, backward } = this.#block
    const rowError = (values: Float32Array, row: number, wanted: ArrayLike<number>): number => {
      let most = 0
      for (let dim = 0; dim < headDim; dim++) most = Math.max(most, errorOf(values[row * headDim + dim], wanted[dim]))
      return most
    }
    let [output, gradients] = [0, 0]
    this.#rows.forEach(({ item, head, row }, at) => {
      const index = (item * heads + head) * tokens + row
      const { out, lse, dq } = this.#expected[at]
      output = Math.max(output, rowError(side.out, index, out), errorOf(side.lse[index], lse))
      if (dq !== undefined) gradients = Math.max(gradients, rowError(side.dq, index, dq))
    })
    this.#keys.forEach(({ item, head, row }, at) => {
      const index = (item * kvHeads + head) * tokens + row
      gradients = Math.max(gradients, rowError(gradient.dk, index, this.#expectedKeys[at].dk), rowError(gradient.dv, index, this.#expectedKeys[at].dv))
    })
    return { maxAbsError: output, maxAbsGradError: backward ? gradients : null }
  }

  /** Makes sure that results that are never written are not taken for those of the tile before. */
  spoil(): void {
    const { work: { side, gradient } } = this.#block
    for (const values of [side.out, side.lse, side.dq, gradient.dk, gradient.dv]) values.fill(Number.NaN)
  }
}
