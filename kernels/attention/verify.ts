import type { RunConfig } from '../config/runConfig.ts'
import { countBelow } from '../plan/keyRanges.ts'
import { weightedRowSum } from './inputs.ts'
import { kvHeadOf, referenceRows, type AttentionProblem, type QueryRow } from './reference.ts'

/** Largest absolute error of any checked element on a float32 CPU backend. */
export const VERIFY_TOLERANCE = 1e-5

/** Multiply-adds that checking one shard may cost, unless the fewest rows cost more. */
const WORK_LIMIT = 2e8
const FEWEST_ROWS = 8
const MOST_ROWS = 64

export interface ShardVerification {
  readonly checkedRows: number
  /**
   * Largest |computed - float64| over the outputs and log-sum-exps of the checked rows. Also counts what is wrong
   * anywhere in the shard: a padding row that is not exactly 0 counts with its size, NaN or infinity with
   * Number.MAX_VALUE (a figure that survives JSON).
   */
  readonly maxAbsError: number
  /** Sum over the real rows of output x `checksumWeight`, in float64. Sums over ranks give the run's checksum. */
  readonly checksum: number
}

/** A row of a shard to check. */
export interface CheckedRow {
  readonly batch: number
  readonly head: number
  /** Local row. */
  readonly row: number
}

/** Deterministic, evenly spread sequence in [0, 1): multiples of the golden ratio. */
const spread = (index: number, seed: number): number => ((seed * 0.754_877_666 + (index + 1) * 0.618_033_988_749_895) % 1)

/**
 * Which rows of a shard are checked: the first and last, those on both sides of the middle (where a zigzag shard's two
 * chunks meet), the last before padding, and others spread over the shard; batch items and heads take turns.
 * @param realRows local rows that are not padding.
 */
export function rowsToCheck(
  problem: AttentionProblem & Pick<RunConfig, 'batch'>, tokens: number, realRows: number,
): CheckedRow[] {
  if (realRows === 0) return []
  const slices = problem.batch * problem.heads
  const rowCost = 2 * problem.seqLen * problem.headDim
  const affordable = Math.floor(WORK_LIMIT / rowCost)
  const count = Math.min(slices * realRows, Math.max(FEWEST_ROWS, Math.min(affordable, Math.max(MOST_ROWS, slices))))
  const half = Math.floor(tokens / 2)
  const edges = [0, realRows - 1, half, half - 1, half + 1, 1].filter((row) => row >= 0 && row < realRows)
  const chosen = new Map<number, CheckedRow>()
  for (let index = 0; chosen.size < count; index++) {
    const row = index < edges.length ? edges[index] : Math.floor(spread(index, problem.seed) * realRows)
    // Past one round of all slices the offset shifts, so that a row meets other heads than before.
    const slice = (index + Math.floor(index / slices)) % slices
    chosen.set(slice * realRows + row, { batch: Math.floor(slice / problem.heads), head: slice % problem.heads, row })
    if (index > 64 * count + 1024) break
  }
  return [...chosen.values()]
}

const errorOf = (computed: number, expected: number): number => {
  const error = computed === expected ? 0 : Math.abs(computed - expected)
  return Number.isFinite(error) ? error : Number.MAX_VALUE
}

/**
 * Checks a rank's output against the definition in float64, without anybody else's data.
 * @param positions Int32Array[c], global position of each local row, ascending
 * @param out Float32Array[batch, heads, c, headDim]
 * @param lse Float32Array[batch, heads, c]; checked with the rows
 */
export function verifyShard(config: RunConfig, positions: Int32Array, out: Float32Array, lse: Float32Array): ShardVerification {
  const { batch, heads, headDim, seqLen } = config
  const tokens = positions.length
  if (out.length !== batch * heads * tokens * headDim || lse.length !== batch * heads * tokens) {
    throw new RangeError(`a shard of batch ${batch} x heads ${heads} x ${tokens} rows x ${headDim} needs ${batch * heads * tokens * headDim} outputs and ${batch * heads * tokens} log-sum-exps, got ${out.length} and ${lse.length}`)
  }
  const realRows = countBelow(positions, seqLen)
  const whole = checkWholeShard(config, positions, realRows, out)
  const rows = rowsToCheck(config, tokens, realRows)
  return {
    checkedRows: rows.length,
    maxAbsError: Math.max(whole.maxAbsError, compareRows(config, positions, rows, out, lse)),
    checksum: whole.checksum,
  }
}

/** What can be said of every element at once: padding rows are 0, nothing is NaN or infinite, and the checksum. */
function checkWholeShard(
  config: RunConfig, positions: Int32Array, realRows: number, out: Float32Array,
): Pick<ShardVerification, 'maxAbsError' | 'checksum'> {
  const { seed, batch, heads, headDim } = config
  const tokens = positions.length
  let maxAbsError = 0
  let checksum = 0
  for (let slice = 0; slice < batch * heads; slice++) {
    const head = slice % heads
    for (let row = 0; row < tokens; row++) {
      const from = (slice * tokens + row) * headDim
      if (row >= realRows) {
        for (let dim = 0; dim < headDim; dim++) maxAbsError = Math.max(maxAbsError, errorOf(out[from + dim], 0))
        continue
      }
      const sum = weightedRowSum(out, from, headDim, seed, Math.floor(slice / heads), head, kvHeadOf(config, head), positions[row])
      // A row's weighted sum is finite exactly when all its elements are: no weight is large enough to overflow float64.
      if (Number.isFinite(sum)) checksum += sum
      else maxAbsError = Number.MAX_VALUE
    }
  }
  return { maxAbsError, checksum }
}

function compareRows(
  config: RunConfig, positions: Int32Array, rows: readonly CheckedRow[], out: Float32Array, lse: Float32Array,
): number {
  const { heads, headDim } = config
  const tokens = positions.length
  let maxAbsError = 0
  for (const [batch, ofBatch] of Map.groupBy(rows, (checked) => checked.batch)) {
    const queries = ofBatch.map(({ head, row }): QueryRow => ({ head, position: positions[row] }))
    referenceRows(config, batch, queries).forEach((expected, at) => {
      const { head, row } = ofBatch[at]
      const index = (batch * heads + head) * tokens + row
      maxAbsError = Math.max(maxAbsError, errorOf(lse[index], expected.lse))
      for (let dim = 0; dim < headDim; dim++) {
        maxAbsError = Math.max(maxAbsError, errorOf(out[index * headDim + dim], expected.out[dim]))
      }
    })
  }
  return maxAbsError
}
