import { attends } from '../attends.ts'
import { inputValue, type TensorName } from '../inputs.ts'
import { kvHeadOf, type AttentionProblem } from '../reference.ts'

/** Tensors of one batch item, float64: q and dOut [heads, seqLen, headDim], k and v [kvHeads, seqLen, headDim]. */
export interface DenseInputs {
  readonly q: Float64Array
  readonly k: Float64Array
  readonly v: Float64Array
  readonly dOut: Float64Array
}

/** Shapes of the inputs; lse [heads, seqLen]. */
export interface DenseResult {
  readonly out: Float64Array
  readonly lse: Float64Array
  readonly dq: Float64Array
  readonly dk: Float64Array
  readonly dv: Float64Array
}

export function denseInputs(problem: AttentionProblem, item: number): DenseInputs {
  const { seed, heads, kvHeads, seqLen, headDim } = problem
  const tensor = (name: TensorName, count: number): Float64Array => Float64Array.from({ length: count * seqLen * headDim }, (_, at) =>
    inputValue(seed, name, item, Math.floor(at / (seqLen * headDim)), Math.floor(at / headDim) % seqLen, at % headDim))
  return { q: tensor('q', heads), k: tensor('k', kvHeads), v: tensor('v', kvHeads), dOut: tensor('dout', heads) }
}

/**
 * Whole attention of one batch item with its gradients, every pair of positions by the definition: O(seqLen^2), for small
 * problems. The gradient of the softmax is written out as its Jacobian, not as a backward pass has it.
 */
export function denseAttention(problem: AttentionProblem, item: number, { q, k, v, dOut }: DenseInputs = denseInputs(problem, item)): DenseResult {
  const { heads, seqLen, headDim } = problem
  const scale = 1 / Math.sqrt(headDim)
  const result: DenseResult = {
    out: new Float64Array(q.length), lse: new Float64Array(heads * seqLen).fill(-Infinity),
    dq: new Float64Array(q.length), dk: new Float64Array(k.length), dv: new Float64Array(v.length),
  }
  for (let head = 0; head < heads; head++) {
    const keyHead = kvHeadOf(problem, head) * seqLen * headDim
    for (let query = 0; query < seqLen; query++) {
      const row = (head * seqLen + query) * headDim
      const keys = Array.from({ length: seqLen }, (_, key) => key).filter((key) => attends(problem, item, query, key))
      const scores = keys.map((key) => scale * dotAt(q, row, k, keyHead + key * headDim, headDim))
      const most = Math.max(...scores)
      const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0)
      if (keys.length === 0) continue
      result.lse[head * seqLen + query] = most + Math.log(sum)
      const weights = scores.map((score) => Math.exp(score - most) / sum)
      const dWeights = keys.map((key) => dotAt(dOut, row, v, keyHead + key * headDim, headDim))
      keys.forEach((key, at) => {
        const keyRow = keyHead + key * headDim
        let dScore = 0
        weights.forEach((weight, other) => { dScore += dWeights[other] * weights[at] * ((other === at ? 1 : 0) - weight) })
        for (let dim = 0; dim < headDim; dim++) {
          result.out[row + dim] += weights[at] * v[keyRow + dim]
          result.dv[keyRow + dim] += weights[at] * dOut[row + dim]
          result.dq[row + dim] += scale * dScore * k[keyRow + dim]
          result.dk[keyRow + dim] += scale * dScore * q[row + dim]
        }
      })
    }
  }
  return result
}

function dotAt(a: Float64Array, atA: number, b: Float64Array, atB: number, length: number): number {
  let sum = 0
  for (let dim = 0; dim < length; dim++) sum += a[atA + dim] * b[atB + dim]
  return sum
}
