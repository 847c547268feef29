import { createArena, computeSpec, type ArenaSpec, type RankArena } from '../arena.ts'
import type { BackendSetup, RankShape, SpanSink } from '../backend.ts'
import { parseRunConfig } from '../../config/runConfig.ts'
import type { KeyRanges } from '../../plan/keyRanges.ts'
import { wasmScratchBytes } from './backend.ts'

/** What the tests of the fused kernel share: shapes, masks, dirty memory. */
export const silent: SpanSink = { now: () => 0, record: () => undefined }

/** Deterministic numbers in [-1, 1). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
}

export const rangesOf = (rows: number, range: (row: number) => readonly [number, number]): KeyRanges => {
  const ranges = { from: new Int32Array(rows), to: new Int32Array(rows) }
  for (let row = 0; row < rows; row++) [ranges.from[row], ranges.to[row]] = range(row)
  return ranges
}

export const MASKS = {
  'every key': (tokens) => rangesOf(tokens, () => [0, tokens]),
  'causal with the diagonal': (tokens) => rangesOf(tokens, (row) => [0, row + 1]),
  'causal without the diagonal (row 0 empty)': (tokens) => rangesOf(tokens, (row) => [0, row]),
  'a lookback of 4': (tokens) => rangesOf(tokens, (row) => [Math.max(0, row - 4), row + 1]),
  'a window that slides': (tokens) => rangesOf(tokens, (row) => [Math.max(0, row - 4), Math.min(tokens, row + 3)]),
  'documents of 7, causal': (tokens) => rangesOf(tokens, (row) => [row - row % 7, row + 1]),
  'padding: the last fifth of rows and keys is not there': (tokens) => {
    const real = Math.ceil(tokens * 0.8)
    return rangesOf(tokens, (row) => row < real ? [0, real] : [0, 0])
  },
  'second half of the queries': (tokens) => rangesOf(tokens, (row) => row < tokens / 2 ? [0, 0] : [0, tokens]),
  'first half of the keys': (tokens) => rangesOf(tokens, () => [0, Math.floor(tokens / 2)]),
  'ragged, from above 0, every third row empty': (tokens) =>
    rangesOf(tokens, (row) => row % 3 === 1 ? [5, 2] : [(row * 7) % tokens, Math.min(tokens, (row * 7) % tokens + 11)]),
  'no key': (tokens) => rangesOf(tokens, () => [0, 0]),
} satisfies Record<string, (tokens: number) => KeyRanges>

export type MaskName = keyof typeof MASKS
export const MASK_NAMES = Object.keys(MASKS) as MaskName[]

export const shapeOf = (parts: Partial<RankShape>): RankShape =>
  ({ batch: 1, heads: 1, kvHeads: parts.heads ?? 1, headDim: 8, tokens: 37, blockQ: 16, blockK: 16, ...parts })

/** An arena for one side and `blocks` K/V blocks, with a gradient slot for each where there is a backward pass. */
export const specOf = (shape: RankShape, blocks: number, backward = false, sides = 1): ArenaSpec =>
  ({ ...computeSpec(shape, backward), kvSlots: blocks, dkvSlots: backward ? blocks : 0, sides })

/** A setup of which every byte that a backend may not rely on is NaN. */
export function setupOf(spec: ArenaSpec, kernelsDir: string): BackendSetup {
  const { shape } = spec
  const arena = createArena(spec, wasmScratchBytes(spec))
  new Float32Array(arena.memory.buffer, 1024).fill(NaN)
  const config = parseRunConfig({
    world: 1, seqLen: shape.tokens, heads: shape.heads, kvHeads: shape.kvHeads, headDim: shape.headDim, batch: shape.batch,
  }, 'test')
  return { shape, arena, config, kernelsDir }
}

/** Fills what a rank puts into its arena. @param scale factor on the queries */
export function fill(arena: RankArena, scale = 1): void {
  const next = randomNumbers(7)
  for (const tensor of [...arena.sides.flatMap(({ q, dOut }) => [q, dOut]), ...arena.kv.flatMap(({ k, v }) => [k, v])]) {
    for (let i = 0; i < tensor.length; i++) tensor[i] = next()
  }
  for (const { q } of arena.sides) q.forEach((value, i) => { q[i] = scale * value })
}

/** Largest absolute difference; Infinity where there is a NaN. */
export function largestError(values: Float32Array, expected: Float64Array): number {
  let largest = 0
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(values[i] - expected[i])
    if (!(error <= largest)) largest = Number.isNaN(error) ? Infinity : error
  }
  return largest
}
