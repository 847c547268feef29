import type { RunConfig } from '../config/runConfig.ts'
import { attends, keyBounds, type MaskDefinition } from './attends.ts'
import { fillRow } from './inputs.ts'

/** What the reference needs of a config. */
export type AttentionProblem = MaskDefinition & Pick<RunConfig, 'seed' | 'heads' | 'kvHeads' | 'headDim'>

export interface ReferenceRow {
  /** Float64Array[headDim]. */
  readonly out: Float64Array
  readonly lse: number
}

/** What a backward pass knows of a query row, and its gradient. */
export interface QueryGradientRow extends ReferenceRow {
  /** dO . O */
  readonly delta: number
  /** Float64Array[headDim]. */
  readonly dq: Float64Array
}

export interface KeyGradientRow {
  /** Float64Array[headDim]. */
  readonly dk: Float64Array
  readonly dv: Float64Array
}

/** A query row of one batch item. */
export interface QueryRow {
  readonly head: number
  /** Global position. */
  readonly position: number
}

/** A key row of one batch item. */
export interface KeyRow {
  readonly kvHead: number
  /** Global position. */
  readonly position: number
}

/** Queries handled together, so that each key and value row is generated once for all of them. */
const QUERIES_AT_ONCE = 64

/** The key/value head that a query head reads: consecutive query heads share one (grouped-query attention). */
export const kvHeadOf = (problem: Pick<AttentionProblem, 'heads' | 'kvHeads'>, head: number): number =>
  Math.floor(head / (problem.heads / problem.kvHeads))

/** A query row in the making. */
interface QueryState {
  readonly position: number
  readonly query: Float64Array
  /** Of the keys from `firstKey` on; -Infinity where the query does not attend to one. There are no others. */
  readonly scores: Float64Array
  readonly firstKey: number
  readonly out: Float64Array
  lse: number
}

/** One key/value head of a batch item, with the keys that count. Keys are named by their place in `positions`. */
interface KeyTensors {
  readonly problem: AttentionProblem
  readonly item: number
  readonly kvHead: number
  /** Null for every key at its own position. */
  readonly positions: Int32Array | null
}

function inputRow({ seed, headDim }: AttentionProblem, tensor: 'q' | 'k' | 'v' | 'dout', item: number, head: number, position: number): Float64Array {
  const row = new Float64Array(headDim)
  fillRow(row, seed, tensor, item, head, position)
  return row
}

/** Two sums side by side: one would wait for itself at every addition. */
function dot(a: Float64Array, b: Float64Array): number {
  let even = 0
  let odd = 0
  for (let dim = 0; dim + 1 < a.length; dim += 2) {
    even += a[dim] * b[dim]
    odd += a[dim + 1] * b[dim + 1]
  }
  return even + odd + (a.length % 2 === 1 ? a[a.length - 1] * b[a.length - 1] : 0)
}

const scoreOf = ({ scores, firstKey }: QueryState, key: number): number => scores[key - firstKey] ?? -Infinity

function addScaled(target: Float64Array, factor: number, row: Float64Array): void {
  for (let dim = 0; dim < row.length; dim++) target[dim] += factor * row[dim]
}

/** Calls `visit` for every key that a state has a score of, with the key's row of each of the tensors. */
function forScoredKeys(
  { problem, item, kvHead, positions }: KeyTensors, tensors: readonly ('k' | 'v')[], states: readonly QueryState[],
  visit: (state: number, key: number, rows: readonly Float64Array[]) => void,
): void {
  const rows = tensors.map(() => new Float64Array(problem.headDim))
  const firstKey = states.reduce((least, state) => Math.min(least, state.firstKey), Infinity)
  const endKey = states.reduce((most, state) => Math.max(most, state.firstKey + state.scores.length), 0)
  for (let key = firstKey; key < endKey; key++) {
    let filled = false
    for (let state = 0; state < states.length; state++) {
      if (scoreOf(states[state], key) === -Infinity) continue
      if (!filled) {
        tensors.forEach((tensor, at) => { fillRow(rows[at], problem.seed, tensor, item, kvHead, positions?.[key] ?? key) })
        filled = true
      }
      visit(state, key, rows)
    }
  }
}

/** softmax(Q K^T / sqrt(d)) V of query heads that share a key/value head: all scores, their maximum, then the weighted sum. */
function attendRows(keys: KeyTensors, queries: readonly QueryRow[]): QueryState[] {
  const { problem, item, positions } = keys
  const scale = 1 / Math.sqrt(problem.headDim)
  const states = queries.map(({ head, position }): QueryState => {
    const [from, to] = positions === null ? keyBounds(problem, item, position) : [0, positions.length]
    return {
      position, query: inputRow(problem, 'q', item, head, position), out: new Float64Array(problem.headDim), lse: -Infinity,
      firstKey: from, scores: new Float64Array(to - from),
    }
  })
  for (const { position, scores, firstKey } of states) {
    for (let at = 0; at < scores.length; at++) {
      if (!attends(problem, item, position, positions?.[firstKey + at] ?? firstKey + at)) scores[at] = -Infinity
    }
  }
  forScoredKeys(keys, ['k'], states, (at, key, [row]) => {
    const { scores, firstKey, query } = states[at]
    scores[key - firstKey] = scale * dot(query, row)
  })
  for (const state of states) {
    const most = state.scores.reduce((a, b) => Math.max(a, b), -Infinity)
    if (most === -Infinity) continue
    state.lse = most + Math.log(state.scores.reduce((sum, score) => sum + Math.exp(score - most), 0))
  }
  forScoredKeys(keys, ['v'], states, (at, key, [row]) => {
    addScaled(states[at].out, Math.exp(scoreOf(states[at], key) - states[at].lse), row)
  })
  return states
}

