import type { CellLimits, RingCell, RingSweepReport, SweepCell, SweepProgress } from '../../preload/contract/sweep.ts'
import { formatBytes, formatCount, formatGflops, formatGigabytesPerSecond, formatMs, formatPercent, threeDigits } from '../format/quantity.ts'
import { CATEGORY_LOOKS } from '../theme/categories.ts'
import type { Threshold } from './sweepRings.ts'
import { describeValues, sameTile, tileName, type MarkedTiles, type Slice } from './sweepSlices.ts'

export const LEVEL_NAMES = { l1: 'L1', l2: 'L2', l3: 'L3', memory: 'memory' } as const

/** What limits a cell: told apart by shape as well as by colour (Okabe-Ito). */
export const LIMIT_LOOKS = {
  dispatch: { label: 'dispatch', colour: CATEGORY_LOOKS.memory.colour ?? '', marker: 'triangle', meaning: 'Starting loops and calls: what every tile costs however small it is' },
  cache: { label: 'cache', colour: CATEGORY_LOOKS['wait-peer'].colour ?? '', marker: 'square', meaning: 'Bytes that come from further out than the kernel can hide behind its arithmetic' },
  arithmetic: { label: 'arithmetic', colour: CATEGORY_LOOKS.compute.colour ?? '', marker: 'circle', meaning: 'Multiply-adds and exponentials with operands at hand' },
} as const
export type Limit = keyof typeof LIMIT_LOOKS
export const LIMITS: readonly Limit[] = ['dispatch', 'cache', 'arithmetic']

export const shareOfLimit = (limits: CellLimits, limit: Limit): number =>
  ({ dispatch: limits.dispatchShare, cache: limits.cacheShare, arithmetic: limits.arithmeticShare })[limit]

/** "limited by cache: 1.20 GiB from memory at 9.00 GB/s". */
export function limitFinding(limits: CellLimits): string {
  const traffic = `${formatBytes(limits.trafficBytes)} from ${LEVEL_NAMES[limits.servedBy]} at ${formatGigabytesPerSecond(limits.gbps)}`
  return `limited by ${limits.limitedBy} (${formatPercent(shareOfLimit(limits, limits.limitedBy))}): ${traffic}`
}

/** The result of a slice of tiles in a sentence. @param cells those of the slice that were measured */
export function tileFinding(cells: readonly SweepCell[], { best, predicted }: MarkedTiles): string {
  if (best === null) return 'Nothing is measured yet'
  const found = `${tileName(best)} is fastest at ${formatGflops(best.gflops)}`
  if (predicted === null) return found
  if (sameTile(best, predicted)) return `${found}, as predicted`
  const measured = cells.find((cell) => sameTile(cell, predicted))
  const reached = measured === undefined ? 'was not measured' : `reaches ${formatPercent(measured.gflops / best.gflops)} of it`
  return `${found}; predicted ${tileName(predicted)} ${reached}`
}

/** How near the fastest cell comes to the peak, and what the model says that holds cells back. */
export function rooflineFinding(cells: readonly SweepCell[], peakGflops: number): string {
  const limited = cells.flatMap((cell) => (cell.limits === null ? [] : [{ cell, limit: cell.limits.limitedBy }])).sort((a, b) => b.cell.gflops - a.cell.gflops)
  const [fastest] = limited
  if (fastest === undefined) return 'No roofline of these cells'
  const top = `${tileName(fastest.cell)} reaches ${formatPercent(fastest.cell.gflops / peakGflops)} of the multiply-add peak`
  const others = LIMITS.flatMap((limit) => {
    const count = limited.filter((each) => each.limit === limit).length
    return count === 0 ? [] : [count === limited.length ? `all tiles are limited by ${limit}` : `${count} of ${limited.length} by ${limit}`]
  })
  return `${top}; ${others.length > 1 ? 'limited: ' : ''}${others.join(', ')}`
}

const tokens = (count: number): string => (count === 1 ? '1 token per rank' : `${formatCount(count)} tokens per rank`)

/** Whether hops hide, in a sentence. @param slice values of the axes that are not drawn */
export function ringFinding({ best }: Pick<RingSweepReport, 'best'>, threshold: Threshold, slice: Slice): string {
  if (threshold === null) return `${describeValues(best.values)} is fastest: ${formatCount(best.tokensPerSecond)} tokens/s`
  const { measuredShardTokens, predictedShardTokens } = threshold
  const where = describeValues(slice)
  const found = measuredShardTokens === null ? 'no shard of this sweep is long enough to hide its hops' : `hops hide behind compute from ${tokens(measuredShardTokens)}`
  const formula = predictedShardTokens === null ? '' : `; the formula says ${formatCount(predictedShardTokens)}`
  return `${where === '' ? `${found.charAt(0).toUpperCase()}${found.slice(1)}` : `${where}: ${found}`}${formula}`
}

/** How far the simulator is from what was measured; null where nothing was predicted. */
export function predictionFinding(cells: readonly RingCell[]): string | null {
  const off = cells.flatMap(({ predictedMs, medianMs }) => (predictedMs === null ? [] : [Math.abs(predictedMs - medianMs) / medianMs]))
  if (off.length === 0) return null
  return `Predicted makespans are within ${formatPercent(Math.max(...off))} of the measured ones`
}

/** "2 min 5 s left". */
export function timeLeft(seconds: number | null): string {
  if (seconds === null) return ''
  const whole = Math.max(1, Math.round(seconds))
  if (whole < 60) return `${whole} s left`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s left`
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min left`
}

/** How far a sweep is. */
export function progressLine({ done, total, paused, secondsLeft }: SweepProgress): string {
  return [paused ? 'Paused' : '', `${done} of ${total} measurements`, paused ? '' : timeLeft(secondsLeft)].filter((part) => part !== '').join(', ')
}

/** "12 of 25 cells reused from earlier sweeps"; null where none was. */
export function reusedLine(cells: readonly { readonly reused: boolean }[]): string | null {
  const reused = cells.filter((cell) => cell.reused).length
  return reused === 0 ? null : `${reused} of ${cells.length} ${cells.length === 1 ? 'cell' : 'cells'} reused from earlier sweeps`
}

/** "median 1.20 ms, deviation 0.0100 ms (0.833 %), 5 repeats". */
export const spreadLine = ({ medianMs, madMs, repeats }: Pick<SweepCell, 'medianMs' | 'madMs' | 'repeats'>): string =>
  `median ${formatMs(medianMs)}, deviation ${formatMs(madMs)} (${threeDigits(medianMs === 0 ? 0 : madMs / medianMs * 100)} %), ${repeats} ${repeats === 1 ? 'repeat' : 'repeats'}`
