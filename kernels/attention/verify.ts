import type { RankArena } from '../backends/arena.ts'
import type { RunConfig } from '../config/runConfig.ts'
import { attendsToAny, isAttendedTo } from './attends.ts'
import { keysToCheck, rowsToCheck, type CheckedRow } from './checkedRows.ts'
import { weightedRowSum } from './inputs.ts'
import {
  keyGradientRows, kvHeadOf, queryGradientRows, referenceRows, type KeyRow, type QueryGradientRow, type QueryRow, type ReferenceRow,
} from './reference.ts'

export interface RankVerification {
  /** Rows of the output that were compared with float64, with the log-sum-exps of as many. */
  readonly checkedRows: number
  /**
   * Largest |computed - float64| over the outputs and log-sum-exps of the checked rows. Also counts what is wrong
   * anywhere in the shard: a row that attends to nothing and is not exactly 0 counts with its size, NaN or infinity with
   * Number.MAX_VALUE (a figure that survives JSON).
   */
  readonly maxAbsError: number
  /** Rows of dQ, dK and dV that were compared with float64. */
  readonly checkedGradRows: number
  /** How many of those were of dK or dV: 0 where no key's gradient can be had at a bearable cost. */
  readonly checkedKeyGradRows: number
  /** As `maxAbsError`, over dQ, dK and dV; null without a backward pass. */
  readonly maxAbsGradError: number | null
  /** Sum over the real rows of output x `checksumWeight`, in float64. Sums over ranks give the run's checksum. */
  readonly checksum: number
}

/** What is to be known of a rank's part: which rows its tensors have. */
export interface VerifiedRank {
  /** Int32Array, ascending: global positions of the rows that the rank computes on, and of its own rows. */
  readonly positions: Int32Array
  readonly homePositions: Int32Array
  /** Batch item that is the rank's first. */
  readonly firstItem: number
  readonly plan: { readonly seat: { readonly member: number } }
}

/** The rows of one tensor: [items, heads, positions, headDim]; a headDim of 1 for log-sum-exps. */
interface Rows {
  readonly values: Float32Array
  readonly heads: number
  readonly positions: Int32Array
  readonly headDim: number
}

const rowStart = ({ heads, positions, headDim }: Rows, { item, head, row }: CheckedRow): number =>
  ((item * heads + head) * positions.length + row) * headDim

const errorOf = (computed: number, expected: number): number => {
  const error = computed === expected ? 0 : Math.abs(computed - expected)
  return Number.isFinite(error) ? error : Number.MAX_VALUE
}

function rowError(rows: Rows, at: CheckedRow, expected: ArrayLike<number>): number {
  const start = rowStart(rows, at)
  let most = 0
  for (let dim = 0; dim < rows.headDim; dim++) most = Math.max(most, errorOf(rows.values[start + dim], expected[dim]))
  return most
}

/** One rank's results against the definition; see {@link verifyRank}. */
class RankCheck {
  readonly #config: RunConfig
  readonly #rank: VerifiedRank
  readonly #arena: RankArena
  /** Batch items of the rank. */
  readonly #items: number

  constructor(config: RunConfig, rank: VerifiedRank, arena: RankArena) {
    this.#config = config
    this.#rank = rank
    this.#arena = arena
    this.#items = arena.spec.shape.batch
  }

