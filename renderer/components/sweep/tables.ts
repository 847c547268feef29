import type { RingCell, SweepCell } from '../../../preload/contract/sweep.ts'
import type { CsvCell, Table } from '../../format/csv.ts'

const pathsOf = (cells: readonly { readonly values: Readonly<Record<string, number>> }[]): string[] => [...new Set(cells.flatMap(({ values }) => Object.keys(values)))]

/** Every figure of every tile, for CSV. */
export function tileTable(cells: readonly SweepCell[]): Table {
  const paths = pathsOf(cells)
  return {
    header: ['blockQ', 'blockK', ...paths, 'gflops', 'medianMs', 'madMs', 'repeats', 'noisy', 'reused', 'workingSetBytes', 'fitsL2', 'maxAbsError', 'passed',
      'predictedMs', 'limitedBy', 'dispatchShare', 'cacheShare', 'arithmeticShare', 'servedBy', 'trafficBytes', 'gbps',
      'instructions', 'cycles', 'l1Misses', 'l2Misses', 'l3Misses'],
    rows: cells.map((cell): CsvCell[] => [
      cell.blockQ, cell.blockK, ...paths.map((path) => cell.values[path] ?? null), cell.gflops, cell.medianMs, cell.madMs, cell.repeats, cell.noisy, cell.reused,
      cell.workingSetBytes, cell.fitsL2, cell.maxAbsError, cell.passed,
      cell.limits?.predictedMs ?? null, cell.limits?.limitedBy ?? null, cell.limits?.dispatchShare ?? null, cell.limits?.cacheShare ?? null,
      cell.limits?.arithmeticShare ?? null, cell.limits?.servedBy ?? null, cell.limits?.trafficBytes ?? null, cell.limits?.gbps ?? null,
      cell.counters?.instructions ?? null, cell.counters?.cycles ?? null, cell.counters?.l1Misses ?? null, cell.counters?.l2Misses ?? null, cell.counters?.l3Misses ?? null,
    ]),
  }
}

/** Every figure of every ring, for CSV. */
export function ringTable(cells: readonly RingCell[]): Table {
  const paths = pathsOf(cells)
  const figures = ['shardTokens', 'medianMs', 'madMs', 'predictedMs', 'repeats', 'noisy', 'reused', 'tokensPerSecond', 'overlapRatio', 'idleFraction', 'exposedMs', 'waitLinkMs',
    'waitPeerMs', 'hopMs', 'stepComputeMs', 'hidden', 'maxAbsError', 'passed'] as const
  return { header: [...paths, ...figures], rows: cells.map((cell): CsvCell[] => [...paths.map((path) => cell.values[path] ?? null), ...figures.map((figure) => cell[figure])]) }
}
