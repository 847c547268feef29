import type { Tensor, TfCore } from './tfcore.ts'
import { additiveMask, type TileMask, transposedMask } from './tiles.ts'

/** Partial-tile masks kept between steps; a run of any layout needs a handful. */
const MOST_CACHED_MASKS = 32

/** The masks of partial tiles on the device, made once for equal ones. */
export class MaskTensors {
  readonly #tf: TfCore
  readonly #tensors = new Map<string, Tensor>()

  constructor(tf: TfCore) {
    this.#tf = tf
  }

  /**
   * Makes sure that these masks are on the device. Call before a step is computed, so that nothing is copied within.
   * @returns those that were not there yet.
   */
  prepare(masks: Iterable<TileMask | null>, transposed: boolean): Tensor[] {
    if (this.#tensors.size > MOST_CACHED_MASKS) this.dispose()
    const before = this.#tensors.size
    for (const mask of masks) if (mask !== null) this.get(mask, transposed)
    return [...this.#tensors.values()].slice(before)
  }

  /** 0 where a pair is allowed, MASKED_SCORE elsewhere: [rows, columns], transposed [columns, 1, rows]. */
  get(mask: TileMask, transposed: boolean): Tensor {
    const key = `${transposed ? 't' : ''}${mask.key}`
    const cached = this.#tensors.get(key)
    if (cached !== undefined) return cached
    const tensor = this.#tf.keep(transposed
      ? this.#tf.tensor3d(transposedMask(mask), [mask.columns, 1, mask.rows])
      : this.#tf.tensor2d(additiveMask(mask), [mask.rows, mask.columns]))
    this.#tensors.set(key, tensor)
    return tensor
  }

  dispose(): void {
    this.#tf.dispose([...this.#tensors.values()])
    this.#tensors.clear()
  }
}
