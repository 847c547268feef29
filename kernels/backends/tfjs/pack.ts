import type { RowSpan } from './tiles.ts'

/**
 * Copies between a rank's buffers and the tiles the kernel computes on. Always copies into plain arrays: a tfjs backend
 * may keep the array a tensor was made from, and a ring slot is overwritten while such a tensor may still live.
 */
export interface SliceSpan {
  /** The first of the slices (batch x heads of the tensor), and their number. */
  readonly first: number
  readonly count: number
  /** Rows and elements per row of every slice. */
  readonly tokens: number
  readonly headDim: number
}

/**
 * Rows of every slice, one slice after another: [slices, rows, headDim], each element times `factor`.
 * Query heads that share a key/value head are neighbours, so the result is also [kvSlices, group x rows, headDim].
 */
export function packRows(source: Float32Array, slices: SliceSpan, rows: RowSpan, factor = 1): Float32Array<ArrayBuffer> {
  const { first, count, tokens, headDim } = slices
  const length = (rows.to - rows.from) * headDim
  const packed = new Float32Array(count * length)
  for (let slice = 0; slice < count; slice++) {
    const from = ((first + slice) * tokens + rows.from) * headDim
    packed.set(source.subarray(from, from + length), slice * length)
  }
  if (factor !== 1) for (let at = 0; at < packed.length; at++) packed[at] *= factor
  return packed
}

/** Rows of every slice as columns: [slices, headDim, rows]. */
export function packColumns(source: Float32Array, slices: SliceSpan, rows: RowSpan): Float32Array<ArrayBuffer> {
  const { first, count, tokens, headDim } = slices
  const columns = rows.to - rows.from
  const packed = new Float32Array(count * headDim * columns)
  for (let slice = 0; slice < count; slice++) {
    const target = slice * headDim * columns
    for (let row = 0; row < columns; row++) {
      const from = ((first + slice) * tokens + rows.from + row) * headDim
      for (let dim = 0; dim < headDim; dim++) packed[target + dim * columns + row] = source[from + dim]
    }
  }
  return packed
}

/** Writes [slices, rows, headDim] back to its place among all rows. */
export function unpackRows(packed: Float32Array, target: Float32Array, slices: SliceSpan, rows: RowSpan): void {
  const { first, count, tokens, headDim } = slices
  const length = (rows.to - rows.from) * headDim
  for (let slice = 0; slice < count; slice++) {
    target.set(packed.subarray(slice * length, (slice + 1) * length), ((first + slice) * tokens + rows.from) * headDim)
  }
}
