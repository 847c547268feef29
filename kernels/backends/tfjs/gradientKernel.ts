import type { MaskTensors } from './masks.ts'
import type { Tensor3D, TfRuntime } from './tfcore.ts'
import type { TileMask } from './tiles.ts'

/** A matrix a slice, and where the runtime wants transposes from the host also that: rows [G, n, d], columns [G, d, n]. */
export interface Operand {
  readonly rows: Tensor3D
  readonly columns: Tensor3D | null
}

/**
 * A block of query rows of a backward pass. n = (heads / kvHeads) x the block's rows. `q` is scaled by headDim^-1/2;
 * `lse` and `delta` are [G, 1, n]. Rows without keys have q, dOut and delta 0 and an lse that is out of reach.
 */
export interface QueryOperands {
  readonly q: Operand
  readonly dOut: Operand
  readonly lse: Tensor3D
  readonly delta: Tensor3D
}

/** A block of key rows: v [G, rows, headDim]. */
export interface KeyOperands {
  readonly k: Operand
  readonly v: Tensor3D
}

/** dk, dv [G, rows, headDim] of a block of key rows. */
export interface KeyGradients {
  readonly dk: Tensor3D
  readonly dv: Tensor3D
}

export interface TileGradients extends KeyGradients {
  /** The query gradient transposed and without the scale: [G, headDim, n]. */
  readonly dq: Tensor3D
}

/**
 * The log-sum-exp given to rows without keys: exp(S - lse) is exactly 0 for whatever S the tile has.
 */
export const UNREACHABLE_LSE = 1e30

/**
 * The backward pass of a tile with the global log-sum-exp L and delta = rowsum(dO o O); FlashAttention-2 (Dao 2023),
 * algorithm 2. With keys as rows, so that every product is a plain one of operands that the host can lay out:
 *
 *   S' = K Q'^T (+ mask);  P' = exp(S' - L);  dV = P' dO;  dS' = P' o (V dO^T - delta);  dK = dS' Q';  dQ^T = K^T dS'
 *
 * where Q' = headDim^-1/2 Q; dQ is still to be multiplied by that factor.
 */
export class GradientKernel {
  readonly #runtime: TfRuntime
  readonly #masks: MaskTensors

  constructor(runtime: TfRuntime, masks: MaskTensors) {
    this.#runtime = runtime
    this.#masks = masks
  }

  tile(query: QueryOperands, keys: KeyOperands, mask: TileMask | null): TileGradients {
    const { tf } = this.#runtime
    return tf.tidy(() => {
      let scores = this.#timesTransposed(keys.k.rows, query.q)
      if (mask !== null) {
        const [slices, columns] = scores.shape
        const perHead = tf.reshape(scores, [slices, columns, -1, mask.rows])
        scores = tf.reshape(tf.add(perHead, this.#masks.get(mask, true)), scores.shape)
      }
      const weights: Tensor3D = tf.exp(tf.sub(scores, query.lse))
      const dv: Tensor3D = tf.matMul(weights, query.dOut.rows)
      const dWeights = this.#timesTransposed(keys.v, query.dOut)
      const dScores: Tensor3D = tf.mul(weights, tf.sub(dWeights, query.delta))
      const dk: Tensor3D = tf.matMul(dScores, query.q.rows)
      const dq = keys.k.columns === null ? tf.matMul(keys.k.rows, dScores, true) : tf.matMul(keys.k.columns, dScores)
      return { dk, dv, dq: dq as Tensor3D }
    })
  }

  #timesTransposed(left: Tensor3D, right: Operand): Tensor3D {
    const { tf } = this.#runtime
    return right.columns === null ? tf.matMul(left, right.rows, false, true) : tf.matMul(left, right.columns)
  }

  /** `sum + more`, disposing both; `more` itself where there is no sum yet. */
  add(sum: Tensor3D | undefined, more: Tensor3D): Tensor3D {
    if (sum === undefined) return more
    const { tf } = this.#runtime
    const total: Tensor3D = tf.add(sum, more)
    tf.dispose([sum, more])
    return total
  }
}
