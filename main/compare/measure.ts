import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { StepCell, TraceRankFigures } from '../../preload/contract/analysis.ts'
import type { ComparedSource } from '../../preload/contract/compare.ts'
import type { RankIterationFigures } from '../analysis/ringFigures.ts'

export type WindowKind = ComparedSource['windowKind']

/** One rank in one window, clipped to it. Lengths in ns; null for what such a timeline does not say. */
export interface RankMeasure extends Omit<RankIterationFigures, 'copiesNs' | 'flops'> {
  readonly memoryNs: number
  /** Bytes under way. */
  readonly transferNs: number
  /** All waiting inside communication kernels, hidden or not; null for runs of our own, whose kernels do not wait. */
  readonly kernelWaitNs: number | null
  /** Nothing ran on the device; null for runs of our own. */
  readonly deviceIdleNs: number | null
  /** Null for imported traces. */
  readonly flops: number | null
  /** Sent by the rank in a run; moved by its communication kernels, as their args say, in a trace. */
  readonly bytes: number | null
  readonly hta: TraceRankFigures['hta']
}

/** One window of a timeline: a measured iteration (of a run, or as a cluster run's trace marks it), a profiler step, a pass of a ring, or all. */
export interface WindowMeasure {
  /** Over all ranks, on the timeline's clock. */
  readonly startNs: number
  readonly endNs: number
  /** By rank, ascending. */
  readonly ranks: readonly RankMeasure[]
  /** K/V transfers of a forward pass, or point-to-point kernels, of one rank; null where there is neither. */
  readonly hops: number | null
  /** Summed durations over all ranks, in ms: of each span category, and of each kind of kernel. */
  readonly categoryMs: Readonly<Record<string, number>>
  readonly kindMs: Readonly<Record<string, number>>
}

/** Spans of one name and category over all windows and ranks. */
export interface SpanTotal {
  readonly name: string
  readonly category: string
  readonly count: number
  readonly totalMs: number
}

/** All that a comparison needs to know of a timeline: small, so that it crosses threads, whatever the trace's size. */
export interface TimelineMeasure {
  readonly title: string
  readonly kind: ComparedSource['kind']
  readonly modelled: boolean
  /** Ranks that were recorded, and how many there are of them all, where that is known. */
  readonly ranks: readonly number[]
  readonly world: number | null
  readonly windowKind: WindowKind
  /** The kinds of windows that it can be measured in, its own first. A run's iterations also stand for steps and passes. */
  readonly offers: readonly WindowKind[]
  readonly windows: readonly WindowMeasure[]
  /** Means over the windows, in µs; empty where there are no ring steps. */
  readonly steps: readonly StepCell[]
  readonly spans: readonly SpanTotal[]
  /** Null for what is no run of ours. */
  readonly config: RunConfig | null
  /** In sentences, for people: what makes its figures less than sure. */
  readonly caveats: readonly string[]
}

/** A cell whose times are `factor` times as long: means over passes become means over windows that hold several. */
export const scaledCell = ({ rank, step, ...times }: StepCell, factor: number): StepCell => ({
  rank, step,
  computeUs: times.computeUs * factor, transferUs: times.transferUs * factor, exposedUs: times.exposedUs * factor,
  waitPeerUs: times.waitPeerUs * factor, waitLinkUs: times.waitLinkUs * factor, idleUs: times.idleUs * factor,
  imbalanceUs: times.imbalanceUs * factor,
})
