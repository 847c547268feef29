import type { SweepCell, SweepReport } from '../../preload/contract/sweep.ts'
import { formatBytes, threeDigits } from '../format/quantity.ts'
import type { CellMapPicture, MapCell } from './cellMap.ts'

interface Tile {
  readonly blockQ: number
  readonly blockK: number
}

/** Cells within this share of the fastest must not look far from it, however close together all of them are. */
const PALEST_SHARE = 0.7

export const sameTile = (a: Tile, b: Tile | null | undefined): boolean => a.blockQ === b?.blockQ && a.blockK === b.blockK

/** Query block by key block: GFLOP/s, with the cells beyond L2 outlined and the best ones marked. */
export function sweepPicture(
  grid: { readonly blockQ: readonly number[]; readonly blockK: readonly number[] }, cells: readonly SweepCell[], report: SweepReport | null,
): CellMapPicture {
  const fastest = cells.reduce((most, { gflops }) => Math.max(most, gflops), 0) || 1
  const slowest = cells.reduce((least, { gflops }) => Math.min(least, gflops), fastest * PALEST_SHARE)
  const range = fastest - slowest
  const drawn: MapCell[] = []
  for (const [row, blockQ] of grid.blockQ.entries()) {
    for (const [column, blockK] of grid.blockK.entries()) {
      const cell = cells.find((candidate) => sameTile(candidate, { blockQ, blockK }))
      if (cell === undefined) {
        drawn.push({ row, column, share: null, lines: [] })
        continue
      }
      const isBest = report !== null && sameTile(cell, report.best)
      const isPredicted = sameTile(cell, report?.predictedBest)
      const badge = [isBest ? 'best' : '', isPredicted ? 'predicted' : '', cell.passed ? '' : 'wrong'].filter(Boolean).join(', ')
      drawn.push({
        row, column, share: (cell.gflops - slowest) / range,
        lines: [threeDigits(cell.gflops), formatBytes(cell.workingSetBytes)],
        ...(isBest ? { outline: 'strong' as const } : cell.fitsL2 === false ? { outline: 'dashed' as const } : {}),
        ...(badge === '' ? {} : { badge }),
      })
    }
  }
  return {
    columns: grid.blockK.map(String), rows: grid.blockQ.map(String),
    columnGroups: [{ from: 0, label: 'key block (columns)' }], rowTitle: 'query block', cells: drawn,
  }
}

/** The result in a sentence. */
export function sweepFinding(report: SweepReport): string {
  const { best, predictedBest } = report
  const found = `${best.blockQ} x ${best.blockK} is fastest: ${threeDigits(best.gflops)} GFLOP/s`
  if (predictedBest === null) return found
  if (sameTile(best, predictedBest)) return `${found}, as predicted`
  const predicted = report.cells.find((cell) => sameTile(cell, predictedBest))
  const reached = predicted === undefined ? 'was not measured' : `reaches ${Math.round(predicted.gflops / best.gflops * 100)} %`
  return `${found}; predicted ${predictedBest.blockQ} x ${predictedBest.blockK} ${reached}`
}
