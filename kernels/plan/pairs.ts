import { clipRun, type PositionRun, tokensOfRuns } from './layout.ts'
import { alikeItems, documentAt, type MaskRule } from './mask.ts'

/** 1 + 2 + … + n, and 0 for n <= 0. */
const triangle = (n: number): number => (n > 0 ? (n * (n + 1)) / 2 : 0)

/** Pairs (a, b) of 0 <= a < rows and 0 <= b < columns with a - b >= shift, in closed form. */
const shifted = (rows: number, columns: number, shift: number): number =>
  triangle(rows - shift) - triangle(rows - shift - columns) - triangle(-shift) + triangle(-shift - columns)

/**
 * Pairs (q, k) of two runs with q - k >= distance, in closed form. Runs of one layout share their stride; a pair of groups
 * a and b apart by a - b strides differs within the groups by less than a stride each way, so few distances of groups occur.
 */
function pairsApart(query: PositionRun, key: PositionRun, distance: number): number {
  const apart = distance - (query.start - key.start)
  if (query.count === 1 && key.count === 1) return shifted(query.width, key.width, apart)
  const { stride } = query
  if (query.width === 1 && key.width === 1) return shifted(query.count, key.count, Math.ceil(apart / stride))
  let pairs = 0
  const nearest = Math.ceil((apart - (query.width - 1)) / stride)
  const farthest = Math.ceil((apart + (key.width - 1)) / stride)
  for (let groups = nearest; groups <= farthest; groups++) {
    // Within groups the difference must lie in [apart - groups * stride, apart - (groups - 1) * stride).
    const within = shifted(query.width, key.width, apart - groups * stride) -
      shifted(query.width, key.width, apart - (groups - 1) * stride)
    pairs += within * shifted(query.count, key.count, groups)
  }
  return pairs
}

/** Real tokens of a shard that lie in one document. */
interface DocumentPart {
  readonly document: number
  readonly runs: readonly PositionRun[]
}

/** Cuts a shard by documents and at `limit`; parts ascend. */
function documentParts(shard: readonly PositionRun[], boundaries: readonly number[], limit: number): DocumentPart[] {
  const parts: { document: number; runs: PositionRun[] }[] = []
  for (const run of shard) {
    const end = run.start + (run.count - 1) * run.stride + run.width
    const last = documentAt(boundaries, Math.min(end, limit) - 1)
    for (let document = documentAt(boundaries, run.start); document <= last; document++) {
      const before = parts.at(-1)
      const runs = before?.document === document ? before.runs : []
      clipRun(run, boundaries[document], Math.min(boundaries[document + 1], limit), runs)
      if (runs.length > 0 && before?.runs !== runs) parts.push({ document, runs })
    }
  }
  return parts
}

/** Exact number of (query, key) pairs between two shards, which are given by their numbers. */
export type PairCounter = (queryShard: number, keyShard: number) => number

/**
 * Counts pairs between shards without enumerating them, in time independent of the sequence length: causal masks in closed
 * form, a lookback window as the difference of two shifted ones, documents by cutting shards, key padding by cutting keys.
 * Padding counts for nothing. Reference section 2.5.
 * @param shards of one layout: their runs share a stride.
 * @param items batch items whose pairs are summed.
 */
export function pairCounter(rule: MaskRule, shards: readonly (readonly PositionRun[])[], items: readonly number[]): PairCounter {
  const { mask, seqLen, lookback, cuSeqlens, keyPadding } = rule
  const boundaries = cuSeqlens ?? [0, seqLen]
  const queries = shards.map((shard) => documentParts(shard, boundaries, seqLen))
  const keysOfLength = alikeItems(rule, items).map(({ item, count }) => {
    const length = keyPadding?.[item] ?? seqLen
    return { count, keys: length === seqLen ? queries : shards.map((shard) => documentParts(shard, boundaries, length)) }
  })

  const pairsOfRuns = (query: PositionRun, key: PositionRun): number =>
    pairsApart(query, key, 0) - (lookback === null ? 0 : pairsApart(query, key, lookback + 1))
  const pairsOfParts = (query: DocumentPart, key: DocumentPart): number => {
    if (mask === 'full') return tokensOfRuns(query.runs) * tokensOfRuns(key.runs)
    let pairs = 0
    for (const queryRun of query.runs) {
      for (const keyRun of key.runs) pairs += pairsOfRuns(queryRun, keyRun)
    }
    return pairs
  }

  return (queryShard, keyShard) => {
    let pairs = 0
    for (const { count, keys } of keysOfLength) {
      const query = queries[queryShard]
      const key = keys[keyShard]
      for (let q = 0, k = 0; q < query.length && k < key.length;) {
        if (query[q].document === key[k].document) pairs += count * pairsOfParts(query[q++], key[k++])
        else if (query[q].document < key[k].document) q++
        else k++
      }
    }
    return pairs
  }
}
