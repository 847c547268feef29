import type { RingCell, RingSweepReport, SweepAxis } from '../../preload/contract/sweep.ts'
import { formatCount, formatMs, formatPercent } from '../format/quantity.ts'
import { CATEGORY_LOOKS } from '../theme/categories.ts'
import { linearAxis, logAxis, valuesAxis } from './curveAxes.ts'
import type { Curve, CurveAxis, CurvePoint, CurvesPicture, Guide } from './curves.ts'
import { inSlice, type Slice } from './sweepSlices.ts'

/** From how many tokens per rank on hops hide; null where they never do, or where nothing is predicted. */
export type Threshold = { readonly measuredShardTokens: number | null; readonly predictedShardTokens: number | null } | null

/** What the charts of a ring sweep are drawn over. */
export interface RingAxis {
  readonly title: string
  readonly isShard: boolean
  readonly of: (cell: RingCell) => number
}

/** Sequences are shown by the tokens that a rank holds of them: what decides whether hops hide. */
export const ringAxis = (path: string): RingAxis => (path === 'seqLen'
  ? { title: 'tokens per rank', isShard: true, of: ({ shardTokens }) => shardTokens }
  : { title: path, isShard: false, of: ({ values }) => values[path] })

/** The axis to draw over at first: sequences where they vary, else the one with most values. */
export function firstRingAxis(axes: readonly SweepAxis[]): string {
  const varied = [...axes].sort((a, b) => b.values.length - a.values.length)
  return (axes.find(({ path, values }) => path === 'seqLen' && values.length > 1) ?? varied[0])?.path ?? ''
}

/** The cells of a slice along the axis. */
export const ringLine = (cells: readonly RingCell[], slice: Slice, axis: RingAxis): RingCell[] =>
  cells.filter((cell) => inSlice(cell, slice)).sort((a, b) => axis.of(a) - axis.of(b))

/**
 * The threshold of one line. The formula's is of the config itself: where further axes vary it belongs to no line, and the measured
 * one is the line's own, the fewest tokens from which on all its rings hid their hops.
 */
export function thresholdOf(line: readonly RingCell[], axis: RingAxis, axes: readonly SweepAxis[], report: RingSweepReport | null): Threshold {
  if (!axis.isShard || report === null || new Set(line.map(axis.of)).size < 2) return null
  if (axes.length === 1) return report.hideThreshold
  const firstHidden = line.findLastIndex(({ hidden }) => !hidden) + 1
  return { measuredShardTokens: line.at(firstHidden)?.shardTokens ?? null, predictedShardTokens: null }
}

interface Drawn {
  readonly id: string
  readonly label: string
  readonly colour: Curve['colour']
  readonly marker: Curve['marker']
  readonly dash?: readonly number[]
  readonly figure: (cell: RingCell) => number | null
  readonly spread?: (cell: RingCell) => readonly [number, number]
  readonly best?: RingCell | null
}

/** A predicted threshold this far beyond what was measured would squeeze the curves together. */
const FARTHEST_THRESHOLD = 4

/** The predicted threshold where it is near enough to be drawn. */
function nearThreshold(line: readonly RingCell[], axis: RingAxis, threshold: Threshold): number[] {
  const predicted = threshold?.predictedShardTokens ?? null
  if (!axis.isShard || predicted === null) return []
  const shards = line.map(axis.of)
  return predicted >= Math.min(...shards) / FARTHEST_THRESHOLD && predicted <= Math.max(...shards) * FARTHEST_THRESHOLD ? [predicted] : []
}

/** Lines where hops begin to hide, measured and by the formula; where the axis is the shard. */
function thresholdGuides(line: readonly RingCell[], axis: RingAxis, threshold: Threshold): Guide[] {
  if (!axis.isShard || threshold === null) return []
  const { measuredShardTokens } = threshold
  return [
    ...(measuredShardTokens === null ? [] : [{ at: measuredShardTokens, label: `hidden from ${measuredShardTokens}`, look: 'measured' as const }]),
    ...nearThreshold(line, axis, threshold).map((at): Guide => ({ at, label: `predicted ${formatCount(at)}`, look: 'predicted' })),
  ]
}

