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

export interface PackOptions {
  /** Multiplies every element. */
  readonly factor?: number
  /** Which rows of a slice are copied; the others are 0, whatever the source holds there. By default all. */
  readonly keep?: (slice: number, row: number) => boolean
}

/**
 * Rows of every slice, one slice after another: [slices, rows, headDim].
 * Query heads that share a key/value head are neighbours, so the result is also [kvSlices, group x rows, headDim].
 */
export function packRows(source: Float32Array, slices: SliceSpan, rows: RowSpan, { factor = 1, keep }: PackOptions = {}): Float32Array<ArrayBuffer> {
  const { first, count, tokens, headDim } = slices
  const rowCount = rows.to - rows.from
  const packed = new Float32Array(count * rowCount * headDim)
  for (let slice = 0; slice < count; slice++) {
    const from = ((first + slice) * tokens + rows.from) * headDim
    if (keep === undefined) {
      packed.set(source.subarray(from, from + rowCount * headDim), slice * rowCount * headDim)
      continue
    }
    for (let row = 0; row < rowCount; row++) {
      if (!keep(first + slice, rows.from + row)) continue
      const at = from + row * headDim
      packed.set(source.subarray(at, at + headDim), (slice * rowCount + row) * headDim)
    }
  }
  if (factor !== 1) for (let at = 0; at < packed.length; at++) packed[at] *= factor
  return packed
}

/**
 * Rows of every slice as columns: [slices / group, headDim, group x rows], the rows of a group's slices side by side.
 * @param group slices that are one operand: the query heads of a key/value head, or 1.
 */
export function packColumns(
  source: Float32Array, slices: SliceSpan, rows: RowSpan, group: number, { factor = 1, keep }: PackOptions = {},
): Float32Array<ArrayBuffer> {
  const { first, count, tokens, headDim } = slices
  const rowCount = rows.to - rows.from
  const packed = new Float32Array(count * headDim * rowCount)
  for (let slice = 0; slice < count; slice++) {
    const target = columnStart(slice, group, headDim, rowCount)
    for (let row = 0; row < rowCount; row++) {
      if (keep !== undefined && !keep(first + slice, rows.from + row)) continue
      const from = ((first + slice) * tokens + rows.from + row) * headDim
      for (let dim = 0; dim < headDim; dim++) packed[target + dim * group * rowCount + row] = source[from + dim] * factor
    }
  }
  return packed
}

/** Where the column of a slice's first row begins, in [slices / group, headDim, group x rows]. */
function columnStart(slice: number, group: number, headDim: number, rowCount: number): number {
  return Math.floor(slice / group) * group * headDim * rowCount + (slice % group) * rowCount
}

/** Writes [slices, rows, headDim] back to its place among all rows. */
export function unpackRows(packed: Float32Array, target: Float32Array, slices: SliceSpan, rows: RowSpan): void {
  const { first, count, tokens, headDim } = slices
  const length = (rows.to - rows.from) * headDim
  for (let slice = 0; slice < count; slice++) {
    target.set(packed.subarray(slice * length, (slice + 1) * length), ((first + slice) * tokens + rows.from) * headDim)
  }
}

/** Adds [slices, rows, headDim] to its place among all rows. */
export function addRows(packed: Float32Array, target: Float32Array, slices: SliceSpan, rows: RowSpan): void {
  const { first, count, tokens, headDim } = slices
  const length = (rows.to - rows.from) * headDim
  for (let slice = 0; slice < count; slice++) {
    const to = ((first + slice) * tokens + rows.from) * headDim
    for (let at = 0; at < length; at++) target[to + at] += packed[slice * length + at]
  }
}

/** Adds `factor` times [slices / group, headDim, group x rows] to the rows that its columns stand for. */
export function addColumns(
  packed: Float32Array, target: Float32Array, slices: SliceSpan, rows: RowSpan, group: number, factor: number,
): void {
  const { first, count, tokens, headDim } = slices
  const rowCount = rows.to - rows.from
  for (let slice = 0; slice < count; slice++) {
    const source = columnStart(slice, group, headDim, rowCount)
    for (let row = 0; row < rowCount; row++) {
      const to = ((first + slice) * tokens + rows.from + row) * headDim
      for (let dim = 0; dim < headDim; dim++) target[to + dim] += packed[source + dim * group * rowCount + row] * factor
    }
  }
}
