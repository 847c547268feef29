import type { AnySweepReport, CellLimits, CellSpread, RingSweepReport, SweepAxis, SweepCell, SweepReport, SweptTile } from '../../../../preload/contract/sweep.ts'
import { describeBackend } from './runReport.ts'
import { formatSections, formatTable } from './table.ts'
import { formatBytes, formatCount, formatError, formatGflops, formatMs, formatShare, NONE, significant } from './units.ts'

const yesNo = (value: boolean | null): string => (value === null ? 'unknown' : value ? 'yes' : 'no')
const LEVEL = { l1: 'L1', l2: 'L2', l3: 'L3', memory: 'memory' } as const

/** "64 x 128, headDim 64". */
const tileName = ({ blockQ, blockK, values }: SweptTile): string =>
  [`${blockQ} x ${blockK}`, ...Object.entries(values).map(([path, value]) => `${path} ${value}`)].join(', ')

const valueCells = (axes: readonly SweepAxis[], values: Readonly<Record<string, number>>): string[] => axes.map(({ path }) => `${values[path]}`)

/** What belongs to every cell, of whichever sweep: "noisy", "reused". */
const marks = ({ noisy, reused }: CellSpread): string => [noisy ? 'noisy' : '', reused ? 'reused' : ''].filter((mark) => mark !== '').join(', ')

function prediction({ predictedBest, machine }: SweepReport): string {
  if (predictedBest === null) {
    return machine.l2 === null ? 'unknown, the size of L2 is not known' : 'none, every tile of this sweep takes more than 60 % of L2'
  }
  const { speedOfBest } = predictedBest
  return `${tileName(predictedBest)}${speedOfBest === null ? ', which was not measured' : `, at ${formatShare(speedOfBest)} of the best's speed`}`
}

/** "arithmetic 91 %, dispatch 8 %, cache 1 %; 12 MiB from L2 at 60 GB/s". */
function why(limits: CellLimits | null): string {
  if (limits === null) return NONE
  const shares = [['arithmetic', limits.arithmeticShare], ['cache', limits.cacheShare], ['dispatch', limits.dispatchShare]] as const
  const named = [...shares].sort((a, b) => b[1] - a[1]).filter(([, share]) => share >= 0.005).map(([name, share]) => `${name} ${Math.round(share * 100)} %`)
  return `${named.join(', ')}; ${formatBytes(limits.trafficBytes)} from ${LEVEL[limits.servedBy]} at ${significant(limits.gbps)} GB/s`
}

function counterTable(report: SweepReport, cells: readonly SweepCell[]): string | null {
  const counted = cells.flatMap((cell) => (cell.counters === null ? [] : [{ cell, counters: cell.counters }]))
  if (counted.length === 0) return `counters: ${report.countersFrom}`
  const columns = ['tile', 'instructions', 'cycles', 'per cycle', 'L1 misses', 'L2 misses', 'L3 misses']
  const count = (value: number | null): string => (value === null ? NONE : formatCount(value))
  return `counters: ${report.countersFrom}\n` + formatTable(columns.map((header) => ({ header })), counted.map(({ cell, counters }) => [
    tileName(cell), count(counters.instructions), count(counters.cycles), significant(counters.instructions / counters.cycles),
    count(counters.l1Misses), count(counters.l2Misses), count(counters.l3Misses),
  ]))
}

function roofline({ roofline: found }: SweepReport): string | null {
  if (found === null) return null
  const levels = found.levels.map(({ level, gbps }) => `${LEVEL[level]} ${significant(gbps)} GB/s`)
  return `roofline of one core: ${formatGflops(found.peakGflops)} multiply-adds, ${levels.join(', ')}`
}

