import { planRun } from '../../../../kernels/plan/planRun.ts'
import { loadConfigFile } from '../../../config/configFile.ts'
import { planFigures } from '../../../planner/planReport.ts'
import type { CliContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { formatAnswers } from '../format/plannerReport.ts'
import { planDocument } from '../format/planDocument.ts'
import { formatPlanReport } from '../format/planReport.ts'
import { answersAsked, planReference, type QuestionOptions } from './planQuestions.ts'

export interface PlanOptions extends QuestionOptions {
  readonly set: readonly string[]
  readonly json: boolean
}

export async function plan(configPath: string | undefined, options: PlanOptions, context: CliContext): Promise<void> {
  const others = [...(configPath === undefined ? [] : [`the config ${configPath}`]), ...(options.set.length === 0 ? [] : ['--set'])]
  if (await planReference(options, others, context)) return
  if (configPath === undefined) throw new UsageError('plan needs a config file; only --published and --tables do without one')
  const config = await loadConfigFile(configPath, options.set)
  const answers = await answersAsked(config, options, context)
  const planned = planRun(config)
  const report = planFigures(config, planned)
  if (options.json) {
    const document = answers === null ? report : { ...report, answers }
    for (const piece of planDocument(document, planned)) await context.terminal.out(piece)
  } else {
    await context.terminal.out(formatPlanReport(report, planned) + (answers === null ? '' : `\n${formatAnswers(answers)}`))
  }
}
