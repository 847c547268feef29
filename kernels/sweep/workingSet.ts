import type { ConcreteBackendId, RankShape } from '../backends/backend.ts'

const FLOAT_BYTES = 4
/** Queries that the fused kernel handles at once, and so the width of its strip of scores. */
const STRIP_QUERIES = 8
/** Score-sized arrays alive at once in the tfjs kernel: scores and softmax weights; nothing is computed in place. */
const SCORE_BUFFERS = 2

/**
 * Bytes that one tile touches, for laying against a cache's size. With bq = blockQ, bk = blockK, d = headDim, float32:
 *
 * Fused kernel, one head at a time: 4 (bq d + bq d + 2 bk d + 8 bk + 2 bq): the query tile and its output accumulator,
 * keys and values, one strip of scores, running maximum and sum. The scores of a tile never exist as a whole.
 *
 * tfjs, where one operation handles G slices: 4 G (2 bq d + 2 bk d + n bq bk + 2 bq) with n = 2 live arrays of scores.
 * G counts query heads: those that share a key/value head always go together, and on backends that batch, all do.
 */
export function workingSetBytes(backend: ConcreteBackendId, shape: RankShape): number {
  const { headDim: d, tokens } = shape
  const bq = Math.min(shape.blockQ, tokens)
  const bk = Math.min(shape.blockK, tokens)
  if (backend === 'wasm') return FLOAT_BYTES * (2 * bq * d + 2 * bk * d + STRIP_QUERIES * bk + 2 * bq)
  const kvSlices = backend === 'tfjs-wasm' ? 1 : shape.batch * shape.kvHeads
  const querySlices = kvSlices * (shape.heads / shape.kvHeads)
  return FLOAT_BYTES * (querySlices * (2 * bq * d + SCORE_BUFFERS * bq * bk + 2 * bq) + kvSlices * 2 * bk * d)
}
