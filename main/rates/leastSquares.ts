/** One observation: what was measured, and the coefficient of each unknown in it. */
export interface Observation {
  readonly coefficients: readonly number[]
  readonly value: number
}

export interface Fit {
  /** Of the unknowns, none below 0. */
  readonly unknowns: readonly number[]
  /** Root of the mean square of the relative differences, which the fit makes least. */
  readonly relativeError: number
  /** The largest of them. */
  readonly largestRelativeError: number
}

/** Observations that do not tell the unknowns apart. */
export class UndeterminedFitError extends Error {
  override readonly name = 'UndeterminedFitError'
}

/** Below this share of the largest pivot a system counts as singular. */
const SINGULAR = 1e-12

/** Gauss with pivoting. @returns null for a singular matrix. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] | null {
  const size = right.length
  const rows = matrix.map((row, at) => [...row, right[at]])
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let row = column + 1; row < size; row++) if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column])) pivot = row
    if (Math.abs(rows[pivot][column]) < SINGULAR) return null
    const taken = rows[pivot]
    rows[pivot] = rows[column]
    rows[column] = taken
    for (let row = 0; row < size; row++) {
      if (row === column) continue
      const factor = rows[row][column] / taken[column]
      for (let at = column; at <= size; at++) rows[row][at] -= factor * taken[at]
    }
  }
  return rows.map((row, at) => row[size] / row[at])
}

/** The unknowns named by `free`, the others 0. */
function solveSubset(observations: readonly Observation[], scales: readonly number[], free: readonly number[]): number[] | null {
  // Relative differences: every observation is divided by its value, and every column by its size, for the pivots.
  const cell = ({ coefficients, value }: Observation, unknown: number): number => coefficients[unknown] / (scales[unknown] * value)
  const normal = free.map((row) => free.map((column) =>
    observations.reduce((sum, observation) => sum + cell(observation, row) * cell(observation, column), 0) / observations.length))
  const right = free.map((row) => observations.reduce((sum, observation) => sum + cell(observation, row), 0) / observations.length)
  const solved = solve(normal, right)
  if (solved === null) return null
  const unknowns = scales.map(() => 0)
  free.forEach((unknown, at) => { unknowns[unknown] = solved[at] / scales[unknown] })
  return unknowns
}

const relativeErrors = (observations: readonly Observation[], unknowns: readonly number[]): number[] =>
  observations.map(({ coefficients, value }) => coefficients.reduce((sum, each, at) => sum + each * unknowns[at], 0) / value - 1)

/**
 * The unknowns, none negative, that explain observations with the least sum of squared relative differences. All subsets of the
 * unknowns are tried, so that there may be a few only.
 * @throws UndeterminedFitError where no subset can be solved for.
 */
export function leastSquares(observations: readonly Observation[]): Fit {
  const count = observations.at(0)?.coefficients.length ?? 0
  const scales = Array.from({ length: count }, (_, unknown) =>
    Math.max(...observations.map(({ coefficients, value }) => Math.abs(coefficients[unknown] / value))))
  let best: Fit | null = null
  for (let subset = 1; subset < 2 ** count; subset++) {
    const free = scales.flatMap((scale, unknown) => ((subset >> unknown) & 1) === 1 && scale > 0 ? [unknown] : [])
    if (free.length === 0) continue
    const unknowns = solveSubset(observations, scales, free)
    if (unknowns === null || unknowns.some((each) => each < 0 || !Number.isFinite(each))) continue
    const errors = relativeErrors(observations, unknowns)
    const relativeError = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length)
    if (best === null || relativeError < best.relativeError) {
      best = { unknowns, relativeError, largestRelativeError: Math.max(...errors.map(Math.abs)) }
    }
  }
  if (best === null) throw new UndeterminedFitError(`${observations.length} observations do not tell ${count} unknowns apart`)
  return best
}
