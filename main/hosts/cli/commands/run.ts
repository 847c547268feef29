import { planRun } from '../../../../kernels/plan/planRun.ts'
import { runResult } from '../../../analysis/runResult.ts'
import { loadConfigFile } from '../../../config/configFile.ts'
import { startRun } from '../../../executor/executor.ts'
import { nodeRankHost } from '../../../executor/nodeRankHost.ts'
import type { Timeline } from '../../../timeline/timeline.ts'
import { writeTrace } from '../../../traces/save/exportTrace.ts'
import { onAbort } from '../cancellation.ts'
import { writeResult, type CliContext } from '../context.ts'
import { OutputError, reasonOf } from '../errors.ts'
import { exitCodeOfRun } from '../exitCodes.ts'
import { progressBar, runFraction } from '../format/progress.ts'
import { formatRunReport } from '../format/runReport.ts'
import { checkOutputPath } from '../outputPath.ts'

export interface RunOptions {
  readonly set: readonly string[]
  readonly out?: string
  readonly json: boolean
  readonly stallTimeout?: number
}

async function save(timeline: Timeline, path: string): Promise<OutputError | null> {
  try {
    await writeTrace(timeline, path)
    return null
  } catch (error) {
    return new OutputError(`could not write the trace to ${path}: ${reasonOf(error)}`, { cause: error })
  }
}

export async function run(configPath: string, options: RunOptions, context: CliContext): Promise<void> {
  if (options.out !== undefined) checkOutputPath(options.out, ['.json', '.json.gz'])
  const config = await loadConfigFile(configPath, options.set)
  const { stepCount } = planRun(config)
  const handle = startRun(config, {
    installation: context.installation,
    rankHost: nodeRankHost(),
    ...(options.stallTimeout === undefined ? {} : { stallTimeoutMs: options.stallTimeout * 1000 }),
  })
  handle.onProgress((progress) => {
    context.terminal.progress(progressBar(runFraction(progress, stepCount), `${config.name}: ${progress.phase}`))
  })
  const stopListening = onAbort(context.cancel, () => { handle.cancel() })
  const timeline = await handle.finished.finally(() => {
    stopListening()
    context.terminal.progress('')
  })
  const unsaved = options.out === undefined ? null : await save(timeline, options.out)
  const result = runResult(timeline, unsaved === null ? (options.out ?? null) : null)
  await writeResult(context, options.json, result, () => formatRunReport(result))
  if (unsaved !== null) throw unsaved
  if (result.failure !== null && (options.json || !context.terminal.showsResults)) context.terminal.note(result.failure.message)
  context.exitCode = exitCodeOfRun(result)
}
