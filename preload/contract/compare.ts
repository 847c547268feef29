/** One of the timelines compared. The first is the base. */
export interface ComparedSource {
  /** Timeline id in the app, path on the command line. */
  readonly id: string
  readonly title: string
  readonly kind: 'run' | 'simulation' | 'trace'
  /** True where its compute was modelled or simulated: not a measurement. */
  readonly modelled: boolean
  readonly ranks: number
  /** Windows laid over each other, by their start: measured iterations, profiler steps, ring passes, else the whole trace. */
  readonly windows: readonly { readonly startNs: number; readonly endNs: number }[]
  readonly windowKind: 'iterations' | 'profiler-steps' | 'ring-passes' | 'whole'
}

/** Where most of a difference comes from. */
export interface DeltaPart {
  readonly rank: number
  /** Ring step; null where the metric has none. */
  readonly step: number | null
  /**
   * In the metric's unit, source minus base. Of this rank (and step) alone, in mean over the windows for a step: a metric
   * that is a mean over ranks changes by the mean of its ranks' parts. Of the makespan the rank that takes longest in the step.
   */
  readonly delta: number
}

export interface MetricRow {
  /**
   * What `--fail-on` names: "makespan", "compute", "comm", "overlapRatio", "exposed", "waitPeer", "waitLink", "idleFraction", ...,
   * "category.<span category>" and "kind.<kind of kernel>" for summed durations.
   */
  readonly id: string
  readonly label: string
  /** Of '%' values are 0 to 100, and absolute differences are percentage points. */
  readonly unit: 'ms' | '%' | 'bytes' | 'GFLOP/s' | ''
  readonly better: 'lower' | 'higher' | null
  readonly definition: string
  /** Median over the windows that have it, one per source; null where the source does not have it. */
  readonly values: readonly (number | null)[]
  /** Median absolute deviation over the windows; null with a single window. */
  readonly noise: readonly (number | null)[]
  /** Against the base; null for the base itself and where either is null. `relative` is a share (0.05 is 5 %), null where the base is 0. */
  readonly deltas: readonly ({
    readonly absolute: number
    readonly relative: number | null
    /** Larger than what the windows scatter, at 5 % (Mann-Whitney from four windows on); null where a single window says nothing of noise. */
    readonly significant: boolean | null
    /** Largest parts first, cut to 8; empty where ranks do not match. */
    readonly parts: readonly DeltaPart[]
  } | null)[]
}

/** Spans of one name and category over all ranks: means per window, by where they start, not clipped. */
export interface SpanRow {
  /** Ranks, step numbers of a profiler, addresses and hashes are replaced by an asterisk; else exact. */
  readonly name: string
  readonly category: string
  readonly counts: readonly number[]
  readonly totalMs: readonly number[]
  /** Sources that have none of them while others have. */
  readonly missingIn: readonly number[]
}

export interface Comparison {
  readonly sources: readonly ComparedSource[]
  readonly metrics: readonly MetricRow[]
  /** Largest difference first, cut to 500. */
  readonly spans: readonly SpanRow[]
  readonly moreSpans: number
  readonly verdicts: readonly {
    readonly source: number
    readonly change: 'faster' | 'slower' | 'same' | 'unclear'
    /** "12.3 % slower (makespan 48.1 ms against 42.8 ms, noise 0.6 %); most of it is waiting for a late peer on rank 3." */
    readonly sentence: string
  }[]
  /** What makes them hard to compare: other worlds, other shapes, modelled against measured. */
  readonly warnings: readonly string[]
}