function picture(
  line: readonly RingCell[], axis: RingAxis, threshold: Threshold, drawn: readonly Drawn[], yAxis: (values: readonly number[]) => CurveAxis,
): CurvesPicture {
  const curves = drawn.map(({ figure, spread, best, ...look }): Curve => ({
    ...look,
    points: line.flatMap((cell, at): CurvePoint[] => {
      const y = figure(cell)
      return y === null ? [] : [{ x: axis.of(cell), y, cell: at, ...(spread === undefined ? {} : { spread: spread(cell) }), ...(cell === best ? { emphasis: 'measured' as const } : {}) }]
    }),
  })).filter(({ points }) => points.length > 0)
  const x = valuesAxis(line.map(axis.of), axis.title, nearThreshold(line, axis, threshold))
  return { x, y: yAxis(curves.flatMap(({ points }) => points.map(({ y }) => y))), curves, guides: thresholdGuides(line, axis, threshold) }
}

const milliseconds = (values: readonly number[]): CurveAxis => logAxis(values, 'time', formatMs)
/** A logarithmic axis has no place for nothing. */
const positive = (value: number | null): number | null => (value === null || value <= 0 ? null : value)
const colourOf = (category: keyof typeof CATEGORY_LOOKS): string | null => CATEGORY_LOOKS[category].colour

/** A step's compute against the hop that it must cover: where they cross, hops begin to hide. */
export const stepCurves = (line: readonly RingCell[], axis: RingAxis, threshold: Threshold): CurvesPicture => picture(line, axis, threshold, [
  { id: 'compute', label: 'step compute', colour: colourOf('compute'), marker: 'circle', figure: ({ stepComputeMs }) => positive(stepComputeMs) },
  { id: 'hop', label: 'hop', colour: colourOf('recv'), marker: 'square', figure: ({ hopMs }) => positive(hopMs) },
], milliseconds)

/** How long an iteration takes, as measured and as simulated, and how much of it a rank waits for the wire. */
export const makespanCurves = (line: readonly RingCell[], axis: RingAxis, threshold: Threshold): CurvesPicture => picture(line, axis, threshold, [
  {
    id: 'measured', label: 'measured', colour: null, marker: 'circle', figure: ({ medianMs }) => positive(medianMs),
    spread: ({ medianMs, madMs }) => [Math.max(medianMs - madMs, medianMs * 0.1), medianMs + madMs],
  },
  { id: 'predicted', label: 'predicted', colour: 0.8, dash: [6, 4], marker: 'diamond', figure: ({ predictedMs }) => positive(predictedMs) },
  { id: 'exposed', label: 'exposed', colour: colourOf('wait-link'), marker: 'triangle', figure: ({ exposedMs }) => positive(exposedMs) },
], milliseconds)

/** Shares of transfers hidden and of time without compute. */
export const overlapCurves = (line: readonly RingCell[], axis: RingAxis, threshold: Threshold): CurvesPicture => picture(line, axis, threshold, [
  { id: 'overlap', label: 'overlap', colour: colourOf('compute'), marker: 'circle', figure: ({ overlapRatio }) => overlapRatio },
  { id: 'idle', label: 'idle', colour: colourOf('wait-peer'), marker: 'triangle', figure: ({ idleFraction }) => idleFraction },
], () => linearAxis([0.98], 'share', { format: formatPercent }))

/** What all of it is for. @param best ringed where it lies on the line */
export const throughputCurves = (line: readonly RingCell[], axis: RingAxis, threshold: Threshold, best: RingCell | null): CurvesPicture => picture(line, axis, threshold, [
  { id: 'throughput', label: '', colour: null, marker: 'circle', figure: ({ tokensPerSecond }) => tokensPerSecond, best },
], (values) => linearAxis(values, 'tokens per second', { format: formatCount }))
