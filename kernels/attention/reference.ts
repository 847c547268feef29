import type { RunConfig } from '../config/runConfig.ts'
import { fillRow } from './inputs.ts'

/** What the reference needs of a config. */
export type AttentionProblem = Pick<RunConfig, 'seed' | 'mask' | 'seqLen' | 'heads' | 'kvHeads' | 'headDim'>

export interface ReferenceRow {
  /** Float64Array[headDim]. */
  readonly out: Float64Array
  readonly lse: number
}

/** A query row of one batch item. */
export interface QueryRow {
  readonly head: number
  /** Global position. */
  readonly position: number
}

/** The key/value head that a query head reads: consecutive query heads share one (grouped-query attention). */
export const kvHeadOf = (problem: Pick<AttentionProblem, 'heads' | 'kvHeads'>, head: number): number =>
  Math.floor(head / (problem.heads / problem.kvHeads))

/** Number of keys a query position attends to: they are positions 0 up to this. Padding attends to none. */
export function visibleKeys(problem: Pick<AttentionProblem, 'mask' | 'seqLen'>, position: number): number {
  if (position >= problem.seqLen) return 0
  return problem.mask === 'full' ? problem.seqLen : position + 1
}

/**
 * Several rows of softmax(Q K^T / sqrt(d)) V in float64, straight from the definition: all scores, their maximum, then
 * the weighted sum. `keyPositions` restricts the keys (for checking one block); by default every key the mask allows.
 * @param queries rows of one batch item, of any heads.
 */
export function referenceRows(
  problem: AttentionProblem, batch: number, queries: readonly QueryRow[], keyPositions?: Int32Array,
): ReferenceRow[] {
  const results = new Array<ReferenceRow>(queries.length)
  const byKvHead = Map.groupBy(queries.keys(), (index) => kvHeadOf(problem, queries[index].head))
  for (const [kvHead, indices] of byKvHead) {
    const rows = referenceRowsOfKvHead(problem, batch, kvHead, indices.map((index) => queries[index]), keyPositions)
    indices.forEach((index, at) => { results[index] = rows[at] })
  }
  return results
}

/** Rows that share a key/value head are taken together, so that each key and value row is generated once. */
function referenceRowsOfKvHead(
  problem: AttentionProblem, batch: number, kvHead: number, queries: readonly QueryRow[], keyPositions?: Int32Array,
): ReferenceRow[] {
  const { seed, headDim } = problem
  const scale = 1 / Math.sqrt(headDim)
  const keyRow = new Float64Array(headDim)
  const limits = queries.map(({ position }) => visibleKeys(problem, position))
  const keyCount = keyPositions?.length ?? Math.max(0, ...limits)
  const keyAt = (index: number): number => (keyPositions === undefined ? index : keyPositions[index])

  const states = queries.map(({ head, position }) => {
    const query = new Float64Array(headDim)
    fillRow(query, seed, 'q', batch, head, position)
    return { query, scores: new Float64Array(keyCount).fill(-Infinity), most: -Infinity, sum: 0, out: new Float64Array(headDim) }
  })
  for (let index = 0; index < keyCount; index++) {
    const position = keyAt(index)
    fillRow(keyRow, seed, 'k', batch, kvHead, position)
    for (let at = 0; at < states.length; at++) {
      if (position >= limits[at]) continue
      const state = states[at]
      let dot = 0
      for (let dim = 0; dim < headDim; dim++) dot += state.query[dim] * keyRow[dim]
      state.scores[index] = dot * scale
      state.most = Math.max(state.most, dot * scale)
    }
  }
  for (let index = 0; index < keyCount; index++) {
    const position = keyAt(index)
    fillRow(keyRow, seed, 'v', batch, kvHead, position)
    for (let at = 0; at < states.length; at++) {
      if (position >= limits[at]) continue
      const state = states[at]
      const weight = Math.exp(state.scores[index] - state.most)
      state.sum += weight
      for (let dim = 0; dim < headDim; dim++) state.out[dim] += weight * keyRow[dim]
    }
  }
  return states.map(({ most, sum, out }) => {
    if (sum > 0) for (let dim = 0; dim < headDim; dim++) out[dim] /= sum
    return { out, lse: sum > 0 ? most + Math.log(sum) : -Infinity }
  })
}

/**
 * One output row in float64 over all keys that the config's mask allows.
 * A padding position (>= seqLen) gives zeros and -Infinity.
 */
export function referenceRow(config: AttentionProblem, batch: number, head: number, position: number): ReferenceRow {
  return referenceRows(config, batch, [{ head, position }])[0]
}
