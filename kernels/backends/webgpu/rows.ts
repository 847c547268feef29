import { rowVec4sOf } from './tiling.ts'

/**
 * Between a rank's tensors, rows of headDim elements, and the device's, rows of whole vec4s with zeros behind. The same
 * where 4 divides headDim, and then nothing is copied.
 */
export class DeviceRows {
  readonly #headDim: number
  readonly #width: number

  constructor(headDim: number) {
    this.#headDim = headDim
    this.#width = 4 * rowVec4sOf(headDim)
  }

  /** float32 elements on the device of a tensor with `elements` elements. */
  deviceFloats(elements: number): number {
    return (elements / this.#headDim) * this.#width
  }

  /** What to upload. */
  toDevice(tensor: Float32Array): Float32Array {
    if (this.#width === this.#headDim) return tensor
    const wide = new Float32Array(this.deviceFloats(tensor.length))
    for (let from = 0, to = 0; from < tensor.length; from += this.#headDim, to += this.#width) {
      wide.set(tensor.subarray(from, from + this.#headDim), to)
    }
    return wide
  }

  /** Puts a part of a device's tensor, from its element `from` on, in its place in `tensor`, or adds it there. */
  fromDevice(part: Float32Array, from: number, tensor: Float32Array, how: 'set' | 'add'): void {
    if (this.#width === this.#headDim && how === 'set') {
      tensor.set(part, from)
      return
    }
    // A part may begin and end within a row.
    let row = Math.floor(from / this.#width)
    let column = from % this.#width
    for (const value of part) {
      if (column < this.#headDim) {
        const at = row * this.#headDim + column
        tensor[at] = how === 'set' ? value : tensor[at] + value
      }
      if (++column === this.#width) {
        column = 0
        row++
      }
    }
  }
}
