import type { CacheSizes, SweepCell, SweepReport } from '../../preload/contract/sweep.ts'
import { formatBytes } from '../format/quantity.ts'
import { bytesAxis, linearAxis, valuesAxis } from './curveAxes.ts'
import type { Curve, CurveAxis, CurvePoint, CurvesPicture, Guide, Marker } from './curves.ts'
import { bestCell, predictedTile, sameTile, type MarkedTiles } from './sweepSlices.ts'

/** What the rates of tiles are drawn over: the bytes that a tile touches, a side of the tile, or the path of a further axis. */
export const WORKING_SET = 'working set'

/** A cache line this far beyond the tiles would squeeze them together. */
const FARTHEST_CACHE = 4
const MARKERS: readonly Marker[] = ['circle', 'square', 'triangle', 'diamond']
/** Of the colour ramp, whose pale end is too close to the background. */
const PALEST = 0.35

const CACHES = [['L1', 'l1d'], ['L2', 'l2'], ['L3', 'l3']] as const

/** Lines where the caches end, as far as they are near the tiles. */
export function cacheGuides(machine: CacheSizes | null, cells: readonly SweepCell[]): Guide[] {
  const bytes = cells.map(({ workingSetBytes }) => workingSetBytes)
  const [low, high] = [Math.min(...bytes) / FARTHEST_CACHE, Math.max(...bytes) * FARTHEST_CACHE]
  return CACHES.flatMap(([name, key]): Guide[] => {
    const size = machine?.[key] ?? null
    return size === null || size < low || size > high ? [] : [{ at: size, label: `${name} ${formatBytes(size)}`, look: 'faint' }]
  })
}

/** What a rate may have been, a median absolute deviation up and down. */
function rateSpread({ gflops, medianMs, madMs }: SweepCell): [number, number] {
  const share = medianMs === 0 ? 0 : madMs / medianMs
  return [gflops / (1 + share), gflops / Math.max(0.1, 1 - share)]
}

const point = (cells: readonly SweepCell[], cell: SweepCell, x: number, { best, predicted }: MarkedTiles): CurvePoint => ({
  x, y: cell.gflops, cell: cells.indexOf(cell), spread: rateSpread(cell), hollow: cell.fitsL2 === false,
  ...(sameTile(cell, best) ? { emphasis: 'measured' as const } : sameTile(cell, predicted) ? { emphasis: 'predicted' as const } : {}),
})

/**
 * GFLOP/s of a slice's tiles, a curve per key block (over key blocks: per query block). Tiles that exceed L2 are hollow.
 * @param over {@link WORKING_SET}, `blockQ` or `blockK`
 */
export function tileCurves(cells: readonly SweepCell[], marks: MarkedTiles, machine: CacheSizes | null, over: string): CurvesPicture {
  const guides = over === WORKING_SET ? cacheGuides(machine, cells) : []
  const overKeys = over === 'blockK'
  const lineOf = (cell: SweepCell): number => (overKeys ? cell.blockQ : cell.blockK)
  const xOf = (cell: SweepCell): number => (over === WORKING_SET ? cell.workingSetBytes : overKeys ? cell.blockK : cell.blockQ)
  const lines = [...new Set(cells.map(lineOf))].sort((a, b) => a - b)
  const curves = lines.map((line, at): Curve => ({
    id: `${overKeys ? 'query' : 'key'} block ${line}`, label: '',
    colour: PALEST + (1 - PALEST) * (lines.length === 1 ? 1 : at / (lines.length - 1)), marker: MARKERS[at % MARKERS.length],
    points: cells.filter((cell) => lineOf(cell) === line).sort((a, b) => xOf(a) - xOf(b)).map((cell) => point(cells, cell, xOf(cell), marks)),
  }))
  const x = over === WORKING_SET
    ? bytesAxis([...cells.map(xOf), ...guides.map(({ at }) => at)], 'working set of a tile')
    : valuesAxis(cells.map(xOf), overKeys ? 'key block' : 'query block')
  return { x, y: rateAxis(cells), curves, guides }
}

const rateAxis = (cells: readonly SweepCell[]): CurveAxis => linearAxis(cells.flatMap((cell) => [cell.gflops, ...rateSpread(cell)]), 'GFLOP/s', { cut: true })

/**
 * The measured and the predicted best tile's rate over a further axis.
 * @param cells those that have the other axes' values of the slice
 */
export function axisCurves(cells: readonly SweepCell[], path: string, report: SweepReport | null): CurvesPicture {
  const values = [...new Set(cells.map((cell) => cell.values[path]))].sort((a, b) => a - b)
  const of = (pick: (cells: readonly SweepCell[]) => SweepCell | null | undefined): CurvePoint[] => values.flatMap((value): CurvePoint[] => {
    const cell = pick(cells.filter((candidate) => candidate.values[path] === value))
    return cell == null ? [] : [{ x: value, y: cell.gflops, cell: cells.indexOf(cell), spread: rateSpread(cell) }]
  })
  const predicted = of((slice) => {
    const tile = slice.length === 0 ? null : predictedTile(slice, slice[0].values, report)
    return slice.find((cell) => sameTile(cell, tile))
  })
  return {
    x: valuesAxis(values, path), y: rateAxis(cells), guides: [],
    curves: [
      { id: 'best', label: 'fastest', colour: null, marker: 'circle', points: of(bestCell) },
      ...(predicted.length === 0 ? [] : [{ id: 'predicted', label: 'predicted', colour: 1, dash: [6, 4], marker: 'diamond' as const, points: predicted }]),
    ],
  }
}
