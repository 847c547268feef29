import type { RankShape } from '../backend.ts'

/** Queries side by side in one strip of the kernel (LANES in kernels/assembly/simd.ts). */
const LANES = 8
const EXP_TABLE_FLOATS = 9
const ALIGNMENT = 64
const FLOAT_BYTES = 4

/**
 * Where the kernel keeps what it needs beside the arena's buffers, as byte offsets into its scratch.
 * Everything is O(tokens) or O(tile): no scores beyond one strip of 8 queries against one key tile.
 */
export interface ScratchLayout {
  /** f32 [batch, heads, tokens]: running maximum (in powers of two) and running sum of every query row. */
  readonly rowMaximum: number
  readonly rowSum: number
  /** i32 [tokens + 8]: the key range of every query row. A strip reads 8 at once, so the last may read past the end. */
  readonly rangeFrom: number
  readonly rangeTo: number
  /** f32 [strips of a query tile, headDim, 8] */
  readonly queryStrips: number
  readonly outputStrips: number
  /** f32 [strips of a query tile, 8] */
  readonly maximumStrips: number
  readonly sumStrips: number
  /** f32 [8] */
  readonly rescale: number
  /** f32 [keys of a key tile, 8] */
  readonly scores: number
  /** f32 [9]: constants of the exponential. */
  readonly expTable: number
  /** Size of the whole. */
  readonly bytes: number
}

export function scratchLayout(shape: RankShape): ScratchLayout {
  const { batch, heads, headDim, tokens } = shape
  const strips = Math.ceil(Math.min(shape.blockQ, tokens) / LANES)
  const rows = batch * heads * tokens
  let bytes = 0
  const take = (floats: number): number => {
    const at = bytes
    bytes += Math.ceil(floats * FLOAT_BYTES / ALIGNMENT) * ALIGNMENT
    return at
  }
  return {
    rowMaximum: take(rows), rowSum: take(rows),
    rangeFrom: take(tokens + LANES), rangeTo: take(tokens + LANES),
    queryStrips: take(strips * headDim * LANES), outputStrips: take(strips * headDim * LANES),
    maximumStrips: take(strips * LANES), sumStrips: take(strips * LANES),
    rescale: take(LANES), scores: take(Math.min(shape.blockK, tokens) * LANES), expTable: take(EXP_TABLE_FLOATS),
    bytes,
  }
}

/** Bytes of scratch that {@link createWasmBackend} wants in the arena. */
export function wasmScratchBytes(shape: RankShape): number {
  return scratchLayout(shape).bytes
}
