import type { DoctorCheck, DoctorReport } from '../../../../preload/contract/machine.ts'
import { formatSections } from './table.ts'
import { formatBytes } from './units.ts'

const STATUS_WIDTH = 'broken'.length

function section(title: string, checks: readonly DoctorCheck[]): string {
  const lines = checks.flatMap((check) => {
    const head = `  ${check.status.padEnd(STATUS_WIDTH)}  ${check.label}: ${check.detail}`
    return check.remedy === null ? [head] : [head, `  ${' '.repeat(STATUS_WIDTH)}  -> ${check.remedy}`]
  })
  return [title, ...lines].join('\n')
}

const gpuLine = ({ index, name, l2Bytes, from }: DoctorReport['gpus'][number]): string =>
  `\nGPU ${index}, ${name}: L2 ${l2Bytes === null ? 'unknown' : `${formatBytes(l2Bytes)} (${from})`}`

/** What works on this machine and what does not, for people. */
export function formatDoctorReport(report: DoctorReport): string {
  const { cpu, caches, gpus } = report
  return formatSections([
    `Ringscope ${report.version}, Node ${report.node}, ${report.platform}\n` +
      `${cpu.model}, ${cpu.cores} ${cpu.cores === 1 ? 'core' : 'cores'}, ${formatBytes(report.memoryBytes)} memory\n` +
      `caches: L1d ${formatBytes(caches.l1d)}, L2 ${formatBytes(caches.l2)}, L3 ${formatBytes(caches.l3)}${gpus.map(gpuLine).join('')}`,
    section('Backends', report.backends),
    section('Devices', report.devices),
    section('Transports', report.transports),
    section('Hosts', report.hosts),
  ])
}
