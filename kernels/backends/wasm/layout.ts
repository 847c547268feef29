import type { ArenaSpec } from '../arena.ts'

/** Queries side by side in one strip of the kernel, and dimensions in one panel (LANES in kernels/assembly/simd.ts). */
const LANES = 8
const EXP_TABLE_FLOATS = 9
/** Rows of the kernel's register tile over keys. */
const TILE_KEYS = 6
const ALIGNMENT = 64
const FLOAT_BYTES = 4

/** What a side keeps between `begin` and `finish`, f32 [batch, heads, tokens]: m (in powers of two) and l of every query row. */
export interface SideLayout {
  readonly rowReference: number
  readonly rowSum: number
}

/** What the backward pass needs beside the rest. */
export interface BackwardLayout {
  /** f32 [strips, headDim, 8]: dO of a query tile. */
  readonly gradStrips: number
  /** f32 [ceil(headDim / 8), 8 * strips, 8]: Q and dO of a query tile. */
  readonly queryPanels: number
  readonly gradPanels: number
  /** P and dS of a query tile against a key tile: f32 [keys, 8] for every strip, `pairBytes` apart. */
  readonly weights: number
  readonly weightGrads: number
  readonly pairBytes: number
  /** i32 [strips, 2]: the keys of a tile that each strip touches. */
  readonly spans: number
  /** f32 [6, 8] */
  readonly edge: number
}

/**
 * Where the kernel keeps what it needs beside the arena's buffers, as byte offsets into its scratch. Everything is O(tokens) or
 * O(tile): no scores beyond one strip of 8 queries against one key tile, or one query tile in a backward pass.
 */
export interface ScratchLayout {
  readonly sides: readonly SideLayout[]
  /** i32 [batch, tokens] + 8: the key range of every query row. A strip reads 8 at once, so the last may read past the end. */
  readonly rangeFrom: number
  readonly rangeTo: number
  /** f32 [9]: constants of the exponentials. */
  readonly expTable: number
  /** f32 [strips of a query tile, headDim, 8] */
  readonly queryStrips: number
  readonly outputStrips: number
  /** f32 [strips of a query tile, 8] */
  readonly referenceStrips: number
  readonly sumStrips: number
  /** f32 [strips of a query tile] */
  readonly boundStrips: number
  /** f32 [8] */
  readonly bias: number
  readonly rescale: number
  /** f32 [keys of a key tile, 8] */
  readonly scores: number
  readonly backward: BackwardLayout | null
  /** Size of the whole. */
  readonly bytes: number
}

export function scratchLayout({ shape, sides, dkvSlots }: Pick<ArenaSpec, 'shape' | 'sides' | 'dkvSlots'>): ScratchLayout {
  const { batch, heads, headDim, tokens } = shape
  const strips = Math.ceil(Math.min(shape.blockQ, tokens) / LANES)
  const keys = Math.min(shape.blockK, tokens)
  const rows = batch * heads * tokens
  let bytes = 0
  const take = (floats: number): number => {
    const at = bytes
    bytes += Math.ceil(floats * FLOAT_BYTES / ALIGNMENT) * ALIGNMENT
    return at
  }
  const backwardLayout = (): BackwardLayout => {
    const panels = strips * LANES * Math.ceil(headDim / LANES) * LANES
    // One cache line more than the weights: strips a power of two apart would fall on the same few cache sets.
    const pairFloats = keys * LANES + ALIGNMENT / FLOAT_BYTES
    return {
      gradStrips: take(strips * headDim * LANES), queryPanels: take(panels), gradPanels: take(panels),
      weights: take(strips * pairFloats), weightGrads: take(strips * pairFloats), pairBytes: pairFloats * FLOAT_BYTES,
      spans: take(strips * 2), edge: take(TILE_KEYS * LANES),
    }
  }
  return {
    sides: Array.from({ length: sides }, () => ({ rowReference: take(rows), rowSum: take(rows) })),
    rangeFrom: take(batch * tokens + LANES), rangeTo: take(batch * tokens + LANES), expTable: take(EXP_TABLE_FLOATS),
    queryStrips: take(strips * headDim * LANES), outputStrips: take(strips * headDim * LANES),
    referenceStrips: take(strips * LANES), sumStrips: take(strips * LANES), boundStrips: take(strips), bias: take(LANES), rescale: take(LANES),
    scores: take(keys * LANES),
    backward: dkvSlots > 0 ? backwardLayout() : null,
    bytes,
  }
}

/** Bytes of scratch that the fused kernel's backend wants in the arena of a rank. */
export const wasmScratchBytes = (spec: ArenaSpec): number => scratchLayout(spec).bytes
