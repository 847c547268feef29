import type { DeltaPart, MetricRow } from '../../preload/contract/compare.ts'
import { median } from '../analysis/statistics.ts'
import type { TimelineMeasure } from './measure.ts'
import type { Metric } from './metrics.ts'
import { isSignificant, type Sample, sampleOf } from './significance.ts'

const MOST_PARTS = 8

export type Delta = NonNullable<MetricRow['deltas'][number]>

/** A metric over the windows that have it; null where none does. */
export const sampleOfMetric = ({ windows }: TimelineMeasure, metric: Metric): Sample | null => sampleOf(windows.flatMap((window) => metric.of(window) ?? []))

/** Medians over the windows, by position of the rank; null where a rank lacks it. */
function valuesOfRanks({ windows, ranks }: TimelineMeasure, { ofRank }: Metric): (number | null)[] {
  return ranks.map((_, at) => {
    const values = ofRank === null ? [] : windows.flatMap((window) => ofRank(window.ranks[at]) ?? [])
    return values.length === 0 ? null : median(values)
  })
}

function rankParts(metric: Metric, source: TimelineMeasure, base: TimelineMeasure): DeltaPart[] {
  const [own, before] = [valuesOfRanks(source, metric), valuesOfRanks(base, metric)]
  // The same number, or the only rank of each.
  const single = source.ranks.length === 1 && base.ranks.length === 1
  const places = new Map(base.ranks.map((rank, at) => [rank, at]))
  return source.ranks.flatMap((rank, at): DeltaPart[] => {
    const place = single ? 0 : places.get(rank)
    const [value, other] = [own[at], place === undefined ? null : before[place]]
    return value === null || other === null ? [] : [{ rank, step: null, delta: value - other }]
  })
}

/** Of every step the cell of the rank that takes longest in it. */
function slowest(cells: readonly DeltaPart[]): DeltaPart[] {
  return [...Map.groupBy(cells, ({ step }) => step).values()].map((own) => own.reduce((most, each) => (each.delta > most.delta ? each : most)))
}

/** Differences of the longest cell of each step, said of the rank that has the longer of the two. */
function slowestParts(source: readonly DeltaPart[], base: readonly DeltaPart[]): DeltaPart[] {
  const before = new Map(slowest(base).map((part) => [part.step, part]))
  return slowest(source).map((part) => {
    const other = before.get(part.step) ?? part
    return { rank: (other.delta > part.delta ? other : part).rank, step: part.step, delta: part.delta - other.delta }
  })
}

/** By ring steps, where both have the same ones. */
function stepParts(metric: Metric, source: TimelineMeasure, base: TimelineMeasure): DeltaPart[] {
  const { ofStep, slowestOfStep } = metric
  if (ofStep === null || source.steps.length === 0 || source.steps.length !== base.steps.length) return []
  const cellsOf = ({ steps }: TimelineMeasure): DeltaPart[] => steps.map((cell) => ({ rank: cell.rank, step: cell.step, delta: ofStep(cell) }))
  const [own, before] = [cellsOf(source), cellsOf(base)]
  // Cells are in the order of ranks and steps.
  if (own.some(({ rank, step }, at) => rank !== before[at].rank || step !== before[at].step)) return []
  return slowestOfStep === true ? slowestParts(own, before) : own.map((part, at) => ({ ...part, delta: part.delta - before[at].delta }))
}

/** The largest, largest first: there may be a million cells. */
function largest(parts: readonly DeltaPart[]): DeltaPart[] {
  const kept: DeltaPart[] = []
  for (const part of parts) {
    const size = Math.abs(part.delta)
    if (size === 0 || kept.length === MOST_PARTS && size <= Math.abs(kept[MOST_PARTS - 1].delta)) continue
    const place = kept.findIndex(({ delta }) => Math.abs(delta) < size)
    kept.splice(place < 0 ? kept.length : place, 0, part)
    kept.length = Math.min(kept.length, MOST_PARTS)
  }
  return kept
}

/** Which ranks, and where both have the same ring steps which of those, a difference comes from. */
function partsOf(metric: Metric, source: TimelineMeasure, base: TimelineMeasure): DeltaPart[] {
  const bySteps = stepParts(metric, source, base)
  return largest(bySteps.length > 0 ? bySteps : rankParts(metric, source, base))
}

export function deltaOf(metric: Metric, source: TimelineMeasure, base: TimelineMeasure): Delta | null {
  const [own, before] = [sampleOfMetric(source, metric), sampleOfMetric(base, metric)]
  if (own === null || before === null) return null
  const absolute = own.median - before.median
  return {
    absolute,
    relative: before.median === 0 ? null : absolute / Math.abs(before.median),
    significant: isSignificant(own, before),
    parts: partsOf(metric, source, base),
  }
}
