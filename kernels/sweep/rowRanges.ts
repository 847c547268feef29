import type { KeyRanges } from '../plan/keyRanges.ts'

/** Keys that a run of query rows sees: [from, to) by some row, [allFrom, allTo) by every row. */
export interface SeenKeys {
  readonly from: number
  readonly to: number
  readonly allFrom: number
  readonly allTo: number
}

/** Null where no row of [first, end) sees a key. As findRanges() of kernels/assembly/ranges.ts. */
export function seenKeys({ from, to }: KeyRanges, first: number, end: number): SeenKeys | null {
  let [earliest, latest, allFrom, allTo] = [Infinity, 0, 0, Infinity]
  for (let row = first; row < end; row++) {
    allFrom = Math.max(allFrom, from[row])
    allTo = Math.min(allTo, to[row])
    if (from[row] >= to[row]) continue
    earliest = Math.min(earliest, from[row])
    latest = Math.max(latest, to[row])
  }
  return earliest < latest ? { from: earliest, to: latest, allFrom, allTo } : null
}
