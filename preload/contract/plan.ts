import type { StepPlan } from '../../kernels/plan/plan.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'

export type { Plan, RankPlan, StepPlan, StepKind, Move } from '../../kernels/plan/plan.ts'

/** `ringscope plan --json`, and what the form shows beside a config. */
export interface PlanReport {
  readonly config: RunConfig
  readonly plan: {
    readonly world: number
    readonly shardTokens: number
    readonly paddedSeqLen: number
    readonly hops: number
    readonly bytesPerHop: number
    readonly ranks: readonly {
      readonly rank: number
      readonly pairs: number
      /** Empty where a page asked for a plan of more than 128 ranks; always there in `ringscope plan --json`. */
      readonly steps: readonly Pick<StepPlan, 'step' | 'kvOwner' | 'kind' | 'pairs'>[]
    }[]
  }
  readonly makespanPairs: number
  readonly idleFraction: number
  readonly totalPairs: number
  /** Contiguous makespan over this layout's, free communication. */
  readonly speedupOverContiguous: number
  readonly hideCondition: {
    /** Fewest tokens per rank for which a step's compute covers its hop; reference section 2.8. */
    readonly minShardTokens: number
    readonly gflopsPerRank: number
    readonly bandwidthGBps: number
    readonly latencyUs: number
    /** Where the two rates come from, for instance "assumed: no link in the config". */
    readonly basis: string
  }
  readonly simulated: { readonly makespanMs: number; readonly overlapRatio: number | null; readonly idleFraction: number }
}
