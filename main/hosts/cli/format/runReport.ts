import type { RunResult, Verification } from '../../../../preload/contract/run.ts'
import { describeTransfer } from '../../../../preload/contract/traffic.ts'
import { describeConfig } from './configLines.ts'
import { formatSections, formatTable } from './table.ts'
import { formatBytes, formatCount, formatError, formatGflops, formatMs, formatShare, NONE, significant } from './units.ts'

/** "wasm relaxed-SIMD, 1 thread", or "tensorflow (GPU)" where the device does not name the backend itself. */
export const describeBackend = (backend: string, device: string): string =>
  device === '' ? backend : device.startsWith(backend) ? device : `${backend} (${device})`

function conditions(result: RunResult): string {
  const { config } = result
  const lines = [`backend ${describeBackend(result.backend, result.device)}, transport ${result.transport}`]
  if (config.link !== null) {
    lines.push(`EMULATED LINK: ${significant(config.link.bandwidthGBps)} GB/s, ${significant(config.link.latencyUs)} µs latency`)
  }
  const slow = Object.entries(config.stragglers)
  if (slow.length > 0) lines.push(`EMULATED STRAGGLERS: ${slow.map(([rank, factor]) => `rank ${rank} x${significant(factor)}`).join(', ')}`)
  if (result.modelled) {
    const rate = config.model === null ? '' : ` at ${formatGflops(config.model.gflops)} a rank`
    lines.push(`MODELLED: arithmetic is replaced by a wait${rate}; the figures say nothing about this machine's speed`)
  }
  return lines.join('\n')
}

function figures(result: RunResult): string {
  const { theory } = result
  return formatTable([{ header: '', align: 'left' }, { header: result.modelled ? 'modelled' : 'measured' }, { header: 'theory' }], [
    ['makespan (median)', formatMs(result.makespanMs), NONE],
    ['idle fraction', formatShare(result.idleFraction), formatShare(theory.idleFraction)],
    ['overlap ratio', formatShare(result.overlapRatio), NONE],
    ['speed-up over contiguous', NONE, significant(theory.speedupOverContiguous)],
  ])
}

/** What each rank sends in an iteration, by kind: counted beside planned. */
function traffic(result: RunResult): string | null {
  if (result.traffic.length === 0) return null
  const columns = ['hops', 'theory', 'bytes per hop', 'theory']
  return 'what travels, per rank and iteration\n' + formatTable(
    [{ header: 'pass', align: 'left' }, { header: 'what', align: 'left' }, ...columns.map((header) => ({ header }))],
    result.traffic.map((kind) => [
      kind.pass, describeTransfer(kind), significant(kind.hops), formatCount(kind.theory.hops),
      formatBytes(kind.bytesPerHop), formatBytes(kind.theory.bytesPerHop),
    ]))
}

function ranks(result: RunResult): string {
  const columns = ['rank', 'compute', 'bytes under way', 'hidden', 'exposed', 'wait for peer', 'wait for wire', 'idle', 'rate']
  const iterations = result.iterations.length === 1 ? '1 iteration' : `${result.iterations.length} iterations, warm-up left out`
  return `totals over ${iterations}\n` + formatTable(columns.map((header) => ({ header })), result.ranks.map((rank) => [
    `${rank.rank}`, formatMs(rank.computeMs), formatMs(rank.commMs), formatMs(rank.overlapMs), formatMs(rank.exposedMs),
    formatMs(rank.waitPeerMs), formatMs(rank.waitLinkMs), formatMs(rank.idleMs), formatGflops(rank.gflops),
  ]))
}

/** One line: passed, failed or not done, and why. */
export function verificationLine(result: RunResult): string {
  const { verification } = result
  if (verification === null) {
    if (result.failure !== null) return 'verification: not done, the run ended early'
    return `verification: not done, ${result.modelled ? 'the modelled backend computes nothing' : 'switched off in the config'}`
  }
  const { passed, checkedRows, maxAbsError, tolerance } = verification
  return `verification ${passed ? 'passed' : 'FAILED'}: ${formatCount(checkedRows)} rows against float64, ` +
    `largest error ${formatError(maxAbsError)} (tolerance ${formatError(tolerance)})${gradients(verification)}${wireNote(result)}`
}

function gradients({ checkedGradRows, maxAbsGradError, gradTolerance }: Verification): string {
  if (maxAbsGradError === null || gradTolerance === null) return ''
  return `; gradients: ${formatCount(checkedGradRows)} rows, largest error ${formatError(maxAbsGradError)} (tolerance ${formatError(gradTolerance)})`
}

/** What rounds most is said, so that the error is not taken for the kernel's. */
const wireNote = ({ config }: RunResult): string => (config.wireDtype === 'bfloat16' && config.world > 1 ? '; K/V travelled as bfloat16' : '')

function failureLine(result: RunResult): string | null {
  if (result.failure === null) return null
  const word = result.failure.kind === 'cancelled' ? 'CANCELLED' : 'FAILED'
  return `${word}: ${result.failure.message}`
}

/** The outcome of a run for people. */
export function formatRunReport(result: RunResult): string {
  const measured = result.iterations.length > 0
  return formatSections([
    describeConfig(result.config),
    conditions(result),
    measured ? figures(result) : null,
    measured ? traffic(result) : null,
    measured ? ranks(result) : 'no iteration was measured',
    verificationLine(result),
    result.warnings.map((warning) => `warning: ${warning}`).join('\n'),
    failureLine(result),
    result.tracePath === null ? null : `trace saved to ${result.tracePath}`,
  ])
}
