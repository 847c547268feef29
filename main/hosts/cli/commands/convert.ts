import { analyzeTimeline } from '../../../analysis/traceAnalysis.ts'
import { communicationOf } from '../../../comm/communication.ts'
import type { Timeline } from '../../../timeline/timeline.ts'
import { csvSpans } from '../../../traces/save/csvSpans.ts'
import { csvSteps } from '../../../traces/save/csvSteps.ts'
import { writeTrace } from '../../../traces/save/exportTrace.ts'
import { backwardFlows } from '../../../traces/events/importedEvents.ts'
import { writeTextFile } from '../../../traces/open/textFile.ts'
import type { CliContext } from '../context.ts'
import { CancelledError, OutputError, reasonOf, UsageError } from '../errors.ts'
import { formatCount } from '../format/units.ts'
import { checkOutputPath } from '../outputPath.ts'
import { checkCancelled, onlyJob, openInput } from '../traceInput.ts'

export type Conversion = 'chrome' | 'csv' | 'csv-steps'

export interface ConvertOptions {
  readonly to: Conversion
  readonly out: string
  readonly rules?: string
}

const ENDINGS: Readonly<Record<Conversion, readonly string[]>> = {
  chrome: ['.json', '.json.gz'], csv: ['.csv', '.csv.gz'], 'csv-steps': ['.csv', '.csv.gz'],
}

function stepsOf(timeline: Timeline): Iterable<string> {
  const { steps } = analyzeTimeline(timeline)
  if (steps.length === 0) throw new UsageError(`${timeline.title}: no ring was recognised in it, so it has no steps; --to csv writes its spans`)
  return csvSteps(steps)
}

function write(timeline: Timeline, { to, out }: ConvertOptions, signal: AbortSignal): Promise<void> {
  switch (to) {
    case 'chrome': return writeTrace(timeline, out, signal)
    case 'csv': return writeTextFile(out, csvSpans(timeline, timeline.trace === null ? null : communicationOf(timeline)), signal)
    case 'csv-steps': return writeTextFile(out, stepsOf(timeline), signal)
  }
}

export async function convert(paths: readonly string[], options: ConvertOptions, context: CliContext): Promise<void> {
  checkOutputPath(options.out, ENDINGS[options.to])
  const timeline = onlyJob(await openInput(paths, options.rules, context), 'one file holds one of them', 'convert them one at a time')
  for (const { path, repairs, dropped } of timeline.files) {
    for (const { kind, count } of [...repairs, ...dropped]) context.terminal.note(`${path}: ${formatCount(count)} x ${kind}`)
  }
  if (options.to === 'chrome' && timeline.trace !== null) {
    const backward = backwardFlows(timeline, timeline.trace)
    if (backward > 0) context.terminal.note(`${formatCount(backward)} arrows end before they begin and were left out: no viewer could draw them`)
  }
  context.terminal.progress(`writing ${options.out}`)
  await checkCancelled(context)
  try {
    await write(timeline, options, context.cancel)
  } catch (error) {
    if (context.cancel.aborted) throw new CancelledError()
    if (error instanceof UsageError) throw error
    throw new OutputError(`could not write ${options.out}: ${reasonOf(error)}`, { cause: error })
  } finally {
    context.terminal.progress('')
  }
  context.terminal.note(`${timeline.title}: written to ${options.out}`)
}
