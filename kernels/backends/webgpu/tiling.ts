import type { RankShape } from '../backend.ts'

/** Threads of a workgroup: 16 x 16, the second number along a tile's columns. */
export const THREADS = 256
export const THREAD_COLUMNS = 16
/** Columns of a tile: 4 a thread, one vec4. */
export const TILE_COLUMNS = 4 * THREAD_COLUMNS
/** vec4s of a row that are staged at a time for a product over headDim. */
export const CHUNK = 4
/** vec4s between two staged rows: one more than they have, so that threads do not meet in one memory bank. */
export const STAGED_STRIDE = CHUNK + 1
/** vec4s between two rows of a tile of weights, likewise. */
export const WEIGHT_STRIDE = TILE_COLUMNS / 4 + 1

/** vec4 accumulators that a thread keeps in registers. */
const MOST_ACCUMULATORS = 16
const BYTES_PER_VEC4 = 16

/**
 * How a kernel cuts its work. Its workgroup owns `rows` rows (queries where the output is a query's, keys for dK and
 * dV), 16 a thread row, and walks over the other side in tiles of {@link TILE_COLUMNS}.
 */
export interface Tiling {
  readonly rows: number
  /** rows / 16. */
  readonly rowsPerThread: number
  /** vec4s that a row of a tensor has on the device, the last one filled up with zeros. */
  readonly rowVec4s: number
  /** vec4 accumulators per row and thread. */
  readonly columnsPerThread: number
  /** Rows that are staged at a time for a product over a tile's columns. */
  readonly stagedRows: number
  /** vec4s of the staging area. */
  readonly stagedVec4s: number
  readonly workgroupBytes: number
}

/** vec4s of a row of headDim elements. */
export const rowVec4sOf = (headDim: number): number => Math.ceil(headDim / 4)

/**
 * The largest tiling with at most `wantedRows` rows (rounded down to 16, 32 or 64, never below 16) that registers and
 * workgroup memory allow; null where not even 16 rows fit.
 * @param accumulated tensors that the kernel accumulates for each of its rows
 * @param exchanged whether threads of a row exchange a value each
 */
export function chooseTiling(
  shape: RankShape, wantedRows: number, accumulated: number, exchanged: boolean, workgroupBytes: number,
): Tiling | null {
  const rowVec4s = rowVec4sOf(shape.headDim)
  const columnsPerThread = Math.ceil(rowVec4s / THREAD_COLUMNS)
  for (const rowsPerThread of [4, 2, 1]) {
    const rows = THREAD_COLUMNS * rowsPerThread
    if (rowsPerThread > 1 && (rows > wantedRows || rowsPerThread * columnsPerThread * accumulated > MOST_ACCUMULATORS)) continue
    const stagedVec4s = Math.max((rows + TILE_COLUMNS) * STAGED_STRIDE, 4 * rowVec4s)
    const bytes = BYTES_PER_VEC4 * (stagedVec4s + rows * WEIGHT_STRIDE) + (exchanged ? 4 * rows * THREAD_COLUMNS : 0)
    if (bytes > workgroupBytes) continue
    const stagedRows = [64, 32, 16, 8].find((count) => count * rowVec4s <= stagedVec4s) ?? 4
    return { rows, rowsPerThread, rowVec4s, columnsPerThread, stagedRows, stagedVec4s, workgroupBytes: bytes }
  }
  return null
}
