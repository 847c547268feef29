/** The middle value; the mean of the two middle ones for an even count. @throws RangeError for no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of no values')
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Median absolute deviation from the median, unscaled. */
export function medianAbsoluteDeviation(values: readonly number[]): number {
  const middle = median(values)
  return median(values.map((value) => Math.abs(value - middle)))
}

/** The arithmetic mean. @throws RangeError for no values. */
export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the mean of no values')
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
