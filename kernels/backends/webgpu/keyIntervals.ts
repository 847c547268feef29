import type { KeyRanges } from '../../plan/keyRanges.ts'
import type { RankShape } from '../backend.ts'
import { TILE_COLUMNS } from './tiling.ts'
import { rangeLayout } from './wgsl.ts'

/** The least interval that holds the ranges of a tile's rows; [0, 0) where none has a key. */
function intervalOf({ from, to }: KeyRanges, first: number, end: number): readonly [number, number] {
  let least = Infinity
  let most = 0
  for (let row = first; row < end; row++) {
    if (to[row] <= from[row]) continue
    if (from[row] < least) least = from[row]
    if (to[row] > most) most = to[row]
  }
  return most === 0 ? [0, 0] : [least, most]
}

/**
 * Key ranges as the kernels read them: those of every row, then of every tile of columns and of rows.
 * @returns Int32Array of (from, to), room for every batch item; and whether there is any pair
 */
export function packIntervals(ranges: readonly KeyRanges[], shape: RankShape, tileRows: number): { readonly packed: Int32Array; readonly empty: boolean } {
  const { batch, tokens } = shape
  const layout = rangeLayout(batch, shape, tileRows)
  const packed = new Int32Array(2 * layout.entries)
  let empty = true
  ranges.forEach((ofItem, item) => {
    for (let row = 0, at = 2 * item * tokens; row < tokens; row++, at += 2) {
      packed[at] = ofItem.from[row]
      packed[at + 1] = ofItem.to[row]
    }
    for (const [{ first, count }, size] of [[layout.columns, TILE_COLUMNS], [layout.rows, tileRows]] as const) {
      for (let tile = 0; tile < count; tile++) {
        const interval = intervalOf(ofItem, tile * size, Math.min(tokens, (tile + 1) * size))
        packed.set(interval, 2 * (first + item * count + tile))
        if (interval[1] > 0) empty = false
      }
    }
  })
  return { packed, empty }
}
