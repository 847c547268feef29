import { type PositionRun, rowsBelow } from './layout.ts'
import type { MaskRule } from './mask.ts'

/** Blocks (a query shard against a key shard) in classes whose counts are equal, whatever is counted. */
export interface BlockClasses {
  readonly count: number
  of(query: number, key: number): number
}

/** Numbers shards by what `fact` says of them, equal ones alike. */
function classesBy(shards: readonly unknown[], fact: (shard: number) => string): { readonly of: Int32Array; readonly count: number } {
  const known = new Map<string, number>()
  const of = Int32Array.from(shards, (_, shard) => {
    const text = fact(shard)
    const number = known.get(text) ?? known.size
    known.set(text, number)
    return number
  })
  return { of, count: known.size }
}

/**
 * Classes of the blocks of one layout. Under a causal or full mask a row of one shard sees the same local rows of every shard
 * before it, and the same of every shard after it: in each layout of reference section 2.3 shards interleave alike, chunk by
 * chunk (the table of section 2.4). Key padding and the padded tail cut the rows of single shards. So the counts of a block
 * depend on which of its shards comes first and on how many real rows each has: a few classes, however many ranks there are.
 * A lookback window and documents depend on positions; with them every block is its own class.
 * @param items batch items whose key lengths matter.
 */
export function blockClasses(rule: MaskRule, shards: readonly (readonly PositionRun[])[], items: readonly number[]): BlockClasses {
  const { seqLen, lookback, cuSeqlens, keyPadding } = rule
  const { length } = shards
  if (lookback !== null || cuSeqlens !== null) return { count: length * length, of: (query, key) => query * length + key }
  const limits = [...new Set([seqLen, ...items.map((item) => keyPadding?.[item] ?? seqLen)])]
  const queries = classesBy(shards, (shard) => String(rowsBelow(shards[shard], seqLen)))
  const keys = classesBy(shards, (shard) => limits.map((limit) => rowsBelow(shards[shard], limit)).join())
  return {
    count: 3 * queries.count * keys.count,
    of: (query, key) => ((query > key ? 2 : query === key ? 1 : 0) * queries.count + queries.of[query]) * keys.count + keys.of[key],
  }
}

/** Counts once per class, when it is first asked for. */
export function oncePerClass(classes: BlockClasses, count: (query: number, key: number) => number): (query: number, key: number) => number {
  const known = new Float64Array(classes.count).fill(Number.NaN)
  return (query, key) => {
    const at = classes.of(query, key)
    const value = known[at]
    return Number.isNaN(value) ? known[at] = count(query, key) : value
  }
}
