import type { TraceAnalysis } from '../../preload/contract/analysis.ts'
import type { ComparedSource, Comparison, MetricRow } from '../../preload/contract/compare.ts'
import type { Timeline } from '../timeline/timeline.ts'
import type { MakespanParts } from './cause.ts'
import { deltaOf, sampleOfMetric } from './deltas.ts'
import type { TimelineMeasure, WindowKind } from './measure.ts'
import { measureTimeline } from './measureTimeline.ts'
import { type Metric, metricsOf } from './metrics.ts'
import { spanRows } from './spanRows.ts'
import { verdictsOf } from './verdict.ts'
import { warningsOf } from './warnings.ts'

const MOST_SPANS = 500

/** A timeline that was measured, and what it is called where it is held. */
export interface MeasuredSource {
  readonly id: string
  readonly measure: TimelineMeasure
  /** Its critical path, as its analysis has it. */
  readonly path: MakespanParts
}

const KINDS: readonly WindowKind[] = ['iterations', 'profiler-steps', 'ring-passes', 'whole']

/** The kind of windows that all offer: the finest that is each one's own, else the first that all can have. */
export const commonWindows = (measures: readonly Pick<TimelineMeasure, 'offers'>[]): WindowKind =>
  KINDS.find((kind) => measures.every(({ offers }) => offers.includes(kind))) ?? 'whole'

function sourceOf({ id, measure }: MeasuredSource): ComparedSource {
  const { title, kind, modelled, ranks, windows, windowKind } = measure
  return { id, title, kind, modelled, ranks: ranks.length, windows: windows.map(({ startNs, endNs }) => ({ startNs, endNs })), windowKind }
}

/** Null where no source has it. */
function rowOf(metric: Metric, measures: readonly TimelineMeasure[]): MetricRow | null {
  const samples = measures.map((measure) => sampleOfMetric(measure, metric))
  if (samples.every((sample) => sample === null)) return null
  const { id, label, unit, better, definition } = metric
  return {
    id, label, unit, better, definition,
    values: samples.map((sample) => sample?.median ?? null),
    noise: samples.map((sample) => sample?.noise ?? null),
    deltas: measures.map((measure, at) => (at === 0 ? null : deltaOf(metric, measure, measures[0]))),
  }
}

/**
 * Compares timelines that were measured in windows of one kind. Pure and quick, whatever their size.
 * @param sources two or more; the first is the base. @param mostSpans how many rows of spans are kept.
 */
export function compareMeasures(sources: readonly MeasuredSource[], mostSpans = MOST_SPANS): Comparison {
  const measures = sources.map(({ measure }) => measure)
  const spans = spanRows(measures)
  return {
    sources: sources.map(sourceOf),
    metrics: metricsOf(measures).flatMap((metric) => rowOf(metric, measures) ?? []),
    spans: spans.slice(0, mostSpans),
    moreSpans: Math.max(0, spans.length - mostSpans),
    verdicts: verdictsOf(sources),
    warnings: warningsOf(measures),
  }
}

/** Whether a measure is by that kind of windows. The iterations of a run of ours stand for all that repeats. */
const isBy = ({ windowKind, config }: TimelineMeasure, kind: WindowKind): boolean => windowKind === kind || config !== null && windowKind === 'iterations' && kind !== 'whole'

/** A timeline that is measured where it is held. */
export interface Measurable {
  readonly id: string
  /** By a kind of windows; null for its own. */
  readonly measure: (wanted: WindowKind | null) => Promise<TimelineMeasure>
  readonly path: () => Promise<MakespanParts>
}

/** Measures every source in windows that all of them have, wherever they are measured. */
export async function measuredAlike(sources: readonly Measurable[]): Promise<MeasuredSource[]> {
  const first = await Promise.all(sources.map(({ measure }) => measure(null)))
  const common = commonWindows(first)
  return Promise.all(sources.map(async ({ id, measure, path }, at) =>
    ({ id, measure: isBy(first[at], common) ? first[at] : await measure(common), path: await path() })))
}

/**
 * Compares timelines that are at hand. Pure.
 * @param sources two or more with their analyses; the first is the base.
 */
export function compareTimelines(sources: readonly { readonly id: string; readonly timeline: Timeline; readonly analysis: Pick<TraceAnalysis, 'criticalPath'> }[], mostSpans?: number): Comparison {
  const first = sources.map(({ timeline }) => measureTimeline(timeline, null))
  const common = commonWindows(first)
  const measured = sources.map(({ id, timeline, analysis }, at): MeasuredSource =>
    ({ id, measure: isBy(first[at], common) ? first[at] : measureTimeline(timeline, common), path: analysis.criticalPath }))
  return compareMeasures(measured, mostSpans)
}
