import type { RunConfig } from '../config/runConfig.ts'
import { attends, keyBounds } from './attends.ts'
import type { AttentionProblem } from './reference.ts'

/** Multiply-adds that checking a shard's output rows may cost, unless the fewest rows cost more. */
const WORK_LIMIT = 2e8
/** And its rows of dK and dV, which may cost too much one by one: then there are none. About a second on one core. */
const KEY_WORK_LIMIT = 8e8
/** No further head is begun once so much is spent: one is enough where keys are dear. */
const KEY_WORK_PLENTY = 1e8
const FEWEST_ROWS = 8
const MOST_ROWS = 64
/** Key rows of one head that are looked at, and heads: finding out what a row costs costs something too. */
const MOST_KEYS_OF_HEAD = 8
const MOST_KEY_HEADS = 16
/** Multiply-adds for every pair and dimension: scores and output; these with the query's gradient; the gradients of one key. */
const FORWARD_WORK = 2
const QUERY_GRADIENT_WORK = 4
const KEY_GRADIENT_WORK = 3

/** A row of a shard to check. */
export interface CheckedRow {
  /** Batch item and head, counted among those of the tensor. */
  readonly item: number
  readonly head: number
  /** Local row. */
  readonly row: number
}

/** Deterministic, evenly spread sequence in [0, 1): multiples of the golden ratio. */
const spread = (index: number, seed: number): number => ((seed * 0.754_877_666 + (index + 1) * 0.618_033_988_749_895) % 1)

/** The first and last row, those on both sides of the middle (where a zigzag shard's two chunks meet), and spread ones. */
function* rowSequence(tokens: number, realRows: number, seed: number): Generator<number> {
  const half = Math.floor(tokens / 2)
  yield* [0, realRows - 1, half, half - 1, half + 1, 1].filter((row) => row >= 0 && row < realRows)
  for (let index = 0; ; index++) yield Math.floor(spread(index, seed) * realRows)
}

/** The tensor whose rows are chosen: its own batch items and heads. */
export type CheckedTensor = Pick<RunConfig, 'batch' | 'heads' | 'headDim' | 'seqLen' | 'seed'>

/**
 * Which output rows of a shard are checked: the edges of the shard and of its halves, the last before padding, and others
 * spread over the shard; batch items and heads take turns.
 * @param realRows local rows that are not padding
 * @param gradients whether the query's gradient is computed with each row
 */
export function rowsToCheck(tensor: CheckedTensor, tokens: number, realRows: number, gradients = false): CheckedRow[] {
  if (realRows === 0) return []
  const slices = tensor.batch * tensor.heads
  const rowCost = (gradients ? QUERY_GRADIENT_WORK : FORWARD_WORK) * tensor.seqLen * tensor.headDim
  const affordable = Math.floor(WORK_LIMIT / rowCost)
  const count = Math.min(slices * realRows, Math.max(FEWEST_ROWS, Math.min(affordable, Math.max(MOST_ROWS, slices))))
  const chosen = new Map<number, CheckedRow>()
  let index = 0
  for (const row of rowSequence(tokens, realRows, tensor.seed)) {
    // Past one round of all slices the offset shifts, so that a row meets other heads than before.
    const slice = (index + Math.floor(index / slices)) % slices
    chosen.set(slice * realRows + row, { item: Math.floor(slice / tensor.heads), head: slice % tensor.heads, row })
    index++
    if (chosen.size >= count || index > 64 * count + 1024) break
  }
  return [...chosen.values()]
}

/**
 * Which rows of dK and dV are checked. A key's gradient needs every query that attends to it, with all the keys that those
 * attend to: so the rows that can be had for {@link KEY_WORK_LIMIT}, those of one head sharing their queries. May be none:
 * each key of a long sequence is attended to by too many.
 * @param items batch items of the tensor, `firstItem` of the whole batch being the first of them
 * @param positions global position of each local row; the first `realRows` are not padding
 */
export function keysToCheck(
  problem: AttentionProblem, firstItem: number, items: number, positions: Int32Array, realRows: number,
): CheckedRow[] {
  const { kvHeads, heads, headDim, seed } = problem
  const chosen: CheckedRow[] = []
  if (realRows === 0) return chosen
  const workPerUnit = headDim * (heads / kvHeads)
  let budget = KEY_WORK_LIMIT / workPerUnit
  const slices = items * kvHeads
  for (let index = 0; index < Math.min(slices, MOST_KEY_HEADS); index++) {
    if (KEY_WORK_LIMIT - budget * workPerUnit > KEY_WORK_PLENTY) break
    const slice = (index + seed) % slices
    const item = Math.floor(slice / kvHeads)
    const queries = new Set<number>()
    const rows = new Set<number>()
    let tried = 0
    for (const row of rowSequence(positions.length, realRows, seed + slice)) {
      if (tried++ === MOST_KEYS_OF_HEAD) break
      const cost = addQueriesOf(problem, firstItem + item, positions[row], queries, budget)
      if (cost === null) continue
      budget -= cost
      rows.add(row)
    }
    chosen.push(...Array.from(rows, (row) => ({ item, head: slice % kvHeads, row })))
  }
  return chosen
}

/**
 * Adds the queries that attend to a key to those already needed.
 * @returns the work that this adds, in multiply-adds for every dimension; null, and adds none, when it is beyond the budget
 */
function addQueriesOf(problem: AttentionProblem, item: number, key: number, queries: Set<number>, budget: number): number | null {
  const added: number[] = []
  let cost = 0
  for (let query = 0; query < problem.seqLen; query++) {
    if (!attends(problem, item, query, key)) continue
    cost += KEY_GRADIENT_WORK
    if (!queries.has(query)) {
      const [from, to] = keyBounds(problem, item, query)
      cost += FORWARD_WORK * (to - from)
      added.push(query)
    }
    if (cost > budget) return null
  }
  for (const query of added) queries.add(query)
  return cost
}
