import { formatBytes, threeDigits } from '../format/quantity.ts'
import type { CurveAxis } from './curves.ts'
import { binaryTicks, logScaleOver, logTicks } from './logScale.ts'

const TICKS = 5
/** Steps between neighbouring ticks: 1, 2 or 5 of a power of ten. */
const STEPS = [1, 2, 5, 10] as const

/** 1024 as `1024`, 0.25 as `0.25`: a number as an input shows it. */
export const plainNumber = (value: number): string => String(Number(value.toPrecision(6)))

/** A tick without the zeros that fill three digits: `20 k`, `100 %`. */
const tick = (at: number, format: (value: number) => string): CurveAxis['ticks'][number] => ({ at, label: format(at).replace(/\.0+(?= |$)/, '') })

const shortNumber = (value: number): string => plainNumber(Number(threeDigits(value)))

/** Values above this share of the largest are shown without the empty room below them, where the axis may be cut. */
const CUT_SHARE = 0.5

/**
 * A linear axis that holds all values, from 0 on.
 * @param cut lets it begin higher where all values are large: for curves, whose heights are not compared as lengths
 */
export function linearAxis(
  values: readonly number[], title: string, { format = shortNumber, cut = false }: { readonly format?: (value: number) => string; readonly cut?: boolean } = {},
): CurveAxis {
  const finite = values.filter(Number.isFinite)
  const most = Math.max(0, ...finite) || 1
  const least = Math.min(...finite)
  const bottom = cut && least > CUT_SHARE * most ? least : 0
  const rough = (most - bottom || most) / TICKS
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * (STEPS.find((digit) => digit * power >= rough) ?? 10)
  const low = Math.max(0, Math.floor(bottom / step)) * step
  const high = Math.ceil(most * 1.01 / step) * step
  return { kind: 'linear', low, high, title, ticks: Array.from({ length: Math.round((high - low) / step) + 1 }, (_, at) => tick(low + at * step, format)) }
}

/** A logarithmic axis that holds all positive values. */
export function logAxis(values: readonly (number | null)[], title: string, format: (value: number) => string = shortNumber): CurveAxis {
  const scale = logScaleOver(values)
  return { kind: 'log', ...scale, title, ticks: logTicks(scale).map((at) => tick(at, format)) }
}

/** A logarithmic axis of bytes. */
export function bytesAxis(values: readonly (number | null)[], title: string): CurveAxis {
  const scale = logScaleOver(values)
  return { kind: 'log', ...scale, title, ticks: binaryTicks(scale).map((at) => tick(at, formatBytes)) }
}

/**
 * An axis whose ticks are the values that were measured; logarithmic where all of them are above 0.
 * @param beside values without a tick that it holds too
 */
export function valuesAxis(values: readonly number[], title: string, beside: readonly number[] = []): CurveAxis {
  const distinct = [...new Set(values)].sort((a, b) => a - b)
  const [low, high] = [distinct[0] ?? 1, distinct[distinct.length - 1] ?? 1]
  const ticks = distinct.map((at) => tick(at, plainNumber))
  if (low > 0) return { kind: 'log', ...logScaleOver([...distinct, ...beside]), title, ticks }
  const room = (high - low || Math.abs(high) || 1) * 0.08
  return { kind: 'linear', low: low - room, high: high + room, title, ticks }
}
