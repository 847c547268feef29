import type { TraceAnalysis } from '../../../../preload/contract/analysis.ts'
import { findingOf } from '../../../analysis/finding.ts'
import { analyzeTimeline } from '../../../analysis/traceAnalysis.ts'
import { namesRanks } from '../../../timeline/timeline.ts'
import { openTrace } from '../../../traces/openTrace.ts'
import { unlessAborted } from '../cancellation.ts'
import type { CliContext } from '../context.ts'
import { formatAnalysis } from '../format/analysisReport.ts'
import { mergeAnalyses } from '../mergeAnalyses.ts'
import { traceFiles } from '../traceFiles.ts'

export interface AnalyzeOptions {
  readonly json: boolean
}

const RULE = `\n${'-'.repeat(72)}\n\n`

export async function analyze(paths: readonly string[], options: AnalyzeOptions, context: CliContext): Promise<void> {
  const analyses: TraceAnalysis[] = []
  const findings: string[] = []
  // One after the other: a large trace takes much memory while it is read.
  for (const path of traceFiles(paths)) {
    context.terminal.progress(`reading ${path}`)
    const timeline = await unlessAborted(context.cancel, openTrace(path))
    const analysis = analyzeTimeline(timeline)
    analyses.push(analysis)
    findings.push(findingOf(analysis, namesRanks(timeline)))
  }
  await context.terminal.out(options.json
    ? `${JSON.stringify(mergeAnalyses(analyses), null, 2)}\n`
    : analyses.map((analysis, at) => formatAnalysis(analysis, findings[at])).join(RULE))
}
