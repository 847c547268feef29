import writeFileAtomic from 'write-file-atomic'
import { loadConfigFile } from '../../../config/configFile.ts'
import { nodeRankHost } from '../../../executor/nodeRankHost.ts'
import { startSweep } from '../../../sweep/sweep.ts'
import { onAbort } from '../cancellation.ts'
import { writeResult, type CliContext } from '../context.ts'
import { OutputError } from '../errors.ts'
import { exitCodeOfSweep } from '../exitCodes.ts'
import { progressBar } from '../format/progress.ts'
import { formatSweepReport } from '../format/sweepReport.ts'
import { checkOutputPath } from '../outputPath.ts'

export interface SweepOptions {
  readonly set: readonly string[]
  readonly blockQ: number[]
  readonly blockK: number[]
  readonly repeats: number
  readonly out?: string
  readonly json: boolean
}

export async function sweep(configPath: string, options: SweepOptions, context: CliContext): Promise<void> {
  if (options.out !== undefined) checkOutputPath(options.out, ['.json'])
  const config = await loadConfigFile(configPath, options.set)
  const handle = startSweep(config, { blockQ: options.blockQ, blockK: options.blockK, repeats: options.repeats },
    { installation: context.installation, rankHost: nodeRankHost() })
  handle.onProgress(({ done, total }) => {
    context.terminal.progress(progressBar(total === 0 ? 0 : done / total, `${config.name}: ${done} of ${total}`))
  })
  const stopListening = onAbort(context.cancel, () => { handle.cancel() })
  const report = await handle.finished.finally(() => {
    stopListening()
    context.terminal.progress('')
  })
  if (options.out !== undefined) {
    await writeFileAtomic(options.out, `${JSON.stringify(report, null, 2)}\n`).catch((error: Error) => {
      throw new OutputError(`could not write the report to ${options.out}: ${error.message}`, { cause: error })
    })
  }
  await writeResult(context, options.json, report, () => formatSweepReport(report))
  context.exitCode = exitCodeOfSweep(report)
}
