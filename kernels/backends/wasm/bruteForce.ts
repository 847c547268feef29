import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { RankShape } from '../backend.ts'

/** One K/V block with the key ranges under which it is attended to. */
export interface ReferenceBlock {
  readonly k: Float32Array
  readonly v: Float32Array
  readonly ranges: KeyRanges
}

/**
 * Attention over several K/V blocks in float64, straight from its definition: out = softmax(q k / sqrt(d)) v,
 * lse = ln sum exp(q k / sqrt(d)). Independent of the kernel and of its tiling; for tests.
 * Shapes as in RankArena; rows that attend to nothing have out 0 and lse -Infinity.
 */
export function bruteForce(shape: RankShape, q: Float32Array, blocks: readonly ReferenceBlock[]): { out: Float64Array; lse: Float64Array } {
  const { batch, heads, kvHeads, headDim, tokens } = shape
  const out = new Float64Array(q.length)
  const lse = new Float64Array(batch * heads * tokens).fill(-Infinity)
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = b * kvHeads + Math.floor(h / (heads / kvHeads))
      for (let i = 0; i < tokens; i++) {
        const row = (b * heads + h) * tokens + i
        const pairs: { score: number; value: Float32Array }[] = []
        for (const { k, v, ranges } of blocks) {
          for (let j = ranges.from[i]; j < ranges.to[i]; j++) {
            const at = (kvHead * tokens + j) * headDim
            let dot = 0
            for (let d = 0; d < headDim; d++) dot += q[row * headDim + d] * k[at + d]
            pairs.push({ score: dot / Math.sqrt(headDim), value: v.subarray(at, at + headDim) })
          }
        }
        if (pairs.length === 0) continue
        const most = pairs.reduce((best, { score }) => Math.max(best, score), -Infinity)
        let sum = 0
        for (const { score, value } of pairs) {
          const weight = Math.exp(score - most)
          sum += weight
          for (let d = 0; d < headDim; d++) out[row * headDim + d] += weight * value[d]
        }
        for (let d = 0; d < headDim; d++) out[row * headDim + d] /= sum
        lse[row] = most + Math.log(sum)
      }
    }
  }
  return { out, lse }
}
