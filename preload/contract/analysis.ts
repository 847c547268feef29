import type { Layout } from '../../kernels/config/runConfig.ts'
import type { SpanCategory } from '../../kernels/timeline/categories.ts'
import type { PlanReport } from './plan.ts'
import type { RunResult } from './run.ts'

/**
 * One rank's times in one step, in µs: means over the measured iterations of a run, over the recognised passes of a ring
 * in an imported trace.
 */
export interface StepCell {
  readonly rank: number
  readonly step: number
  readonly computeUs: number
  /** Bytes under way: U(send ∪ recv) of a run, the transfer part of the step's communication kernels in a trace. */
  readonly transferUs: number
  /** Transfer that compute does not hide. */
  readonly exposedUs: number
  /** Waiting for a late peer: in a run what kept the rank from computing; in a trace all of its kernels' waiting part. */
  readonly waitPeerUs: number
  /** Waiting for the wire; in a trace the same as `exposedUs`. */
  readonly waitLinkUs: number
  /** Neither computing nor communicating, from the step's start to the next one's. */
  readonly idleUs: number
  /** Latest rank's compute end at this step minus this rank's (design section 6); 0 in an all-to-all. */
  readonly imbalanceUs: number
}

export interface TraceRankFigures {
  readonly rank: number
  readonly spanUs: number
  readonly computeUs: number
  readonly commUs: number
  readonly memoryUs: number
  readonly idleUs: number
  readonly overlapUs: number
  readonly overlapRatio: number | null
  readonly exposedCommUs: number
  /** The part of exposedCommUs in which communication kernels waited for a late peer; the rest moved bytes. 0 in our own runs, whose commUs has no waiting. */
  readonly exposedWaitUs: number
  /** Of the point-to-point communication kernels: their summed durations are waitUs + transferUs. */
  readonly waitUs: number
  readonly transferUs: number
  /** The same of all other communication kernels between ranks. */
  readonly collectiveWaitUs: number
  readonly collectiveTransferUs: number
  /** How much of waitUs + collectiveWaitUs is estimated, because a peer's trace is missing. */
  readonly estimatedWaitUs: number
  readonly hta: null | {
    readonly spanUs: number
    readonly computeUs: number
    readonly commUs: number
    readonly memoryUs: number
    readonly idleUs: number
    readonly overlapUs: number
    readonly overlapRatio: number | null
  }
}

/** A ring of ranks that was recognised in an imported trace. */
export interface RingSummary {
  /** Process group, or the stream where the trace names none. */
  readonly group: string
  /** In ring order, each sends to the next. */
  readonly ranks: readonly number[]
  /** What the files say, else what the pattern implies; null where neither does. */
  readonly world: number | null
  readonly pass: 'forward' | 'backward'
  /** How many times the ring went round, and in how many steps. */
  readonly passes: number
  readonly steps: number
  readonly bytesPerHop: number | null
  /** The layout whose share of work per rank and step fits best; null where none fits clearly. */
  readonly layout: Layout | null
  /** In sentences: what was seen and how well it fits. */
  readonly evidence: readonly string[]
  /** By rank, ascending: totals over all passes. */
  readonly times: readonly {
    readonly rank: number
    /** From the pass's first compute or kernel to its last. */
    readonly ringUs: number
    /** Waiting for a late peer while nothing was computed, and bytes under way while nothing was. */
    readonly exposedWaitUs: number
    readonly exposedTransferUs: number
    /** The rank that was waited for longest; null where none is known. */
    readonly waitedFor: number | null
    /** Whether some of the waiting is estimated, because a peer's trace is missing. */
    readonly estimated: boolean
  }[]
}

