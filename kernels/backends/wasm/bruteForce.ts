import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { RankShape } from '../backend.ts'

/** One K/V block with the key ranges under which it is attended to: one entry for all batch items, or one for each. */
export interface ReferenceBlock {
  readonly k: Float32Array
  readonly v: Float32Array
  readonly ranges: readonly KeyRanges[]
}

export interface ReferenceOutput {
  readonly out: Float64Array
  readonly lse: Float64Array
}

export interface ReferenceGradients {
  readonly dq: Float64Array
  /** One entry a block. */
  readonly blocks: readonly { readonly dk: Float64Array; readonly dv: Float64Array }[]
}

interface Pair {
  readonly block: number
  /** Offset of the key's first element in the block's k and v. */
  readonly at: number
  readonly score: number
}

/** Calls `visit` for every query row with the pairs that it attends to, over all blocks. */
function forEachRow(
  shape: RankShape, q: Float32Array, blocks: readonly ReferenceBlock[], visit: (row: number, pairs: readonly Pair[]) => void,
): void {
  const { batch, heads, kvHeads, headDim, tokens } = shape
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads))
      for (let i = 0; i < tokens; i++) {
        const row = (b * heads + h) * tokens + i
        const pairs: Pair[] = []
        blocks.forEach(({ k, ranges }, block) => {
          const { from, to } = ranges[ranges.length === 1 ? 0 : b]
          for (let j = from[i]; j < to[i]; j++) {
            const at = (kvHead * tokens + j) * headDim
            let dot = 0
            for (let d = 0; d < headDim; d++) dot += q[row * headDim + d] * k[at + d]
            pairs.push({ block, at, score: dot / Math.sqrt(headDim) })
          }
        })
        visit(row, pairs)
      }
    }
  }
}

/**
 * Attention over several K/V blocks in float64, straight from its definition: out = softmax(q k / sqrt(d)) v,
 * lse = ln sum exp(q k / sqrt(d)). Independent of the kernel and of its tiling; for tests.
 * Shapes as in QuerySide and KvSlot; rows that attend to nothing have out 0 and lse -Infinity.
 */
export function bruteForce(shape: RankShape, q: Float32Array, blocks: readonly ReferenceBlock[]): ReferenceOutput {
  const { headDim } = shape
  const out = new Float64Array(q.length)
  const lse = new Float64Array(q.length / headDim).fill(-Infinity)
  forEachRow(shape, q, blocks, (row, pairs) => {
    if (pairs.length === 0) return
    const most = pairs.reduce((best, { score }) => Math.max(best, score), -Infinity)
    let sum = 0
    for (const { block, at, score } of pairs) {
      const weight = Math.exp(score - most)
      sum += weight
      for (let d = 0; d < headDim; d++) out[row * headDim + d] += weight * blocks[block].v[at + d]
    }
    for (let d = 0; d < headDim; d++) out[row * headDim + d] /= sum
    lse[row] = most + Math.log(sum)
  })
  return { out, lse }
}

/**
 * The gradient of sum(dOut o out) in float64, by the chain rule through softmax: with p the weights of a row and
 * g = dOut v, ds = p (g - sum p g); dq = ds k / sqrt(d), dk = ds q / sqrt(d), dv = p dOut.
 */
export function bruteForceGradients(
  shape: RankShape, q: Float32Array, dOut: Float32Array, blocks: readonly ReferenceBlock[],
): ReferenceGradients {
  const { headDim } = shape
  const { lse } = bruteForce(shape, q, blocks)
  const dq = new Float64Array(q.length)
  const gradients = blocks.map(({ k }) => ({ dk: new Float64Array(k.length), dv: new Float64Array(k.length) }))
  forEachRow(shape, q, blocks, (row, pairs) => {
    const first = row * headDim
    const weighed = pairs.map(({ block, at, score }) => {
      let g = 0
      for (let d = 0; d < headDim; d++) g += dOut[first + d] * blocks[block].v[at + d]
      return { block, at, weight: Math.exp(score - lse[row]), g }
    })
    const mean = weighed.reduce((sum, { weight, g }) => sum + weight * g, 0)
    for (const { block, at, weight, g } of weighed) {
      const ds = weight * (g - mean) / Math.sqrt(headDim)
      const { dk, dv } = gradients[block]
      for (let d = 0; d < headDim; d++) {
        dq[first + d] += ds * blocks[block].k[at + d]
        dk[at + d] += ds * q[first + d]
        dv[at + d] += weight * dOut[first + d]
      }
    }
  })
  return { dq, blocks: gradients }
}
