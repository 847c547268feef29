import type { Roofline } from '../../preload/contract/rates.ts'
import type { SweepCell } from '../../preload/contract/sweep.ts'
import { threeDigits } from '../format/quantity.ts'
import { logAxis } from './curveAxes.ts'
import type { Curve, CurvesPicture, Guide } from './curves.ts'
import { LEVEL_NAMES, LIMIT_LOOKS, LIMITS } from './sweepFindings.ts'
import { intensityOf, sameTile, type MarkedTiles } from './sweepSlices.ts'

/** Beside the ridges, as factors of the outermost. */
const MARGIN = 4
const DASHES = [undefined, [8, 3], [4, 3], [2, 3]] as const

/** From how many operations per byte on a level feeds the peak. */
const ridgeOf = (gbps: number, { peakGflops }: Roofline): number => peakGflops / gbps

/**
 * The roofs of a machine over arithmetic intensity, both logarithmic: a level allows bandwidth times intensity, up to the peak. Cells
 * are dots at the operations per byte of what limits them.
 * @param cells of one slice; none for the machine alone
 */
export function rooflinePicture(roofline: Roofline, cells: readonly SweepCell[], marks: MarkedTiles): CurvesPicture {
  const placed = cells.flatMap((cell, at) => {
    const x = intensityOf(cell)
    return x === null || cell.limits === null ? [] : [{ cell, at, x, limit: cell.limits.limitedBy }]
  })
  const ridges = roofline.levels.map(({ gbps }) => ridgeOf(gbps, roofline))
  const intensities = [...placed.map(({ x }) => x), ...ridges.map((ridge) => ridge * MARGIN), ...ridges.map((ridge) => ridge / MARGIN)]
  const x = logAxis(intensities, 'FLOP per byte')
  const slowest = Math.min(...roofline.levels.map(({ gbps }) => gbps))
  const y = logAxis([roofline.peakGflops, ...placed.map(({ cell }) => cell.gflops / 1.5), slowest * Math.min(...ridges)], 'GFLOP/s')
  const roofs = roofline.levels.map(({ level, gbps }, at): Curve => ({
    id: level, label: '', colour: null, dash: DASHES[at % DASHES.length], marker: null,
    points: slopeOf(gbps, roofline.peakGflops, x.low, y.low),
  }))
  const peak: Curve = {
    id: 'peak', label: `peak ${threeDigits(roofline.peakGflops)}`, colour: null, marker: null,
    points: [{ x: Math.min(...ridges, x.high), y: roofline.peakGflops, cell: -1 }, { x: x.high, y: roofline.peakGflops, cell: -1 }],
  }
  const dots = LIMITS.map((limit): Curve => ({
    id: limit, label: '', colour: LIMIT_LOOKS[limit].colour, marker: LIMIT_LOOKS[limit].marker, scattered: true,
    points: placed.filter((dot) => dot.limit === limit).map(({ cell, at, x: intensity }) => ({
      x: intensity, y: cell.gflops, cell: at,
      ...(sameTile(cell, marks.best) ? { emphasis: 'measured' as const } : sameTile(cell, marks.predicted) ? { emphasis: 'predicted' as const } : {}),
    })),
  })).filter(({ points }) => points.length > 0)
  const guides = roofline.levels.map(({ level, gbps }): Guide => ({
    at: ridgeOf(gbps, roofline), label: `${LEVEL_NAMES[level]} ${threeDigits(gbps)} GB/s`, look: 'faint',
  }))
  return { x, y, curves: [...roofs, peak, ...dots], guides }
}

/** A level's roof from the edge of the plot that it enters by to its ridge. */
function slopeOf(gbps: number, peakGflops: number, lowX: number, lowY: number): Curve['points'] {
  const start = Math.max(lowX, lowY / gbps)
  return [{ x: start, y: start * gbps, cell: -1 }, { x: peakGflops / gbps, y: peakGflops, cell: -1 }]
}

/** The same machine in a sentence. */
export function machineFinding({ peakGflops, levels }: Roofline): string {
  const last = levels.at(-1)
  const peak = `One core reaches ${threeDigits(peakGflops)} GFLOP/s`
  return last === undefined ? peak
    : `${peak} where it computes at least ${threeDigits(peakGflops / last.gbps)} operations on each byte from ${LEVEL_NAMES[last.level]}`
}
