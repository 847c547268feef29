import { examineMachine } from '../../../machine/doctor.ts'
import { unlessAborted } from '../cancellation.ts'
import { writeResult, type CliContext } from '../context.ts'
import { formatDoctorReport } from '../format/doctorReport.ts'

export interface DoctorOptions {
  readonly json: boolean
}

export async function doctor(options: DoctorOptions, context: CliContext): Promise<void> {
  context.terminal.progress('examining this machine')
  const report = await unlessAborted(context.cancel, examineMachine(context.installation))
  await writeResult(context, options.json, report, () => formatDoctorReport(report))
}
