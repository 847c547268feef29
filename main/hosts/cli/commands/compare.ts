import type { Comparison } from '../../../../preload/contract/compare.ts'
import { analyzeTimeline } from '../../../analysis/traceAnalysis.ts'
import { compareMeasures, measuredAlike } from '../../../compare/compareTimelines.ts'
import { type Condition, type FailedCondition, failedConditions } from '../../../compare/conditions.ts'
import { measureTimeline } from '../../../compare/measureTimeline.ts'
import { type CliContext, writeResult } from '../context.ts'
import { UsageError } from '../errors.ts'
import { EXIT } from '../exitCodes.ts'
import { describeFailure, formatComparison } from '../format/compareReport.ts'
import { checkCancelled, onlyJob, openInput } from '../traceInput.ts'
import type { Timeline } from '../../../timeline/timeline.ts'

export interface CompareOptions {
  readonly failOn: readonly Condition[]
  readonly rules?: string
  readonly json: boolean
}

/** What `--json` prints: the comparison, and the conditions that hold. */
type Document = Comparison & { readonly failed: readonly FailedCondition[] }

async function opened(path: string, rules: string | undefined, context: CliContext): Promise<Timeline> {
  return onlyJob(await openInput([path], rules, context), 'each argument is one of the things compared', 'name them one by one')
}

/** Infinite changes have no place in JSON; a string says what they are. */
const jsonFailure = (failed: FailedCondition): object => (Number.isFinite(failed.value) ? failed : { ...failed, value: String(failed.value) })

export async function compare(paths: readonly string[], options: CompareOptions, context: CliContext): Promise<void> {
  if (paths.length < 2) throw new UsageError('compare needs two or more traces: the first is the base, the others are compared with it')
  const sources: { readonly id: string; readonly timeline: Timeline }[] = []
  for (const path of paths) sources.push({ id: path, timeline: await opened(path, options.rules, context) })
  const measured = await measuredAlike(sources.map(({ id, timeline }) => ({
    id,
    measure: async (wanted) => {
      context.terminal.progress(`measuring ${id}`)
      await checkCancelled(context)
      return measureTimeline(timeline, wanted)
    },
    path: async () => {
      await checkCancelled(context)
      return analyzeTimeline(timeline).criticalPath
    },
  })))
  const comparison = compareMeasures(measured, options.json ? Number.POSITIVE_INFINITY : undefined)
  const failed = failedConditions(comparison, options.failOn)
  await checkCancelled(context)
  context.terminal.progress('')
  const document: Omit<Document, 'failed'> & { readonly failed: readonly object[] } = { ...comparison, failed: failed.map(jsonFailure) }
  await writeResult(context, options.json, document, () => formatComparison(comparison))
  for (const failure of failed) context.terminal.note(describeFailure(comparison, failure))
  if (failed.length > 0) context.exitCode = EXIT.comparisonFailed
}
