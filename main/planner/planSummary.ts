import type { Plan } from '../../kernels/plan/plan.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'

/** The part of a plan that reports and results carry: what each rank holds and how many pairs it computes, per step. */
export function planSummary(plan: Plan): PlanReport['plan'] {
  return {
    world: plan.world,
    shardTokens: plan.shardTokens,
    paddedSeqLen: plan.paddedSeqLen,
    hops: plan.hops,
    bytesPerHop: plan.bytesPerHop,
    traffic: plan.traffic,
    ranks: plan.ranks.map((rank) => ({
      rank: rank.rank,
      pairs: rank.pairs,
      steps: rank.steps.map(({ step, pass, stage, kvOwner, queryOwner, kind, pairs }) => ({ step, pass, stage, kvOwner, queryOwner, kind, pairs })),
    })),
  }
}
