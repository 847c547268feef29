import writeFileAtomic from 'write-file-atomic'
import { planRun } from '../../../../kernels/plan/planRun.ts'
import type { RunConfig } from '../../../../kernels/config/runConfig.ts'
import type { SweepAxis } from '../../../../preload/contract/sweep.ts'
import { loadConfigFile } from '../../../config/configFile.ts'
import { nodeRankHost } from '../../../executor/nodeRankHost.ts'
import { startSweep, type SweepAsk } from '../../../sweep/sweep.ts'
import { thisMachine } from '../../../sweep/sweepMachine.ts'
import { onAbort } from '../cancellation.ts'
import { writeResult, type CliContext } from '../context.ts'
import { OutputError, UsageError } from '../errors.ts'
import { exitCodeOfSweep } from '../exitCodes.ts'
import { progressBar } from '../format/progress.ts'
import { formatSweepReport } from '../format/sweepReport.ts'
import { checkOutputPath } from '../outputPath.ts'

export interface SweepOptions {
  readonly set: readonly string[]
  readonly ring: boolean
  readonly blockQ?: number[]
  readonly blockK?: number[]
  readonly axis: readonly SweepAxis[]
  readonly repeats: number
  readonly fresh: boolean
  /** Bytes. */
  readonly l2?: number | undefined
  readonly out?: string
  readonly json: boolean
}

/** Shards of a ring sweep without axes, relative to the config's. */
const SHARD_FACTORS = [1 / 8, 1 / 4, 1 / 2, 1, 2] as const

/** Sequences whose shards are around the config's: what decides whether hops hide (reference section 2.8). */
function shardAxis(config: RunConfig): SweepAxis {
  const { shardTokens } = planRun(config)
  const shards = SHARD_FACTORS.map((factor) => Math.max(1, Math.round(shardTokens * factor)))
  return { path: 'seqLen', values: [...new Set(shards)].map((tokens) => tokens * (config.seqLen / shardTokens)).filter(Number.isInteger) }
}

function askOf(config: RunConfig, { ring, blockQ, blockK, axis, repeats, fresh, l2 }: SweepOptions): SweepAsk {
  if (ring) {
    if (blockQ !== undefined || blockK !== undefined || l2 !== undefined) {
      throw new UsageError('a sweep of whole rings has no --block-q, --block-k and --l2: vary tiles with --axis blockQ=64,128')
    }
    return { kind: 'ring', config, axes: axis.length === 0 ? [shardAxis(config)] : axis, repeats, fresh }
  }
  if (blockQ === undefined || blockK === undefined) {
    throw new UsageError('a sweep of tiles needs --block-q and --block-k; with --ring whole rings are swept instead')
  }
  return { kind: 'tile', config, blockQ, blockK, axes: axis, repeats, fresh, ...(l2 === undefined ? {} : { l2 }) }
}

const minutes = (seconds: number | null): string =>
  (seconds === null ? '' : `, ${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')} left`)

export async function sweep(configPath: string, options: SweepOptions, context: CliContext): Promise<void> {
  if (options.out !== undefined) checkOutputPath(options.out, ['.json'])
  const config = await loadConfigFile(configPath, options.set)
  const engine = { installation: context.installation, rankHost: nodeRankHost() }
  const handle = startSweep(askOf(config, options), { ...engine, machine: thisMachine(engine) })
  handle.onProgress(({ done, total, secondsLeft }) => {
    context.terminal.progress(progressBar(total === 0 ? 0 : done / total, `${config.name}: ${done} of ${total}${minutes(secondsLeft)}`))
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
  context.exitCode = exitCodeOfSweep(report, handle.cancelled)
}
