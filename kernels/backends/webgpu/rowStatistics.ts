import { InvalidLseError } from '../../attention/merge.ts'
import type { QuerySide } from '../backend.ts'
import { NO_SCORE } from './wgsl.ts'

/**
 * What the device keeps of a row beside its vectors, in the form in which it computes: log-sum-exps as exponents of two,
 * and finite also where there are no keys.
 */

/** Log-sum-exps of a partial result that is to be merged in. @throws InvalidLseError */
export function partialExponents(lse: Float32Array): Float32Array {
  return lse.map((value, row) => {
    if (!(value < Infinity)) throw new InvalidLseError(value, row)
    return value === -Infinity ? NO_SCORE : value * Math.LOG2E
  })
}

/**
 * Writes log-sum-exps from (maximum, sum) of rows, lse = ln(sum e^s) = ln 2 * m + ln l with the maximum m as an exponent
 * of two. `stats` begins at the device's element `from`.
 */
export function writeLogSumExps(stats: Float32Array, from: number, lse: Float32Array): void {
  for (let at = 0; at < stats.length; at += 2) {
    lse[(from + at) / 2] = stats[at + 1] === 0 ? -Infinity : stats[at] * Math.LN2 + Math.log(stats[at + 1])
  }
}

/** (log-sum-exp, delta) of every row, for a backward pass. */
export function backwardStatistics({ lse, delta }: QuerySide): Float32Array {
  const statistics = new Float32Array(2 * lse.length)
  for (let row = 0; row < lse.length; row++) {
    // No pair uses the one of a row without keys, but the kernels compute with it before they find out.
    statistics[2 * row] = lse[row] === -Infinity ? 0 : lse[row] * Math.LOG2E
    statistics[2 * row + 1] = delta[row]
  }
  return statistics
}
