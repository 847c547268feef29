import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Plan } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { tileQuantised } from '../../kernels/plan/tileQuantised.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { UNDISTURBED } from '../simulator/circumstances.ts'
import { figuresOnCluster } from '../simulator/simulateFigures.ts'
import { contiguousRing, speedupOverContiguous } from './contiguous.ts'
import { minShardTokens } from './hideCondition.ts'
import { bytesPerRank, formulaBytes } from './memory.ts'
import { planSummary, planSummaryWithoutSteps } from './planSummary.ts'
import { planningRates } from './rates.ts'

/** What whole tiles cost, and what they leave of the gain over the contiguous ring, which computes whole tiles as well. */
function tileFigures(config: RunConfig, plan: Plan): PlanReport['tileQuantised'] {
  const figures = tileQuantised(config)
  const contiguous = figures === null ? null : tileQuantised(contiguousRing(config))
  if (figures === null || contiguous === null) return null
  const { makespanPairs } = figures
  return {
    blockQ: config.blockQ, blockK: config.blockK, ...figures,
    speedupOverContiguous: speedupOverContiguous(config, { makespanPairs, flopsPerPair: plan.flopsPerPair }, contiguous.makespanPairs),
  }
}

/**
 * What follows from a config without running it: theory from the plan, and the simulator's figures through the same
 * analysis as a real run's. Pure.
 */
export function planReport(config: RunConfig): PlanReport {
  const plan = planRun(config)
  return { ...planFigures(config, plan), plan: planSummary(plan) }
}

/** The same without the steps of the ranks, for worlds of any size. @param plan of the config. */
export function planFigures(config: RunConfig, plan: Plan): PlanReport {
  const rates = planningRates(config)
  const { makespanMs, overlapRatio, idleFraction } = figuresOnCluster(plan, config, rates.cluster, UNDISTURBED)
  return {
    config,
    plan: planSummaryWithoutSteps(plan),
    makespanPairs: plan.makespanPairs,
    idleFraction: plan.idleFraction,
    totalPairs: plan.totalPairs,
    speedupOverContiguous: speedupOverContiguous(config, plan),
    tileQuantised: tileFigures(config, plan),
    memory: { bytesPerRank: bytesPerRank(config, plan), formulaBytes: formulaBytes(config, plan) },
    hideCondition: {
      minShardTokens: minShardTokens(config, plan, 'forward', rates),
      backwardMinShardTokens: config.pass === 'forward' ? null : minShardTokens(config, plan, 'backward', rates),
      gflopsPerRank: rates.gflopsPerRank,
      bandwidthGBps: rates.bandwidthGBps,
      latencyUs: rates.latencyUs,
      basis: rates.basis,
    },
    simulated: { makespanMs, overlapRatio, idleFraction },
  }
}
