import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { planFigures, planReport } from '../planner/planReport.ts'

/** Beyond this a plan has more steps than a page can draw: a thousand ranks have a million, 60 MB on the wire. */
export const MOST_RANKS_WITH_STEPS = 128

/** Plans of configs that are still held: a growing timeline asks for the same one again and again. */
const known = new WeakMap<RunConfig, PlanReport>()

/** The plan of a config as pages get it: all figures, and the steps of each rank up to {@link MOST_RANKS_WITH_STEPS} ranks. */
export function pagePlan(config: RunConfig): PlanReport {
  const remembered = known.get(config)
  if (remembered !== undefined) return remembered
  const plan = config.world > MOST_RANKS_WITH_STEPS ? planFigures(config, planRun(config)) : planReport(config)
  known.set(config, plan)
  return plan
}
