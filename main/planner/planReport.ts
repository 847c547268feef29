import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/plan.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { ringSchedule } from '../simulator/ringSchedule.ts'
import { speedupOverContiguous } from './contiguous.ts'
import { minShardTokens } from './hideCondition.ts'
import { planSummary } from './planSummary.ts'
import { planningRates } from './rates.ts'
import { scheduleFigures } from './scheduleFigures.ts'

/**
 * What follows from a config without running it: theory from the plan, and the simulator's figures through the same
 * analysis as a real run's. Pure.
 */
export function planReport(config: RunConfig): PlanReport {
  const plan = planRun(config)
  const rates = planningRates(config)
  const schedule = ringSchedule(plan, { gflopsPerRank: rates.gflopsPerRank, link: rates }, config.overlap, config.stragglers)
  return {
    config,
    plan: planSummary(plan),
    makespanPairs: plan.makespanPairs,
    idleFraction: plan.idleFraction,
    totalPairs: plan.totalPairs,
    speedupOverContiguous: speedupOverContiguous(config, plan),
    hideCondition: {
      minShardTokens: minShardTokens(config, rates),
      gflopsPerRank: rates.gflopsPerRank,
      bandwidthGBps: rates.bandwidthGBps,
      latencyUs: rates.latencyUs,
      basis: rates.basis,
    },
    simulated: scheduleFigures(schedule),
  }
}
