import type { StepPlan, Traffic } from '../../kernels/plan/plan.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'

export type { Plan, RankPlan, StepPlan, StepKind, Move, Traffic } from '../../kernels/plan/plan.ts'

/** `ringscope plan --json`, and what the form shows beside a config. */
export interface PlanReport {
  readonly config: RunConfig
  readonly plan: {
    readonly world: number
    readonly shardTokens: number
    readonly paddedSeqLen: number
    readonly hops: number
    readonly bytesPerHop: number
    readonly traffic: readonly Traffic[]
    readonly ranks: readonly {
      readonly rank: number
      readonly pairs: number
      /** Empty where a page asked for a plan of more than 128 ranks; always there in `ringscope plan --json`. */
      readonly steps: readonly Pick<StepPlan, 'step' | 'pass' | 'stage' | 'kvOwner' | 'queryOwner' | 'kind' | 'pairs'>[]
    }[]
  }
  readonly makespanPairs: number
  readonly idleFraction: number
  readonly totalPairs: number
  /** Contiguous makespan over this layout's, free communication. */
  readonly speedupOverContiguous: number
  /**
   * The same figures when whole tiles of blockQ x blockK are computed wherever they hold an allowed pair, as kernels do
   * (reference section 2.5). Null where counting would take seconds: many small tiles under a window or documents.
   */
  readonly tileQuantised: {
    readonly blockQ: number
    readonly blockK: number
    readonly totalPairs: number
    readonly makespanPairs: number
    readonly idleFraction: number
    readonly speedupOverContiguous: number
  } | null
  /** Bytes of a rank's buffers in a run, and what the formula of reference section 2.9 gives. */
  readonly memory: { readonly bytesPerRank: number; readonly formulaBytes: number }
  readonly hideCondition: {
    /** Fewest tokens per rank for which a step's compute covers its hop; reference section 2.8. */
    readonly minShardTokens: number
    /** The same for a backward step, whose gradient travels beside K/V; null without a backward pass. */
    readonly backwardMinShardTokens: number | null
    readonly gflopsPerRank: number
    readonly bandwidthGBps: number
    readonly latencyUs: number
    /** Where the two rates come from, for instance "assumed: no link in the config". */
    readonly basis: string
  }
  readonly simulated: { readonly makespanMs: number; readonly overlapRatio: number | null; readonly idleFraction: number }
}
