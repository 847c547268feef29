import type { MachineRates } from '../../../../preload/contract/rates.ts'
import { nodeRankHost } from '../../../executor/nodeRankHost.ts'
import { examineMachine } from '../../../machine/doctor.ts'
import { measureRates } from '../../../rates/measureRates.ts'
import { unlessAborted } from '../cancellation.ts'
import { writeResult, type CliContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { formatDoctorReport } from '../format/doctorReport.ts'
import { formatRates } from '../format/ratesReport.ts'
import { loadConfigFile } from '../../../config/configFile.ts'

export interface DoctorOptions {
  readonly json: boolean
  readonly rates: boolean
  readonly fresh: boolean
  readonly config?: string
}

async function rates({ json, fresh, config }: DoctorOptions, context: CliContext): Promise<void> {
  const { installation, terminal, cancel } = context
  const configs = config === undefined ? [] : [await loadConfigFile(config, [])]
  const measured: MachineRates = await measureRates({ installation, rankHost: nodeRankHost() }, {
    configs, fresh, signal: cancel, onProgress: (what) => { terminal.progress(`measuring: ${what}`) },
  }).finally(() => { terminal.progress('') })
  await writeResult(context, json, measured, () => formatRates(measured))
}

export async function doctor(options: DoctorOptions, context: CliContext): Promise<void> {
  if (options.rates) return rates(options, context)
  if (options.fresh || options.config !== undefined) throw new UsageError('--fresh and --config go with --rates')
  context.terminal.progress('examining this machine')
  const report = await unlessAborted(context.cancel, examineMachine(context.installation))
  await writeResult(context, options.json, report, () => formatDoctorReport(report))
}
