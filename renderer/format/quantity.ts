/** A number with three significant digits and no exponent: 1234, 123, 12.3, 1.23, 0.0123. */
export function threeDigits(value: number): string {
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  const rounded = Number(value.toPrecision(3))
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))))
  return magnitude < -6 ? value.toExponential(2) : rounded.toFixed(Math.abs(rounded) >= 100 ? 0 : decimals)
}

interface Unit {
  readonly name: string
  readonly factor: number
}

/** Three digits in the largest unit that keeps the number at 1 or more; units ascend. */
function inUnits(value: number, units: readonly Unit[]): string {
  const unit = units.findLast(({ factor }) => Number((Math.abs(value) / factor).toPrecision(3)) >= 1) ?? units[0]
  return `${threeDigits(value / unit.factor)} ${unit.name}`
}

export const TIME_UNITS: readonly Unit[] = [
  { name: 'ns', factor: 1 }, { name: 'µs', factor: 1e3 }, { name: 'ms', factor: 1e6 }, { name: 's', factor: 1e9 },
]
const BYTE_UNITS: readonly Unit[] = [
  { name: 'B', factor: 1 }, { name: 'KiB', factor: 2 ** 10 }, { name: 'MiB', factor: 2 ** 20 },
  { name: 'GiB', factor: 2 ** 30 }, { name: 'TiB', factor: 2 ** 40 },
]
const RATE_UNITS: readonly Unit[] = [
  { name: 'MFLOP/s', factor: 1e-3 }, { name: 'GFLOP/s', factor: 1 },
  { name: 'TFLOP/s', factor: 1e3 }, { name: 'PFLOP/s', factor: 1e6 },
]
const COUNT_UNITS: readonly Unit[] = [
  { name: '', factor: 1 }, { name: 'k', factor: 1e3 }, { name: 'M', factor: 1e6 }, { name: 'G', factor: 1e9 },
  { name: 'T', factor: 1e12 }, { name: 'P', factor: 1e15 },
]

/** What stands where there is no figure. */
export const NO_FIGURE = 'n/a'

/** @param ns a duration in nanoseconds; nothing needs no unit */
export function formatNs(ns: number | null): string {
  if (ns === 0) return '0'
  return ns === null ? NO_FIGURE : inUnits(ns, TIME_UNITS)
}

/**
 * A moment, to the ns: of a trace of seconds three digits would not tell two spans apart.
 * @param ns nanoseconds from the timeline's origin
 */
export function formatMoment(ns: number): string {
  const whole = Math.round(ns)
  if (whole === 0) return '0'
  const { name, factor } = TIME_UNITS.findLast((unit) => Math.abs(whole) >= unit.factor) ?? TIME_UNITS[0]
  return `${(whole / factor).toFixed(Math.log10(factor))} ${name}`
}

export function formatMs(ms: number | null): string {
  return ms === null ? NO_FIGURE : formatNs(ms * 1e6)
}

export function formatBytes(bytes: number | null): string {
  return bytes === null ? NO_FIGURE : inUnits(bytes, BYTE_UNITS)
}

/** @param gflops rate in GFLOP/s */
export function formatGflops(gflops: number | null): string {
  if (gflops === 0) return '0'
  return gflops === null ? NO_FIGURE : inUnits(gflops, RATE_UNITS)
}

/** @param rate in GB/s (1e9 bytes per second) */
export function formatGigabytesPerSecond(rate: number | null): string {
  return rate === null ? NO_FIGURE : `${threeDigits(rate)} GB/s`
}

/** A large count, such as pairs or flops: `12.3 M`. */
export function formatCount(count: number): string {
  return count < 10_000 ? String(Math.round(count)) : inUnits(count, COUNT_UNITS)
}

/** Shares below a thousandth of a percent are rounding of the times behind them. */
const SMALLEST_SHARE = 1e-5

/** @param fraction 0..1 */
export function formatPercent(fraction: number | null): string {
  if (fraction === null) return NO_FIGURE
  return `${Math.abs(fraction) < SMALLEST_SHARE ? '0' : threeDigits(fraction * 100)} %`
}

export function formatRatio(ratio: number | null): string {
  return ratio === null ? NO_FIGURE : `${threeDigits(ratio)}x`
}

/** An error bound: `2.1e-7`. */
export function formatError(error: number): string {
  return error === 0 ? '0' : error.toExponential(1)
}
