import type { TraceAnalysis } from '../../../../preload/contract/analysis.ts'
import { findingOf } from '../../../analysis/finding.ts'
import { analyzeTimeline } from '../../../analysis/traceAnalysis.ts'
import { namesRanks } from '../../../timeline/timeline.ts'
import type { CliContext } from '../context.ts'
import { formatAnalysis } from '../format/analysisReport.ts'
import { checkCancelled, onlyJob, openInput } from '../traceInput.ts'

export interface AnalyzeOptions {
  readonly rules?: string
  readonly json: boolean
}

const RULE = `\n${'-'.repeat(72)}\n\n`

export async function analyze(paths: readonly string[], options: AnalyzeOptions, context: CliContext): Promise<void> {
  const timelines = await openInput(paths, options.rules, context)
  if (options.json) onlyJob(timelines, '--json prints one document about one of them', 'analyze them one at a time, or without --json')
  const analyses: { readonly analysis: TraceAnalysis; readonly finding: string }[] = []
  for (const timeline of timelines) {
    context.terminal.progress(`analysing ${timeline.title}`)
    await checkCancelled(context)
    const analysis = analyzeTimeline(timeline)
    analyses.push({ analysis, finding: findingOf(analysis, namesRanks(timeline)) })
  }
  await checkCancelled(context)
  await context.terminal.out(options.json
    ? `${JSON.stringify(analyses[0].analysis, null, 2)}\n`
    : analyses.map(({ analysis, finding }) => formatAnalysis(analysis, finding)).join(RULE))
}
