import type { Plan } from '../../kernels/plan/plan.ts'
import { StepFacts } from '../../kernels/plan/stepObjects.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'

/** The part of a plan that reports and results carry: what each rank holds and how many pairs it computes, per step. */
export function planSummary(plan: Plan): PlanReport['plan'] {
  const facts = new StepFacts(plan)
  return {
    ...planSummaryWithoutSteps(plan),
    ranks: plan.ranks.map(({ rank, pairs: pairsOfRank }) => ({
      rank, pairs: pairsOfRank,
      steps: Array.from({ length: plan.stepCount }, (_, at) => {
        const { step, pass, stage, kvOwner, queryOwner, kind, pairs } = facts.read(rank, at)
        return { step, pass, stage, kvOwner, queryOwner, kind, pairs }
      }),
    })),
  }
}

/** The same with the steps of every rank left out: a thousand ranks have millions. */
export const planSummaryWithoutSteps = (plan: Plan): PlanReport['plan'] => ({
  world: plan.world,
  shardTokens: plan.shardTokens,
  paddedSeqLen: plan.paddedSeqLen,
  hops: plan.hops,
  bytesPerHop: plan.bytesPerHop,
  traffic: plan.traffic,
  ranks: plan.ranks.map(({ rank, pairs }) => ({ rank, pairs, steps: [] })),
})
