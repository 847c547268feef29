import type { MaskTensors } from './masks.ts'
import type { Tensor3D, TfRuntime } from './tfcore.ts'
import type { QueryTiles, TileMask } from './tiles.ts'

/**
 * Normalised output [G, rows, headDim] and log-sum-exp [G, rows, 1] of a block of query rows. G key/value slices;
 * rows = (heads / kvHeads) x the block's rows, so that query heads that share a key/value head are one operand.
 */
export interface PartialTensors {
  readonly out: Tensor3D
  readonly lse: Tensor3D
}

/** K and V of a block of key rows: k [G, headDim, rows] or [G, rows, headDim] as the runtime asks, v [G, rows, headDim]. */
export interface KeyTensors {
  readonly k: Tensor3D
  readonly v: Tensor3D
}

/**
 * Tiled attention in tfjs operations, the same code on every tfjs backend. Per tile:
 *
 *   S = Q K^T (+ mask, on partial tiles only);  P = softmax(S);  O_b = P V;  L_b = max(S) - ln(max(P))
 *
 * since the largest softmax weight is exp(max - lse). This spares exp and sum passes over S, which tfjs does not fuse.
 * Partial results join by the formula of kernels/attention/merge.ts, in tensors. A row without allowed pairs carries
 * about MASKED_SCORE as its log-sum-exp: finite, so nothing is NaN, and without weight as soon as a real key is joined.
 */
export class ForwardKernel {
  readonly #runtime: TfRuntime
  readonly #masks: MaskTensors

  constructor(runtime: TfRuntime, masks: MaskTensors) {
    this.#runtime = runtime
    this.#masks = masks
  }

  /**
   * One block of query rows against its tiles.
   * @param query [G, rows, headDim], already scaled by headDim^-1/2
   * @param keys by key block; those the tiles name are there
   */
  attend(query: Tensor3D, tiles: QueryTiles['tiles'], keys: ReadonlyMap<number, KeyTensors>): PartialTensors {
    let result: PartialTensors | undefined
    for (const tile of tiles) {
      const block = keys.get(tile.keyBlock)
      if (block === undefined) throw new RangeError(`key block ${tile.keyBlock} was not taken in`)
      const partial = this.#attendTile(query, block, tile.mask)
      result = result === undefined ? partial : this.join(result, partial)
    }
    if (result === undefined) throw new RangeError('a block of query rows needs at least one tile')
    return result
  }

  #attendTile(query: Tensor3D, { k, v }: KeyTensors, mask: TileMask | null): PartialTensors {
    const { tf, transposesOnHost } = this.#runtime
    return tf.tidy(() => {
      let scores: Tensor3D = tf.matMul(query, k, false, !transposesOnHost)
      if (mask !== null) {
        const perHead = tf.reshape(scores, [-1, mask.rows, mask.columns])
        scores = tf.reshape(tf.add(perHead, this.#masks.get(mask, false)), scores.shape)
      }
      const weights: Tensor3D = tf.softmax(scores)
      const out: Tensor3D = tf.matMul(weights, v)
      const lse = tf.sub(tf.max(scores, -1, true), tf.log(tf.max(weights, -1, true)))
      return { out, lse: lse as Tensor3D }
    })
  }

  /** Joins two partial results of the same rows; disposes both. */
  join(first: PartialTensors, second: PartialTensors): PartialTensors {
    const { tf } = this.#runtime
    const joined = tf.tidy(() => {
      const most = tf.maximum(first.lse, second.lse)
      const w = tf.exp(tf.sub(first.lse, most))
      const v = tf.exp(tf.sub(second.lse, most))
      const sum = tf.add(w, v)
      const out = tf.add(tf.mul(first.out, tf.div(w, sum)), tf.mul(second.out, tf.div(v, sum)))
      return { out: out as Tensor3D, lse: tf.add(most, tf.log(sum)) as Tensor3D }
    })
    this.release([first, second])
    return joined
  }

  release(partials: readonly PartialTensors[]): void {
    this.#runtime.tf.dispose(partials.flatMap(({ out, lse }) => [out, lse]))
  }
}
