import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { planReport } from '../planner/planReport.ts'

/** Beyond this a plan has more steps than a page can draw: a thousand ranks have a million, 60 MB on the wire. */
export const MOST_RANKS_WITH_STEPS = 128

const withoutSteps = (report: PlanReport): PlanReport => ({
  ...report, plan: { ...report.plan, ranks: report.plan.ranks.map((rank) => ({ ...rank, steps: [] })) },
})

/** Plans of configs that are still held: a growing timeline asks for the same one again and again. */
const known = new WeakMap<RunConfig, PlanReport>()

/** The plan of a config as pages get it: all figures, and the steps of each rank up to {@link MOST_RANKS_WITH_STEPS} ranks. */
export function pagePlan(config: RunConfig): PlanReport {
  const remembered = known.get(config)
  if (remembered !== undefined) return remembered
  const report = planReport(config)
  const plan = report.plan.world > MOST_RANKS_WITH_STEPS ? withoutSteps(report) : report
  known.set(config, plan)
  return plan
}
