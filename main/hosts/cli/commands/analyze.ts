import type { TraceAnalysis } from '../../../../preload/contract/analysis.ts'
import { findingOf } from '../../../analysis/finding.ts'
import { analyzeTimeline } from '../../../analysis/traceAnalysis.ts'
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
  // One after the other: a large trace takes much memory while it is read.
  for (const path of traceFiles(paths)) {
    context.terminal.progress(`reading ${path}`)
    analyses.push(analyzeTimeline(await unlessAborted(context.cancel, openTrace(path))))
  }
  await context.terminal.out(options.json
    ? `${JSON.stringify(mergeAnalyses(analyses), null, 2)}\n`
    : analyses.map((analysis) => formatAnalysis(analysis, findingOf(analysis))).join(RULE))
}