  #rows(values: Float32Array, heads: number, positions: Int32Array, headDim = this.#config.headDim): Rows {
    const expected = this.#items * heads * positions.length * headDim
    if (values.length === expected) return { values, heads, positions, headDim }
    throw new RangeError(`a tensor of ${this.#items} batch items x ${heads} heads x ${positions.length} rows x ${headDim} needs ${expected} elements, it has ${values.length}`)
  }

  #realRows(positions: Int32Array): number {
    const padding = positions.findIndex((position) => position >= this.#config.seqLen)
    return padding === -1 ? positions.length : padding
  }

  /** Every element: `empty` where the row has nothing to do with any key or query, a finite number elsewhere. */
  #checkWhole({ values, heads, positions, headDim }: Rows, empty: number, counts: (item: number, position: number) => boolean): number {
    let most = 0
    for (let item = 0; item < this.#items; item++) {
      const counted = Array.from(positions, (position) => position < this.#config.seqLen && counts(this.#rank.firstItem + item, position))
      for (let head = 0; head < heads; head++) {
        counted.forEach((isCounted, row) => {
          const start = ((item * heads + head) * positions.length + row) * headDim
          for (let at = start; at < start + headDim; at++) {
            if (!isCounted) most = Math.max(most, errorOf(values[at], empty))
            else if (!Number.isFinite(values[at])) most = Number.MAX_VALUE
          }
        })
      }
    }
    return most
  }

  #checkQueries(rows: Rows, empty = 0): number {
    return this.#checkWhole(rows, empty, (item, position) => attendsToAny(this.#config, item, position))
  }

  #checkKeys(rows: Rows): number {
    return this.#checkWhole(rows, 0, (item, position) => isAttendedTo(this.#config, item, position))
  }

  /** Calls `compare` for each row with what `reference` says of it. */
  #compare<Row>(
    checked: readonly CheckedRow[], reference: (item: number, rows: readonly CheckedRow[]) => readonly Row[],
    compare: (row: Row, at: CheckedRow) => void,
  ): void {
    for (const [item, rows] of Map.groupBy(checked, (row) => row.item)) {
      reference(this.#rank.firstItem + item, rows).forEach((row, at) => { compare(row, rows[at]) })
    }
  }

  run(): RankVerification {
    const { heads } = this.#config
    const { home, sides: [own], spec: { degree, shape } } = this.#arena
    const { homePositions, positions } = this.#rank
    const out = this.#rows(home.out, heads, homePositions)
    const lse = this.#rows(own.lse, shape.heads, positions, 1)
    const gradients = this.#gradients()
    const realRows = this.#realRows(homePositions)
    const checked = rowsToCheck({ ...this.#config, batch: this.#items }, homePositions.length, realRows, gradients !== null)
    const keys = gradients === null ? [] : keysToCheck(this.#config, this.#rank.firstItem, this.#items, homePositions, realRows)

    let maxAbsError = Math.max(this.#checkQueries(out), this.#checkQueries(lse, -Infinity))
    let maxAbsGradError = gradients === null ? 0
      : Math.max(this.#checkQueries(gradients.dq), this.#checkKeys(gradients.dk), this.#checkKeys(gradients.dv))
    const reference: QueryReference = gradients === null ? referenceRows : queryGradientRows
    this.#compare(checked, (item, rows) => reference(this.#config, item, queryRows(rows, homePositions)), (row, at) => {
      maxAbsError = Math.max(maxAbsError, rowError(out, at, row.out), degree === 1 ? rowError(lse, at, [row.lse]) : 0)
      if (gradients !== null && row.dq !== undefined) maxAbsGradError = Math.max(maxAbsGradError, rowError(gradients.dq, at, row.dq))
    })
    // In a Ulysses group the log-sum-exps stay where they were computed: of other rows and heads than the output's.
    if (degree > 1) maxAbsError = Math.max(maxAbsError, this.#compareLse(lse))
    this.#compare(keys, (item, rows) => keyGradientRows(this.#config, item, keyRows(rows, homePositions)), (row, at) => {
      if (gradients === null) return
      maxAbsGradError = Math.max(maxAbsGradError, rowError(gradients.dk, at, row.dk), rowError(gradients.dv, at, row.dv))
    })
    const checkedKeyGradRows = 2 * keys.length
    return {
      checkedRows: checked.length, maxAbsError, checkedKeyGradRows,
      checkedGradRows: gradients === null ? 0 : checked.length + checkedKeyGradRows,
      maxAbsGradError: gradients === null ? null : maxAbsGradError,
      checksum: this.#checksum(out, realRows),
    }
  }

  #gradients(): { dq: Rows; dk: Rows; dv: Rows } | null {
    const { pass, heads, kvHeads } = this.#config
    if (pass === 'forward') return null
    const { home: { dq, dk, dv } } = this.#arena
    const { homePositions } = this.#rank
    return { dq: this.#rows(dq, heads, homePositions), dk: this.#rows(dk, kvHeads, homePositions), dv: this.#rows(dv, kvHeads, homePositions) }
  }

  #compareLse(lse: Rows): number {
    const { positions, plan: { seat: { member } } } = this.#rank
    const checked = rowsToCheck({ ...this.#config, batch: this.#items, heads: lse.heads }, positions.length, this.#realRows(positions))
    let most = 0
    this.#compare(checked, (item, rows) => referenceRows(this.#config, item, queryRows(rows, positions, member * lse.heads)), (row, at) => {
      most = Math.max(most, rowError(lse, at, [row.lse]))
    })
    return most
  }

  #checksum(out: Rows, realRows: number): number {
    const { seed } = this.#config
    let checksum = 0
    for (let item = 0; item < this.#items; item++) {
      for (let head = 0; head < out.heads; head++) {
        for (let row = 0; row < realRows; row++) {
          const sum = weightedRowSum(out.values, rowStart(out, { item, head, row }), out.headDim,
            seed, this.#rank.firstItem + item, head, kvHeadOf(this.#config, head), out.positions[row])
          // What is not finite is reported as an error; the checksum must survive JSON.
          if (Number.isFinite(sum)) checksum += sum
        }
      }
    }
    return checksum
  }
}

/** Either of the two: rows of a forward pass alone have no dq. */
type QueryReference = (...parameters: Parameters<typeof queryGradientRows>) => (ReferenceRow & Partial<QueryGradientRow>)[]

const keyRows = (rows: readonly CheckedRow[], positions: Int32Array): KeyRow[] =>
  rows.map(({ head, row }) => ({ kvHead: head, position: positions[row] }))

const queryRows = (rows: readonly CheckedRow[], positions: Int32Array, firstHead = 0): QueryRow[] =>
  rows.map(({ head, row }) => ({ head: firstHead + head, position: positions[row] }))

/**
 * Checks a rank's output, and with a backward pass its gradients, against the definition in float64, without anybody
 * else's data. The arena is as the last iteration left it.
 */
export function verifyRank(config: RunConfig, rank: VerifiedRank, arena: RankArena): RankVerification {
  return new RankCheck(config, rank, arena).run()
}
