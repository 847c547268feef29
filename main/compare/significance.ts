import { median, medianAbsoluteDeviation } from '../analysis/statistics.ts'

/** The standard deviation of normal values by their MAD (Rousseeuw and Croux, Alternatives to the Median Absolute Deviation, 1993). */
const SD_PER_MAD = 1.4826
/** The standard error of a median of normal values by that of their mean: sqrt(pi / 2). */
const MEDIAN_PER_MEAN = Math.sqrt(Math.PI / 2)
/** Chance of calling noise a difference. */
const LEVEL = 0.05
/** Fewer windows on a side cannot reach the level by their ranks: of 4 and 4 the most extreme order has 2 / 70. */
const LEAST_RANKED = 4
/** Beyond so many values together the normal distribution stands for the exact one, whose cost grows with their fourth power. */
const MOST_EXACT = 40
const NORMAL_95 = 1.96

/** Student's t, two-sided 95 %, by degrees of freedom from 1 on; beyond the list the normal distribution's. */
const STUDENT_95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]

/** A metric over the windows of one timeline. */
export interface Sample {
  readonly values: readonly number[]
  readonly median: number
  /** Median absolute deviation; null with a single window. */
  readonly noise: number | null
}

/** @returns null for no values. */
export function sampleOf(values: readonly number[]): Sample | null {
  if (values.length === 0) return null
  return { values, median: median(values), noise: values.length === 1 ? null : medianAbsoluteDeviation(values) }
}

/** Twice the rank of every value among all, so that the middle ranks of equal values are whole. */
function doubledRanks(values: readonly number[]): number[] {
  const firsts = new Map<number, number>()
  const lasts = new Map<number, number>()
  for (const [at, value] of values.toSorted((a, b) => a - b).entries()) {
    if (!firsts.has(value)) firsts.set(value, at + 1)
    lasts.set(value, at + 1)
  }
  return values.map((value) => (firsts.get(value) ?? 0) + (lasts.get(value) ?? 0))
}

/** In how many of all choices of `chosen` items the items' weights add up to each sum. */
function sumCounts(weights: readonly number[], chosen: number): Float64Array {
  const most = weights.reduce((sum, weight) => sum + weight, 0)
  const counts = Array.from({ length: chosen + 1 }, () => new Float64Array(most + 1))
  counts[0][0] = 1
  for (const weight of weights) {
    for (let items = chosen; items > 0; items--) {
      for (let sum = most; sum >= weight; sum--) counts[items][sum] += counts[items - 1][sum - weight]
    }
  }
  return counts[chosen]
}

/** Two-sided tail of the normal distribution (Abramowitz and Stegun 7.1.26, error below 1.5e-7). */
function normalTail(deviations: number): number {
  const x = deviations / Math.SQRT2
  const t = 1 / (1 + 0.3275911 * x)
  return t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.exp(-x * x)
}

/**
 * The Mann-Whitney test, two-sided: the chance that two samples of one distribution lie as far apart by their ranks, over all
 * ways to deal the values out, equal ones at their middle rank (Mann and Whitney, 1947; Lehmann, Nonparametrics, 1.2 and
 * 1.4). Exact up to 40 values, normal with the correction for ties beyond.
 */
export function rankTest(a: readonly number[], b: readonly number[]): number {
  const ranks = doubledRanks([...a, ...b])
  const all = ranks.length
  const own = ranks.slice(0, a.length).reduce((sum, rank) => sum + rank, 0)
  const expected = a.length * (all + 1)
  const distance = Math.abs(own - expected)
  if (all > MOST_EXACT) {
    // Variance of the doubled rank sum: 4 * n1 n2 / (12 N (N-1)) * (N^3 - N - sum of t^3 - t), as the scatter of the ranks.
    const scatter = ranks.reduce((sum, rank) => sum + (rank - (all + 1)) ** 2, 0) / all
    const deviation = Math.sqrt(a.length * b.length * scatter / (all - 1))
    return deviation === 0 ? 1 : normalTail(distance / deviation)
  }
  const counts = sumCounts(ranks, a.length)
  let total = 0
  let asFar = 0
  for (const [sum, count] of counts.entries()) {
    total += count
    if (Math.abs(sum - expected) >= distance) asFar += count
  }
  return asFar / total
}

/** Of a median. Where most values are equal their MAD is 0, and yet they scatter: the mean's standard error is the least. */
function standardError({ noise, values }: Sample): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
  return Math.max(MEDIAN_PER_MEAN * SD_PER_MAD * (noise ?? 0), deviation) / Math.sqrt(values.length)
}

/**
 * Whether two medians lie further apart than Student's t times their combined standard errors, with the degrees of freedom of
 * Welch (The generalization of Student's problem, 1947): where one side scatters more, its few values are what counts.
 */
function isBeyondErrors(a: Sample, b: Sample): boolean {
  const errors = [a, b].map((sample) => ({ squared: standardError(sample) ** 2, free: sample.values.length - 1 }))
  const squared = errors[0].squared + errors[1].squared
  if (squared === 0) return true
  const degrees = Math.floor(squared ** 2 / errors.reduce((sum, error) => sum + error.squared ** 2 / error.free, 0))
  const student = STUDENT_95.at(Math.max(1, degrees) - 1) ?? NORMAL_95
  return Math.abs(a.median - b.median) > student * Math.sqrt(squared)
}

/**
 * Whether two medians differ by more than their windows scatter, at 5 %: by the Mann-Whitney test where both have four
 * windows or more, else by their standard errors: the larger of sqrt(pi/2) * 1.4826 * MAD / sqrt(n) and the mean's.
 * Windows of one run say nothing of how runs differ among each other. Null where either has a single window.
 */
export function isSignificant(a: Sample, b: Sample): boolean | null {
  if (a.noise === null || b.noise === null) return null
  if (a.median === b.median) return false
  if (Math.min(a.values.length, b.values.length) >= LEAST_RANKED) return rankTest(a.values, b.values) < LEVEL
  return isBeyondErrors(a, b)
}
