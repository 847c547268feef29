import type { SweepCell } from '../../preload/contract/sweep.ts'
import { formatBytes, threeDigits } from '../format/quantity.ts'
import type { CellMapPicture, MapCell } from './cellMap.ts'
import { sameTile, type MarkedTiles, type TileGrid } from './sweepSlices.ts'

/** Cells within this share of the fastest must not look far from it, however close together all of them are. */
const PALEST_SHARE = 0.7

/**
 * Query block by key block: GFLOP/s, with the cells beyond L2 outlined and the measured and the predicted best one marked.
 * @param cells of one slice
 */
export function sweepPicture(grid: TileGrid, cells: readonly SweepCell[], { best, predicted }: MarkedTiles): CellMapPicture {
  const fastest = cells.reduce((most, { gflops }) => Math.max(most, gflops), 0) || 1
  const slowest = cells.reduce((least, { gflops }) => Math.min(least, gflops), fastest * PALEST_SHARE)
  const range = fastest - slowest
  const drawn: MapCell[] = []
  for (const [row, blockQ] of grid.blockQ.entries()) {
    for (const [column, blockK] of grid.blockK.entries()) {
      const cell = cells.find((candidate) => candidate.blockQ === blockQ && candidate.blockK === blockK)
      if (cell === undefined) {
        drawn.push({ row, column, share: null, lines: [] })
        continue
      }
      const isBest = sameTile(cell, best)
      const isPredicted = sameTile(cell, predicted)
      const badge = [isBest ? 'best' : '', isPredicted ? 'predicted' : '', cell.passed ? '' : 'wrong', cell.noisy ? 'noisy' : ''].filter(Boolean).join(', ')
      const outline = isBest ? 'strong' : isPredicted ? 'accent' : cell.fitsL2 === false ? 'dashed' : undefined
      drawn.push({
        row, column, share: (cell.gflops - slowest) / range,
        lines: [threeDigits(cell.gflops), formatBytes(cell.workingSetBytes)],
        ...(outline === undefined ? {} : { outline }), ...(badge === '' ? {} : { badge }),
      })
    }
  }
  return {
    columns: grid.blockK.map(String), rows: grid.blockQ.map(String),
    columnGroups: [{ from: 0, label: 'key block (columns)' }], rowTitle: 'query block', cells: drawn,
  }
}
