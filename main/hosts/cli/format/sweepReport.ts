import type { SweepReport } from '../../../../preload/contract/sweep.ts'
import { describeBackend } from './runReport.ts'
import { formatSections, formatTable } from './table.ts'
import { formatBytes, formatError, formatGflops, formatMs } from './units.ts'

const yesNo = (value: boolean | null): string => (value === null ? 'unknown' : value ? 'yes' : 'no')

/** The tile predicted from L2 alone, or why there is none. */
function prediction({ predictedBest, machine }: SweepReport): string {
  if (predictedBest !== null) return `${predictedBest.blockQ} x ${predictedBest.blockK}, the largest tile within 60 % of L2`
  return machine.l2 === null
    ? 'unknown, this machine does not tell its L2 size'
    : 'none, every tile of this sweep takes more than 60 % of L2'
}

/** The outcome of a sweep for people, fastest cell first. */
export function formatSweepReport(report: SweepReport): string {
  const { best, machine } = report
  const columns = ['blockQ', 'blockK', 'median', 'spread (MAD)', 'rate', 'working set', 'fits L2', 'largest error', 'numerics']
  const cells = [...report.cells].sort((a, b) => b.gflops - a.gflops)
  const failed = report.cells.filter((cell) => !cell.passed).length
  return formatSections([
    `${report.config.name}: block size sweep on one rank, backend ${describeBackend(report.backend, report.device ?? '')}, ${report.repeats} repeats a cell`,
    `caches: L1d ${formatBytes(machine.l1d)}, L2 ${formatBytes(machine.l2)}, L3 ${formatBytes(machine.l3)}`,
    formatTable(columns.map((header) => ({ header })), cells.map((cell) => [
      `${cell.blockQ}`, `${cell.blockK}`, formatMs(cell.medianMs), formatMs(cell.madMs), formatGflops(cell.gflops),
      formatBytes(cell.workingSetBytes), yesNo(cell.fitsL2), formatError(cell.maxAbsError), cell.passed ? 'passed' : 'FAILED',
    ])),
    `measured best: ${best.blockQ} x ${best.blockK} at ${formatGflops(best.gflops)}\n` +
      `predicted best: ${prediction(report)}` +
      `\nfastest single repeat: ${formatGflops(report.peakGflops)}`,
    (report.warnings ?? []).map((warning) => `warning: ${warning}`).join('\n'),
    failed === 0 ? null : `verification FAILED in ${failed} of ${report.cells.length} cells`,
  ])
}
