import type { Mask } from '../config/runConfig.ts'
import { clipRun, type PositionRun } from './layout.ts'

/** 1 + 2 + … + n, and 0 for n <= 0. */
const triangle = (n: number): number => (n > 0 ? (n * (n + 1)) / 2 : 0)

/** Pairs (q, k) of two runs of equal stride with q >= k, in closed form. */
function causalPairs(query: PositionRun, key: PositionRun): number {
  if (query.count === 0 || key.count === 0) return 0
  // Row a of the query run sees key rows b with a - b >= shift.
  const shift = Math.ceil((key.start - query.start) / query.stride)
  const upTo = (last: number): number => triangle(last - shift) - triangle(last - shift - key.count)
  return upTo(query.count) - upTo(0)
}

/**
 * Exact number of (query, key) pairs between two shards, without enumerating them. Padding counts for nothing.
 * Runs of one layout share their stride, which the closed form relies on. Reference section 2.5.
 */
export function pairsBetween(mask: Mask, query: readonly PositionRun[], key: readonly PositionRun[], seqLen: number): number {
  let pairs = 0
  for (const queryRun of query) {
    const q = clipRun(queryRun, seqLen)
    for (const keyRun of key) {
      const k = clipRun(keyRun, seqLen)
      pairs += mask === 'full' ? q.count * k.count : causalPairs(q, k)
    }
  }
  return pairs
}
