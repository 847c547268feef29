import type { PlanBasis } from './basis.ts'
import { positionAt, rowsBelow } from './layout.ts'

/**
 * Local query rows of a block that lie where any of its keys can be in sight: under a causal mask not those before the first
 * key, with a lookback window not those too far behind the last one. Of zigzag's steps that is all queries or their second
 * half, as implementations compute them (reference section 2.4). Documents between are not looked at.
 * @param query @param key ring positions of a block that has pairs.
 */
export function blockRows({ config: { mask, seqLen, lookback }, shards }: PlanBasis, query: number, key: number): number {
  const keys = shards[key]
  const keyRows = rowsBelow(keys, seqLen)
  if (keyRows === 0) return 0
  const from = mask === 'full' ? 0 : positionAt(keys, 0)
  const to = lookback === null ? seqLen : Math.min(seqLen, positionAt(keys, keyRows - 1) + lookback + 1)
  return Math.max(0, rowsBelow(shards[query], to) - rowsBelow(shards[query], from))
}
