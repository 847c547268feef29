const DIGITS = 3

/** Three significant digits, never in exponent form: 0.0123, 1.23, 123, 12346. */
export function significant(value: number): string {
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  const text = value.toFixed(Math.min(100, Math.max(0, DIGITS - 1 - magnitude)))
  // 9.996 rounds to 10.00: one digit too many, so round once more from the rounded value.
  const rounded = Number(text)
  if (rounded !== 0 && Math.floor(Math.log10(Math.abs(rounded))) > magnitude) {
    return rounded.toFixed(Math.max(0, DIGITS - 2 - magnitude))
  }
  return text
}

type Scale = readonly (readonly [factor: number, unit: string])[]

/** In the largest unit of which there is at least one, after rounding. */
function scaled(value: number, scale: Scale): string {
  const [factor, unit] = scale.find(([factor]) => Number((Math.abs(value) / factor).toPrecision(DIGITS)) >= 1) ?? scale[scale.length - 1]
  return `${significant(value / factor)} ${unit}`
}

const TIMES: Scale = [[1, 's'], [1e-3, 'ms'], [1e-6, 'µs'], [1e-9, 'ns']]
const SIZES: Scale = [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB'], [1, 'B']]
const RATES: Scale = [[1e3, 'TFLOP/s'], [1, 'GFLOP/s'], [1e-3, 'MFLOP/s']]

/** Stands where a figure does not apply. */
export const NONE = '-'

export const formatSeconds = (seconds: number): string => (seconds === 0 ? '0 s' : scaled(seconds, TIMES))
export const formatMs = (ms: number): string => formatSeconds(ms * 1e-3)
export const formatUs = (us: number): string => formatSeconds(us * 1e-6)
export const formatBytes = (bytes: number | null): string => (bytes === null ? NONE : scaled(bytes, SIZES))
export const formatGflops = (gflops: number): string => (gflops === 0 ? NONE : scaled(gflops, RATES))
export const formatCount = (count: number): string => count.toLocaleString('en-US')

/** A ratio as percent; the dash for null. */
export const formatShare = (share: number | null): string => (share === null ? NONE : `${significant(share * 100)} %`)

/** An error such as 3.1e-7. */
export const formatError = (error: number): string => (error === 0 ? '0' : error.toExponential(1))
