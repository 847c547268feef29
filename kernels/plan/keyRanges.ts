import { type MaskRule, visibleInterval } from './mask.ts'

/**
 * The mask between a query shard and a key shard: row i attends to local key rows `from[i] <= j < to[i]`, to none where
 * `from[i] >= to[i]`. Exact for every mask whose allowed positions form an interval, since local positions ascend.
 */
export interface KeyRanges {
  readonly from: Int32Array
  readonly to: Int32Array
}

/** Number of entries of the ascending `positions` that are below `limit`. */
export function countBelow(positions: Int32Array, limit: number): number {
  let low = 0
  let high = positions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (positions[middle] < limit) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The key range of every local query row of batch item `item`.
 * @param queryPositions Int32Array[cq], ascending
 * @param keyPositions Int32Array[ck], ascending
 */
export function keyRanges(rule: MaskRule, item: number, queryPositions: Int32Array, keyPositions: Int32Array): KeyRanges {
  const rows = queryPositions.length
  const from = new Int32Array(rows)
  const to = new Int32Array(rows)
  for (let row = 0; row < rows; row++) {
    const visible = visibleInterval(rule, item, queryPositions[row])
    if (visible.from >= visible.to) continue
    from[row] = countBelow(keyPositions, visible.from)
    to[row] = countBelow(keyPositions, visible.to)
  }
  return { from, to }
}

/** Number of (query, key) pairs that the ranges allow. */
export function countPairs(ranges: KeyRanges): number {
  let pairs = 0
  for (let row = 0; row < ranges.to.length; row++) pairs += Math.max(0, ranges.to[row] - ranges.from[row])
  return pairs
}

export interface TileCounts {
  readonly full: number
  readonly partial: number
  readonly skipped: number
}

/** Classifies every tile of `blockQ` query rows by `blockK` key rows as computed whole, in part, or not at all. */
export function countTiles(ranges: KeyRanges, keyRows: number, blockQ: number, blockK: number): TileCounts {
  const rows = ranges.to.length
  let full = 0
  let partial = 0
  let skipped = 0
  for (let q = 0; q < rows; q += blockQ) {
    const end = Math.min(rows, q + blockQ)
    let earliestFrom = keyRows
    let latestFrom = 0
    let earliestTo = keyRows
    let latestTo = 0
    for (let row = q; row < end; row++) {
      latestFrom = Math.max(latestFrom, ranges.from[row])
      earliestTo = Math.min(earliestTo, ranges.to[row])
      if (ranges.to[row] > ranges.from[row]) {
        earliestFrom = Math.min(earliestFrom, ranges.from[row])
        latestTo = Math.max(latestTo, ranges.to[row])
      }
    }
    for (let k = 0; k < keyRows; k += blockK) {
      const kEnd = Math.min(keyRows, k + blockK)
      if (k >= latestTo || kEnd <= earliestFrom) skipped++
      else if (latestFrom <= k && earliestTo >= kEnd) full++
      else partial++
    }
  }
  return { full, partial, skipped }
}
