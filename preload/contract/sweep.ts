import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Roofline } from './rates.ts'

export interface CacheSizes {
  /** Bytes; null where the system does not say. L2 and L3 are those one core can use. */
  readonly l1d: number | null
  readonly l2: number | null
  readonly l3: number | null
}

/** A numeric field of the config and the values that a sweep gives it: "blockQ", "headDim", "seqLen", "link.bandwidthGBps". */
export interface SweepAxis {
  readonly path: string
  readonly values: readonly number[]
}

/** How sure a cell is. */
export interface CellSpread {
  readonly medianMs: number
  /** Median absolute deviation. */
  readonly madMs: number
  /** Measurements taken, reruns of a wide cell included. */
  readonly repeats: number
  /** Still too wide after its reruns. */
  readonly noisy: boolean
  /** Taken from an earlier sweep of the same machine, backend, kernel, shape, mask and layout. */
  readonly reused: boolean
}

/** Why a cell takes as long as it does, by the machine's roofline. Shares of the predicted time; they sum to 1. */
export interface CellLimits {
  readonly predictedMs: number
  readonly dispatchShare: number
  readonly cacheShare: number
  readonly arithmeticShare: number
  readonly limitedBy: 'dispatch' | 'cache' | 'arithmetic'
  /** The innermost level that holds what the tile touches again and again; its traffic comes from there. */
  readonly servedBy: 'l1' | 'l2' | 'l3' | 'memory'
  readonly trafficBytes: number
  /** Bandwidth that the traffic is taken at. */
  readonly gbps: number
}

/** Hardware counters of a cell, where the system allows them; per measurement. */
export interface CellCounters {
  readonly instructions: number
  readonly cycles: number
  readonly l1Misses: number | null
  readonly l2Misses: number | null
  readonly l3Misses: number | null
}

export interface SweepCell extends CellSpread {
  readonly blockQ: number
  readonly blockK: number
  /** Values of axes beside the tile's two. */
  readonly values: Readonly<Record<string, number>>
  readonly gflops: number
  readonly workingSetBytes: number
  /** Null where the machine's L2 size is unknown. */
  readonly fitsL2: boolean | null
  readonly maxAbsError: number
  readonly passed: boolean
  /** Null where no roofline was measured. */
  readonly limits: CellLimits | null
  readonly counters: CellCounters | null
}

/** The tile that a sweep names, with the values of further axes. */
export interface SweptTile {
  readonly blockQ: number
  readonly blockK: number
  readonly values: Readonly<Record<string, number>>
}

/** `ringscope sweep --json` of compute tiles: one rank's kernel, nothing travels. */
export interface SweepReport {
  readonly kind: 'tile'
  readonly config: RunConfig
  readonly backend: string
  /** What it ran on, in words. */
  readonly device: string
  readonly machine: CacheSizes
  readonly axes: readonly SweepAxis[]
  readonly repeats: number
  readonly cells: readonly SweepCell[]
  readonly best: SweptTile & { readonly gflops: number }
  /** What the model of the kernel and the roofline say, before anything was measured; null where caches are unknown. */
  readonly predictedBest: (SweptTile & {
    /** Measured rate of that tile over the best's: 1 is a perfect prediction. Null where it was not measured. */
    readonly speedOfBest: number | null
  }) | null
  /** The fastest single repeat of any cell. */
  readonly peakGflops: number
  readonly roofline: Roofline | null
  /** Where cells' counters come from, or why there are none. */
  readonly countersFrom: string
  readonly reusedCells: number
  /** What was measured otherwise than asked, such as blocks larger than a rank's shard. */
  readonly warnings: readonly string[]
}

/** One point of a sweep of whole rings. */
export interface RingCell extends CellSpread {
  readonly values: Readonly<Record<string, number>>
  readonly shardTokens: number
  readonly overlapRatio: number | null
  readonly idleFraction: number
  /** Of the rank where that is most, per iteration. */
  readonly exposedMs: number
  readonly waitLinkMs: number
  readonly waitPeerMs: number
  /** Median time that a transfer took, and the mean of the blocks that it had to hide behind. */
  readonly hopMs: number | null
  readonly stepComputeMs: number
  readonly hidden: boolean
  readonly tokensPerSecond: number
  readonly maxAbsError: number | null
  /** Null where the config says not to verify. */
  readonly passed: boolean | null
  /** What the simulator says for the same config with the machine's rates. */
  readonly predictedMs: number | null
}

/** `ringscope sweep --ring --json`: whole runs; by default over the shard length. */
export interface RingSweepReport {
  readonly kind: 'ring'
  readonly config: RunConfig
  readonly backend: string
  readonly device: string
  readonly modelled: boolean
  readonly axes: readonly SweepAxis[]
  readonly repeats: number
  readonly cells: readonly RingCell[]
  /** Most tokens a second. */
  readonly best: { readonly values: Readonly<Record<string, number>>; readonly tokensPerSecond: number }
  /** Fewest tokens per rank whose hops were hidden, and what the formula says (reference section 2.8); null without such an axis. */
  readonly hideThreshold: { readonly measuredShardTokens: number | null; readonly predictedShardTokens: number } | null
  readonly reusedCells: number
  readonly warnings: readonly string[]
}

export type AnySweepReport = SweepReport | RingSweepReport

export interface SweepProgress {
  readonly sweepId: string
  readonly kind: 'tile' | 'ring'
  readonly axes: readonly SweepAxis[]
  readonly done: number
  readonly total: number
  readonly paused: boolean
  /** Null until a few measurements say. */
  readonly secondsLeft: number | null
  /** Cells with at least one repeat so far, of the sweep's kind. */
  readonly cells: readonly SweepCell[]
  readonly ringCells: readonly RingCell[]
}