/** dO . O, and dQ = scale * sum over keys of P (dO . V - delta) K; reference section 2.2. */
function gradientRows(keys: KeyTensors, queries: readonly QueryRow[]): QueryGradientRow[] {
  const { problem, item } = keys
  const scale = 1 / Math.sqrt(problem.headDim)
  const states = attendRows(keys, queries)
  const gradients = states.map(({ out }, at) => {
    const dOut = inputRow(problem, 'dout', item, queries[at].head, queries[at].position)
    return { dOut, delta: dot(dOut, out), dq: new Float64Array(problem.headDim) }
  })
  forScoredKeys(keys, ['k', 'v'], states, (at, key, [keyRow, valueRow]) => {
    const { dOut, delta, dq } = gradients[at]
    addScaled(dq, scale * Math.exp(scoreOf(states[at], key) - states[at].lse) * (dot(dOut, valueRow) - delta), keyRow)
  })
  return states.map(({ out, lse }, at) => ({ out, lse, delta: gradients[at].delta, dq: gradients[at].dq }))
}

/** Applies a function of rows of one key/value head to queries of any heads, keeping their order. */
function byKvHead<Row>(
  problem: AttentionProblem, queries: readonly QueryRow[], rowsOf: (kvHead: number, queries: readonly QueryRow[]) => readonly Row[],
): Row[] {
  const results = new Array<Row>(queries.length)
  for (const [kvHead, indices] of Map.groupBy(queries.keys(), (index) => kvHeadOf(problem, queries[index].head))) {
    for (let from = 0; from < indices.length; from += QUERIES_AT_ONCE) {
      const part = indices.slice(from, from + QUERIES_AT_ONCE)
      const rows = rowsOf(kvHead, part.map((index) => queries[index]))
      part.forEach((index, at) => { results[index] = rows[at] })
    }
  }
  return results
}

/**
 * Several rows of softmax(Q K^T / sqrt(d)) V in float64, straight from the definition. Rows that attend to nothing are 0
 * with a log-sum-exp of -Infinity.
 * @param item batch item, of the whole batch
 * @param queries rows of that item, of any heads
 * @param keyPositions restricts the keys (for checking one block); by default every key that the mask allows
 */
export function referenceRows(
  problem: AttentionProblem, item: number, queries: readonly QueryRow[], keyPositions?: Int32Array,
): ReferenceRow[] {
  return byKvHead(problem, queries, (kvHead, rows) =>
    attendRows({ problem, item, kvHead, positions: keyPositions ?? null }, rows).map(({ out, lse }) => ({ out, lse })))
}

/** The same rows with their query gradients, for the dO of the inputs. */
export function queryGradientRows(
  problem: AttentionProblem, item: number, queries: readonly QueryRow[], keyPositions?: Int32Array,
): QueryGradientRow[] {
  return byKvHead(problem, queries, (kvHead, rows) => gradientRows({ problem, item, kvHead, positions: keyPositions ?? null }, rows))
}

/**
 * Rows of dK and dV in float64: of each key, the sum over all queries that attend to it, in every query head of its group.
 * Every such query must be computed whole, so this costs what all of them cost; neighbouring keys share them.
 * @param positions restricts queries and keys to those of one block; by default every one that the mask allows
 */
export function keyGradientRows(problem: AttentionProblem, item: number, keys: readonly KeyRow[], positions?: Int32Array): KeyGradientRow[] {
  const { headDim, heads, kvHeads, seqLen } = problem
  const scale = 1 / Math.sqrt(headDim)
  const results = keys.map((): KeyGradientRow => ({ dk: new Float64Array(headDim), dv: new Float64Array(headDim) }))
  for (const [kvHead, indices] of Map.groupBy(keys.keys(), (index) => keys[index].kvHead)) {
    const values = new Map(indices.map((index) => [index, inputRow(problem, 'v', item, kvHead, keys[index].position)]))
    const places = new Map(indices.map((index) => [index, positions?.indexOf(keys[index].position) ?? keys[index].position]))
    const queries: QueryRow[] = []
    for (const position of positions ?? Array(seqLen).keys()) {
      if (position >= seqLen || !indices.some((index) => attends(problem, item, position, keys[index].position))) continue
      for (let head = kvHead * (heads / kvHeads); head < (kvHead + 1) * (heads / kvHeads); head++) queries.push({ head, position })
    }
    for (let from = 0; from < queries.length; from += QUERIES_AT_ONCE) {
      const part = queries.slice(from, from + QUERIES_AT_ONCE)
      attendRows({ problem, item, kvHead, positions: positions ?? null }, part).forEach((state, at) => {
        const dOut = inputRow(problem, 'dout', item, part[at].head, state.position)
        const delta = dot(dOut, state.out)
        for (const [index, value] of values) {
          const score = scoreOf(state, places.get(index) ?? -1)
          if (score === -Infinity) continue
          const weight = Math.exp(score - state.lse)
          addScaled(results[index].dv, weight, dOut)
          addScaled(results[index].dk, scale * weight * (dot(dOut, value) - delta), state.query)
        }
      })
    }
  }
  return results
}

/** One output row in float64 over all keys that the mask allows. */
export function referenceRow(problem: AttentionProblem, item: number, head: number, position: number): ReferenceRow {
  return referenceRows(problem, item, [{ head, position }])[0]
}
