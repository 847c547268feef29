import type { MetricRow } from '../../preload/contract/compare.ts'
import { formatBytes, formatGflops, formatMs, formatPercent, threeDigits } from './quantity.ts'

const SHOWN: Readonly<Record<MetricRow['unit'], (value: number) => string>> = {
  ms: formatMs, '%': (value) => formatPercent(value / 100), bytes: formatBytes, 'GFLOP/s': formatGflops, '': threeDigits,
}

/** A metric's value in its unit. */
export const formatMetric = (unit: MetricRow['unit'], value: number | null): string => (value === null ? 'n/a' : SHOWN[unit](value))

const signed = (value: number, text: string): string => (value > 0 ? `+${text}` : text)

/** A difference in the metric's unit; of percentages in points. */
export const formatDelta = (unit: MetricRow['unit'], value: number): string =>
  signed(value, unit === '%' ? `${threeDigits(value)} pt` : SHOWN[unit](value))

/** @param relative share of the base; 0.05 is 5 % */
export const formatChange = (relative: number): string => signed(relative, formatPercent(relative))
