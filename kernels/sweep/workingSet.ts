import type { ConcreteBackendId, RankShape } from '../backends/backend.ts'

export const FLOAT_BYTES = 4
/** Queries that the fused kernel handles at once, and so the width of its strip of scores (LANES in kernels/assembly). */
export const STRIP_QUERIES = 8
/** Keys of a tile that all strips meet before the next ones (PIECE in kernels/assembly/forward.ts): a strip's scores are of so many. */
export const PIECE_KEYS = 72
/** Score-sized arrays alive at once in the tfjs kernel: an operation's input and output; nothing is computed in place. */
const SCORE_BUFFERS = 2
/** The same backward: P beside dP, which becomes dS in an operation of its own. */
const GRADIENT_BUFFERS = 3
/** Columns of a tile of the WGSL kernels (TILE_COLUMNS in kernels/backends/webgpu/tiling.ts), and the rows it may have. */
const WEBGPU_COLUMNS = 64
const WEBGPU_ROWS = [64, 32, 16] as const

/** Rows that a workgroup of the WGSL kernels owns for a config's block size; registers may allow fewer. */
export const webgpuRows = (block: number): number => WEBGPU_ROWS.find((rows) => rows <= block) ?? 16

/** Query heads and key/value heads that one operation of a backend computes: those that share a key/value head at least. */
export function slicesAtOnce(backend: ConcreteBackendId, shape: Omit<RankShape, 'blockQ' | 'blockK'>): { readonly query: number; readonly keyValue: number } {
  const keyValue = backend === 'tfjs-wasm' ? 1 : shape.batch * shape.kvHeads
  return { query: keyValue * (shape.heads / shape.kvHeads), keyValue }
}

/**
 * Bytes that one tile touches, for laying against a cache's size (reference section 6.1). With bq = blockQ, bk = blockK,
 * d = headDim, float32; a backward pass, where there is one, is the larger of the two:
 *
 * Fused kernel, one head at a time: 4 (2 bq d + 2 bk d + 8 min(bk, 72) + 2 bq): query tile and accumulators in strips, keys and
 * values, the scores of one strip against one piece of the tile, running maximum and sum. K is read as it came (nothing is packed),
 * and the scores of a tile never exist as a whole. Backward 4 (5 bq d + 4 bk d + 2 bq bk + 2 bq): Q and dO in strips and in panels,
 * dQ; K, V, dK, dV; P and dS of the whole tile.
 *
 * WGSL: 4 (2 bq d + 2 * 64 d + 64 bq + 2 bq), bq rounded down to 64, 32 or 16: what a workgroup owns and the key tile that it stages.
 *
 * tfjs, where one operation handles G slices: 4 G (2 bq d + 2 bk d + n bq bk + 2 bq) with n = 2 live arrays of scores, backward
 * 4 G (3 bq d + 4 bk d + 3 bq bk + 2 bq). G counts query heads: those that share a key/value head always go together, and on
 * backends that batch, all do.
 */
export function workingSetBytes(backend: ConcreteBackendId, shape: RankShape, backward = false): number {
  const { headDim: d, tokens } = shape
  const bq = Math.min(shape.blockQ, tokens)
  const bk = Math.min(shape.blockK, tokens)
  if (backend === 'wasm') {
    return FLOAT_BYTES * (backward
      ? 5 * bq * d + 4 * bk * d + 2 * bq * bk + 2 * bq
      : 2 * bq * d + 2 * bk * d + STRIP_QUERIES * Math.min(bk, PIECE_KEYS) + 2 * bq)
  }
  if (backend === 'webgpu') {
    const rows = webgpuRows(bq)
    return FLOAT_BYTES * (2 * rows * d + 2 * WEBGPU_COLUMNS * d + rows * WEBGPU_COLUMNS + 2 * rows)
  }
  const { query, keyValue } = slicesAtOnce(backend, shape)
  const [queryRows, keyRows, scores] = backward ? [3, 4, GRADIENT_BUFFERS] : [2, 2, SCORE_BUFFERS]
  return FLOAT_BYTES * (query * (queryRows * bq * d + scores * bq * bk + 2 * bq) + keyValue * keyRows * bk * d)
}