/** What the makespan over all ranks was made of, along the chain of spans that determined it. */
export interface CriticalPath {
  readonly makespanUs: number
  readonly computeUs: number
  /** Bytes under way with nothing else to do. */
  readonly wireUs: number
  /** Beyond what it would have been with equal work on all ranks: waiting for a late one. */
  readonly imbalanceUs: number
  /** Nothing ran on the device: launches that came late, host work, gaps. */
  readonly launchGapUs: number
  readonly memoryUs: number
  readonly otherUs: number
  /** The chain itself, in time order; adjacent parts of one kind and rank are one. Longest first cut to 1000. */
  readonly segments: readonly {
    readonly rank: number
    readonly kind: 'compute' | 'wire' | 'imbalance' | 'launch-gap' | 'memory' | 'other'
    readonly startNs: number
    readonly endNs: number
    readonly spanIndex: number | null
  }[]
  /** Makespans that each change alone would give, by the same dependencies: an upper bound of what there is to win. */
  readonly whatIf: {
    /** All ranks compute equally long in every step. */
    readonly balancedLayoutUs: number
    /** All transfers run beside compute. */
    readonly fullOverlapUs: number
    /** Bytes take no time. */
    readonly infiniteLinkUs: number
  }
}

/** How a trace's device spans were put into categories. */
export interface Classification {
  /** Where rules of the user were read from; null where there are none. */
  readonly overriddenBy: string | null
  /** What was recognised, by rule: "attention", "NCCL", "memory copy". Largest first. */
  readonly kinds: readonly { readonly kind: string; readonly category: SpanCategory; readonly count: number; readonly totalUs: number }[]
  /** Device spans that no rule knew, by name; largest first, cut to 100. */
  readonly other: readonly { readonly name: string; readonly count: number; readonly totalUs: number }[]
}

/** `ringscope analyze --json`. */
export interface TraceAnalysis {
  readonly files: readonly {
    readonly path: string
    readonly events: number
    readonly ranks: readonly number[]
    readonly repairs: readonly { readonly kind: string; readonly count: number; readonly firstOffset: number }[]
    readonly dropped: readonly { readonly kind: string; readonly count: number; readonly firstOffset: number }[]
  }[]
  readonly clock: {
    readonly method: string
    readonly offsetsNs: readonly number[]
    /** Null for a rank that nothing relates to the others. */
    readonly uncertaintyNs: readonly (number | null)[]
    /** The ranks of both lists, in their order. */
    readonly ranks: readonly number[]
    /** Ranks that are not on the common clock. */
    readonly unaligned: readonly number[]
  }
  /** As the files say; null where they do not. */
  readonly world: number | null
  /** How each rank of an imported trace is known; empty for runs of our own. */
  readonly rankSources: readonly { readonly rank: number; readonly path: string; readonly from: string }[]
  readonly ranks: readonly TraceRankFigures[]
  readonly steps: readonly StepCell[]
  /** Rings recognised in an imported trace; `steps` are those of the first, and of the other pass of the same ranks. */
  readonly rings: readonly RingSummary[]
  /** What was assumed of a trace's communication, and what could not be matched, in sentences. */
  readonly notes: readonly string[]
  /** Null where ranks share no clock, or nothing was recorded. */
  readonly criticalPath: CriticalPath | null
  /** Null for runs of our own. */
  readonly classification: Classification | null
  /** The figures of the run, for a trace of our own: equal to those the run printed. */
  readonly run: RunResult | null
}

/** What the plan says of a config with one layout: free communication, equal ranks. */
export interface LayoutFigures {
  readonly layout: Layout
  /** Whether it is the layout of the run. */
  readonly used: boolean
  readonly idleFraction: number
  readonly speedupOverContiguous: number
  /** The same when whole tiles are computed; null where the world is too large to count them. */
  readonly tiled: { readonly idleFraction: number; readonly speedupOverContiguous: number } | null
}

/** What the Imbalance view draws. */
export interface TimelineAnalysis {
  readonly timelineId: string
  readonly revision: number
  readonly trace: TraceAnalysis
  /** The finding in a sentence, for the chart's title. */
  readonly finding: string
  readonly plan: PlanReport | null
  /** The layouts that the run could have used, its own among them; empty where there is no choice or no run. */
  readonly layouts: readonly LayoutFigures[]
}
