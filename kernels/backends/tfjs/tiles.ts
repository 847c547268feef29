import type { KeyRanges } from '../../plan/keyRanges.ts'

/** Half-open interval of local rows. */
export interface RowSpan {
  readonly from: number
  readonly to: number
}

/** `rows` cut in blocks of `block`, the last one shorter where it does not divide. */
export function cutRows(rows: number, block: number): RowSpan[] {
  return Array.from({ length: Math.ceil(rows / block) }, (_, index) => ({
    from: index * block, to: Math.min(rows, (index + 1) * block),
  }))
}

/** One tile that is computed. */
export interface KeyTile {
  /** Index of the block of key rows. */
  readonly keyBlock: number
  /** Null where every pair of the tile is allowed. */
  readonly mask: TileMask | null
}

/** The allowed columns of each row of a partial tile, relative to the tile: `from[i] <= j < to[i]`. */
export interface TileMask {
  readonly rows: number
  readonly columns: number
  readonly from: Int32Array
  readonly to: Int32Array
  /** Equal for equal masks: tiles along a diagonal share one. */
  readonly key: string
}

/** The tiles of one block of query rows; none where the whole block attends to nothing. */
export interface QueryTiles {
  readonly queryBlock: number
  readonly tiles: readonly KeyTile[]
}

/** Which tiles a step computes, in order; tiles without an allowed pair are left out. */
export function planTiles(ranges: KeyRanges, queryBlocks: readonly RowSpan[], keyBlocks: readonly RowSpan[]): QueryTiles[] {
  const plan: QueryTiles[] = []
  queryBlocks.forEach((query, queryBlock) => {
    const tiles: KeyTile[] = []
    keyBlocks.forEach((keys, keyBlock) => {
      const mask = maskOf(ranges, query, keys)
      if (mask !== 'none') tiles.push({ keyBlock, mask: mask === 'all' ? null : mask })
    })
    if (tiles.length > 0) plan.push({ queryBlock, tiles })
  })
  return plan
}

/** One key block's tiles: the query blocks that attend to it. */
export interface KeyBlockTiles {
  readonly keyBlock: number
  readonly tiles: readonly { readonly queryBlock: number; readonly mask: TileMask | null }[]
}

/** The same tiles, gathered by block of key rows. */
export function byKeyBlock(plan: readonly QueryTiles[]): KeyBlockTiles[] {
  const tiles = plan.flatMap(({ queryBlock, tiles: ofQuery }) => ofQuery.map(({ keyBlock, mask }) => ({ keyBlock, queryBlock, mask })))
  return [...Map.groupBy(tiles, ({ keyBlock }) => keyBlock)].map(([keyBlock, ofKeys]) => ({ keyBlock, tiles: ofKeys }))
}

/** Which key rows any query row attends to: 1, else 0. Uint8Array[keyRows]. */
export function attendedKeys(ranges: KeyRanges, keyRows: number): Uint8Array {
  const starts = new Int32Array(keyRows + 1)
  for (let row = 0; row < ranges.to.length; row++) {
    if (ranges.to[row] <= ranges.from[row]) continue
    starts[ranges.from[row]]++
    starts[ranges.to[row]]--
  }
  const attended = new Uint8Array(keyRows)
  let open = 0
  for (let row = 0; row < keyRows; row++) {
    open += starts[row]
    attended[row] = open > 0 ? 1 : 0
  }
  return attended
}

function maskOf(ranges: KeyRanges, query: RowSpan, keys: RowSpan): 'none' | 'all' | TileMask {
  const rows = query.to - query.from
  const columns = keys.to - keys.from
  const from = new Int32Array(rows)
  const to = new Int32Array(rows)
  let allowed = 0
  for (let row = 0; row < rows; row++) {
    const first = Math.max(0, ranges.from[query.from + row] - keys.from)
    const end = Math.min(columns, ranges.to[query.from + row] - keys.from)
    if (end <= first) continue
    from[row] = first
    to[row] = end
    allowed += end - first
  }
  if (allowed === 0) return 'none'
  if (allowed === rows * columns) return 'all'
  return { rows, columns, from, to, key: `${columns}:${from.join()}:${to.join()}` }
}

/**
 * Score of a pair that is not allowed. Finite, so that a row without any allowed pair gives an average of values and a
 * log-sum-exp of about this, never NaN; far below any real score, and small enough that sums of a few stay finite.
 */
export const MASKED_SCORE = -1e30

/** What is added to a tile's scores: 0 where allowed, {@link MASKED_SCORE} elsewhere. Float32Array[rows, columns]. */
export function additiveMask(mask: TileMask): Float32Array<ArrayBuffer> {
  const values = new Float32Array(mask.rows * mask.columns).fill(MASKED_SCORE)
  for (let row = 0; row < mask.rows; row++) {
    values.fill(0, row * mask.columns + mask.from[row], row * mask.columns + mask.to[row])
  }
  return values
}

/** The same transposed: Float32Array[columns, rows]. */
export function transposedMask(mask: TileMask): Float32Array<ArrayBuffer> {
  const values = new Float32Array(mask.columns * mask.rows).fill(MASKED_SCORE)
  for (let row = 0; row < mask.rows; row++) {
    for (let column = mask.from[row]; column < mask.to[row]; column++) values[column * mask.rows + row] = 0
  }
  return values
}
