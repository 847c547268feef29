/**
 * Joining two partial results of attention over disjoint key sets. A partial result is (O, L): the normalised output of
 * a row and its log-sum-exp, L = ln sum exp(score). Its identity is (0, -Infinity): a row that has seen no key.
 *
 *   M = max(L, L_b); w = exp(L - M); w_b = exp(L_b - M)
 *   O' = (w O + w_b O_b) / (w + w_b);  L' = M + ln(w + w_b)
 *
 * with the cases spelled out where that would compute -Infinity - -Infinity. No exponent is ever positive, so nothing
 * overflows however far apart the two are (the form ln(1 + exp(x)) does, in float32 from x > 88).
 */
export interface MergeWeights {
  /** Share of the first result in the joined output; 0 when neither has seen a key. */
  readonly first: number
  readonly second: number
  readonly lse: number
}

/**
 * A log-sum-exp of +Infinity or NaN. Some kernels report +Infinity for a row without keys; merged as a number it would
 * silently replace everything gathered so far by the empty row. Rows without keys are -Infinity here, so this is a fault.
 */
export class InvalidLseError extends Error {
  override readonly name = 'InvalidLseError'
  readonly row: number | undefined
  constructor(lse: number, row?: number) {
    super(`log-sum-exp${row === undefined ? '' : ` of row ${row}`} is ${lse}: expected a finite number, or -Infinity for a row without keys`)
    this.row = row
  }
}

const isValidLse = (lse: number): boolean => lse < Infinity

/**
 * The weights with which two partial results join. Symmetric; associative up to rounding.
 * @throws InvalidLseError for +Infinity and NaN.
 */
export function mergeWeights(first: number, second: number): MergeWeights {
  if (!isValidLse(first)) throw new InvalidLseError(first)
  if (!isValidLse(second)) throw new InvalidLseError(second)
  if (second === -Infinity) return { first: first === -Infinity ? 0 : 1, second: 0, lse: first }
  if (first === -Infinity) return { first: 0, second: 1, lse: second }
  const most = Math.max(first, second)
  const w = Math.exp(first - most)
  const v = Math.exp(second - most)
  return { first: w / (w + v), second: v / (w + v), lse: most + Math.log(w + v) }
}

type Floats = Float32Array | Float64Array

/** Partial results of several rows: out [rows, headDim], lse [rows]. */
export interface PartialRows {
  readonly out: Floats
  readonly lse: Floats
}

/**
 * Joins `block` into `accumulator` in place, row by row. The arithmetic is float64, the storage whatever the arrays are.
 * @throws InvalidLseError naming the row, for +Infinity and NaN; rows before it are already joined.
 */
export function mergeRows(accumulator: PartialRows, block: PartialRows, headDim: number): void {
  const rows = accumulator.lse.length
  if (block.lse.length !== rows || accumulator.out.length !== rows * headDim || block.out.length !== rows * headDim) {
    throw new RangeError(`merging needs two results of ${rows} rows x ${headDim}, got out ${accumulator.out.length} and ${block.out.length}, lse ${rows} and ${block.lse.length}`)
  }
  for (let row = 0; row < rows; row++) {
    if (!isValidLse(accumulator.lse[row])) throw new InvalidLseError(accumulator.lse[row], row)
    if (!isValidLse(block.lse[row])) throw new InvalidLseError(block.lse[row], row)
    if (block.lse[row] === -Infinity) continue
    const weights = mergeWeights(accumulator.lse[row], block.lse[row])
    for (let at = row * headDim; at < (row + 1) * headDim; at++) {
      // A weight of 0 stands for "nothing there": whatever the buffer holds must not leak in as 0 * NaN.
      accumulator.out[at] = (weights.first === 0 ? 0 : weights.first * accumulator.out[at]) +
        (weights.second === 0 ? 0 : weights.second * block.out[at])
    }
    accumulator.lse[row] = weights.lse
  }
}
