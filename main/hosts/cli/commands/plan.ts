import { loadConfigFile } from '../../../config/configFile.ts'
import { planReport } from '../../../planner/planReport.ts'
import { writeResult, type CliContext } from '../context.ts'
import { formatPlanReport } from '../format/planReport.ts'

export interface PlanOptions {
  readonly set: readonly string[]
  readonly json: boolean
}

export async function plan(configPath: string, options: PlanOptions, context: CliContext): Promise<void> {
  const report = planReport(await loadConfigFile(configPath, options.set))
  await writeResult(context, options.json, report, () => formatPlanReport(report))
}
