import { sortByKey } from '../../../timeline/sortByKey.ts'

/** Rows by group: those of group g are `rows[from[g]]` to `rows[from[g + 1]]`, by time; of equal times as recorded. */
export interface RowGroups {
  readonly rows: Uint32Array
  readonly from: Uint32Array
}

/** Up to this many rows are sorted by insertion: most groups are a pair, and cost less than a call. */
const FEW = 24

/**
 * Groups rows by a dense key and sorts each group by time. O(n) where rows are nearly in order.
 * @param groupOf of each row, below `groups`.
 */
export function groupRows(groupOf: Uint32Array, groups: number, timeNs: Float64Array): RowGroups {
  const from = new Uint32Array(groups + 1)
  for (const group of groupOf) from[group + 1]++
  for (let group = 0; group < groups; group++) from[group + 1] += from[group]
  const next = from.slice()
  const rows = new Uint32Array(groupOf.length)
  for (let row = 0; row < groupOf.length; row++) rows[next[groupOf[row]]++] = row
  for (let group = 0; group < groups; group++) {
    const first = from[group]
    const end = from[group + 1]
    if (end - first <= FEW) insertionSort(rows, first, end, timeNs)
    else {
      const part = rows.subarray(first, end)
      const keys = new Float64Array(part.length)
      for (let at = 0; at < part.length; at++) keys[at] = timeNs[part[at]]
      sortByKey(keys, part)
    }
  }
  return { rows, from }
}

function insertionSort(rows: Uint32Array, first: number, end: number, timeNs: Float64Array): void {
  for (let at = first + 1; at < end; at++) {
    const row = rows[at]
    let to = at
    for (; to > first && timeNs[rows[to - 1]] > timeNs[row]; to--) rows[to] = rows[to - 1]
    rows[to] = row
  }
}