function formatTiles(report: SweepReport): string {
  const { best, machine, axes, repeats } = report
  const numbers = ['blockQ', 'blockK', ...axes.map(({ path }) => path), 'median', 'spread (MAD)', 'rate', 'predicted', 'working set', 'fits L2', 'largest error']
  const cells = [...report.cells].sort((a, b) => b.gflops - a.gflops)
  const failed = report.cells.filter((cell) => !cell.passed).length
  return formatSections([
    `${report.config.name}: block size sweep on one rank, ${report.config.pass === 'forward' ? 'forward pass' : 'forward and backward pass'}, ` +
      `backend ${describeBackend(report.backend, report.device)}, ${repeats} ${repeats === 1 ? 'repeat' : 'repeats'} a cell`,
    [`caches: L1d ${formatBytes(machine.l1d)}, L2 ${formatBytes(machine.l2)}, L3 ${formatBytes(machine.l3)}`, roofline(report)].filter((line) => line !== null).join('\n'),
    formatTable([...numbers.map((header) => ({ header })), { header: 'numerics', align: 'left' }, { header: 'marks', align: 'left' }, { header: 'why', align: 'left' }],
      cells.map((cell) => [
        `${cell.blockQ}`, `${cell.blockK}`, ...valueCells(axes, cell.values), formatMs(cell.medianMs), formatMs(cell.madMs), formatGflops(cell.gflops),
        cell.limits === null ? NONE : formatMs(cell.limits.predictedMs), formatBytes(cell.workingSetBytes), yesNo(cell.fitsL2), formatError(cell.maxAbsError),
        cell.passed ? 'passed' : 'FAILED', marks(cell), why(cell.limits),
      ])),
    `measured best: ${tileName(best)} at ${formatGflops(best.gflops)}\n` +
      `predicted best: ${prediction(report)}` +
      `\nfastest single repeat: ${formatGflops(report.peakGflops)}`,
    counterTable(report, cells),
    ...closing(report, failed),
  ])
}

function formatRings(report: RingSweepReport): string {
  const { axes, best, hideThreshold, repeats } = report
  const columns = [...axes.map(({ path }) => path), 'shard', 'median', 'spread (MAD)', 'predicted', 'tokens/s', 'overlap', 'idle', 'exposed', 'wait wire', 'wait peer',
    'hop', 'step compute', 'hidden']
  const failed = report.cells.filter((cell) => cell.passed === false).length
  return formatSections([
    `${report.config.name}: sweep of whole rings, ${report.config.world} ranks, backend ${describeBackend(report.backend, report.device)}` +
      `${report.modelled ? ' (modelled: arithmetic is waited for, not done)' : ''}, ${repeats} ${repeats === 1 ? 'run' : 'runs'} a cell`,
    formatTable([...columns.map((header) => ({ header })), { header: 'numerics', align: 'left' }, { header: 'marks', align: 'left' }], report.cells.map((cell) => [
      ...valueCells(axes, cell.values), `${cell.shardTokens}`, formatMs(cell.medianMs), formatMs(cell.madMs), cell.predictedMs === null ? NONE : formatMs(cell.predictedMs),
      formatCount(Math.round(cell.tokensPerSecond)), formatShare(cell.overlapRatio), formatShare(cell.idleFraction), formatMs(cell.exposedMs),
      formatMs(cell.waitLinkMs), formatMs(cell.waitPeerMs), cell.hopMs === null ? NONE : formatMs(cell.hopMs), formatMs(cell.stepComputeMs), yesNo(cell.hidden),
      cell.passed === null ? 'not checked' : cell.passed ? 'passed' : 'FAILED', marks(cell),
    ])),
    `most tokens a second: ${Object.entries(best.values).map(([path, value]) => `${path} ${value}`).join(', ')}, ${formatCount(Math.round(best.tokensPerSecond))}`,
    hideThreshold === null ? null
      : `hops are hidden from ${hideThreshold.measuredShardTokens === null ? 'more tokens per rank than were measured' : `${hideThreshold.measuredShardTokens} tokens per rank`}; ` +
        `the formula says ${hideThreshold.predictedShardTokens}`,
    ...closing(report, failed),
  ])
}

function closing({ warnings, reusedCells, cells }: AnySweepReport, failed: number): (string | null)[] {
  return [
    reusedCells === 0 ? null : `${reusedCells} of ${cells.length} cells are from earlier sweeps of this machine, backend, kernel, shape and mask; --fresh measures them again`,
    warnings.map((warning) => `warning: ${warning}`).join('\n'),
    failed === 0 ? null : `verification FAILED in ${failed} of ${cells.length} cells`,
  ]
}

/** The outcome of a sweep for people: tiles fastest first, rings in the order of their axes. */
export const formatSweepReport = (report: AnySweepReport): string => (report.kind === 'tile' ? formatTiles(report) : formatRings(report))
