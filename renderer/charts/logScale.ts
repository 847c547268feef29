/** A logarithmic axis. */
export interface LogScale {
  readonly low: number
  readonly high: number
}

/** Room beyond the outermost values, as a factor. */
const MARGIN = 1.35

/** An axis that holds all positive values among those given; a decade around 1 where there are none. */
export function logScaleOver(values: readonly (number | null)[]): LogScale {
  const drawn = values.filter((value): value is number => value !== null && value > 0 && Number.isFinite(value))
  if (drawn.length === 0) return { low: 0.3, high: 3 }
  return { low: Math.min(...drawn) / MARGIN, high: Math.max(...drawn) * MARGIN }
}

/** @returns where a value stands, 0..1 along the axis; values beyond an end stand at it */
export function shareOf({ low, high }: LogScale, value: number): number {
  if (value <= low) return 0
  return Math.min(1, Math.log(value / low) / Math.log(high / low))
}

const MOST_TICKS = 7

/** Powers of ten on the axis, thinned where they are many, with 2s and 5s between where they are few. */
export function logTicks({ low, high }: LogScale): number[] {
  const powers: number[] = []
  for (let power = Math.ceil(Math.log10(low)); power <= Math.floor(Math.log10(high)); power++) powers.push(10 ** power)
  if (powers.length > MOST_TICKS) return powers.filter((_, at) => at % Math.ceil(powers.length / MOST_TICKS) === 0)
  if (powers.length >= 3) return powers
  const between: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.floor(Math.log10(high)); power++) {
    between.push(...[1, 2, 5].map((digit) => digit * 10 ** power).filter((tick) => tick >= low && tick <= high))
  }
  return between
}

/** Powers of two on the axis, as far apart as keeps them few: what bytes are counted in. */
export function binaryTicks({ low, high }: LogScale): number[] {
  const [first, last] = [Math.ceil(Math.log2(low)), Math.floor(Math.log2(high))]
  const step = Math.max(1, Math.ceil((last - first + 1) / MOST_TICKS))
  const aligned = Math.ceil(first / step) * step
  return Array.from({ length: Math.max(0, Math.floor((last - aligned) / step) + 1) }, (_, at) => 2 ** (aligned + at * step))
}
