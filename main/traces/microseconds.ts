/**
 * Trace Event times are decimal µs. As doubles, absolute epoch times resolve only 0.25 µs; as text they are exact.
 * A time is kept as whole µs and the ns beyond, so that differences from an origin are exact.
 */
export interface Micros {
  readonly whole: number
  /** 0..999. */
  readonly nanos: number
}

const NUMBER = /^([+-]?)(\d+)(?:\.(\d*))?$/

/**
 * Parses decimal µs, rounding to whole ns (half away from zero), exact for up to 15 digits before the point.
 * Exponents are read through a double. Null for anything that is not a finite number.
 */
export function parseMicros(text: string): Micros | null {
  const match = NUMBER.exec(text)
  if (match === null) {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!Number.isFinite(value)) return null
    const whole = Math.floor(value)
    return normalized(whole, Math.round((value - whole) * 1000))
  }
  const [, sign, digits, fraction = ''] = match
  const roundUp = fraction.length > 3 && fraction.charCodeAt(3) >= 0x35 ? 1 : 0
  const nanos = Number(fraction.slice(0, 3).padEnd(3, '0')) + roundUp
  return sign === '-' ? normalized(-Number(digits), -nanos) : normalized(Number(digits), nanos)
}

function normalized(whole: number, nanos: number): Micros {
  const carry = Math.floor(nanos / 1000)
  // Adding 0 turns -0 into 0.
  return { whole: whole + carry + 0, nanos: nanos - carry * 1000 + 0 }
}

/** Integer ns as decimal µs with three places, by integer arithmetic alone: 123456 -> "123.456". */
export function formatMicros(nanos: number): string {
  const rounded = Math.round(nanos)
  const size = Math.abs(rounded)
  const rest = size % 1000
  return `${rounded < 0 ? '-' : ''}${(size - rest) / 1000}.${String(rest).padStart(3, '0')}`
}
