import type { CellSpread } from '../../preload/contract/sweep.ts'
import { median, medianAbsoluteDeviation } from '../analysis/statistics.ts'

/**
 * The standard error of a median over that of a mean, and a normal distribution's standard deviation over its MAD: the uncertainty
 * of a median of n values is about 1.2533 * 1.4826 * MAD / sqrt(n).
 */
const MEDIAN_ERROR_OVER_MEAN = 1.2533
const DEVIATION_OVER_MAD = 1.4826
/**
 * A median that is surer than this needs no more measurements: tiles that differ by less are as good as each other. The uncertainty
 * of the median and not the MAD itself decides, since measuring again makes only the former smaller.
 */
const SURE_ENOUGH = 0.02
/** Fewer measurements say nothing of their spread. */
const FEWEST_FOR_SPREAD = 3
/** A cell is measured at most so many times as often as asked, and so often in any case. */
const MOST_TIMES_REPEATS = 4
const RERUNS_IN_ANY_CASE = 8

/** Relative uncertainty of the median; 0 where there are too few values to say. */
export function medianUncertainty(values: readonly number[]): number {
  if (values.length < FEWEST_FOR_SPREAD) return 0
  return (MEDIAN_ERROR_OVER_MEAN * DEVIATION_OVER_MAD * medianAbsoluteDeviation(values)) / Math.sqrt(values.length) / median(values)
}

export const isTooWide = (values: readonly number[]): boolean => medianUncertainty(values) > SURE_ENOUGH

/** Measurements that a cell may take, reruns included. */
export const mostMeasurements = (repeats: number): number => Math.max(repeats * MOST_TIMES_REPEATS, repeats + RERUNS_IN_ANY_CASE)

/** Whether a cell is to be measured once more: too few measurements, or too wide ones and still within its cap. */
export const needsMore = (values: readonly number[], repeats: number): boolean =>
  values.length < repeats || (isTooWide(values) && values.length < mostMeasurements(repeats))

/** @param valuesMs at least one. */
export function spreadOf(valuesMs: readonly number[]): CellSpread {
  return {
    medianMs: median(valuesMs), madMs: medianAbsoluteDeviation(valuesMs), repeats: valuesMs.length, noisy: isTooWide(valuesMs), reused: false,
  }
}
