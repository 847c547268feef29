import type { RunConfig } from '../../kernels/config/runConfig.ts'

export interface CacheSizes {
  /** Bytes; null where the system does not say. L2 and L3 are those one core can use. */
  readonly l1d: number | null
  readonly l2: number | null
  readonly l3: number | null
}

export interface SweepCell {
  readonly blockQ: number
  readonly blockK: number
  readonly medianMs: number
  /** Median absolute deviation. */
  readonly madMs: number
  readonly gflops: number
  readonly workingSetBytes: number
  /** Null where the machine's L2 size is unknown. */
  readonly fitsL2: boolean | null
  readonly maxAbsError: number
  readonly passed: boolean
}

/** `ringscope sweep --json`. */
export interface SweepReport {
  readonly config: RunConfig
  readonly backend: string
  readonly machine: CacheSizes
  readonly repeats: number
  readonly cells: readonly SweepCell[]
  readonly best: { readonly blockQ: number; readonly blockK: number; readonly gflops: number }
  /** Largest tile whose working set fits 60 % of L2; null where L2 is unknown. */
  readonly predictedBest: { readonly blockQ: number; readonly blockK: number } | null
  /** The fastest single repeat of any cell. */
  readonly peakGflops: number
  /** What it ran on, in words. */
  readonly device?: string
  /** What was measured otherwise than asked, such as blocks larger than a rank's shard. */
  readonly warnings?: readonly string[]
}

export interface SweepProgress {
  readonly sweepId: string
  readonly done: number
  readonly total: number
  /** Cells with at least one repeat so far. */
  readonly cells: readonly SweepCell[]
}
