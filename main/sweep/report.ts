import type { RankShape } from '../../kernels/backends/backend.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { SweepRequest, Tile } from '../../kernels/sweep/protocol.ts'
import { workingSetBytes } from '../../kernels/sweep/workingSet.ts'
import type { CacheSizes, SweepCell, SweepReport } from '../../preload/contract/sweep.ts'
import { median, medianAbsoluteDeviation } from '../analysis/statistics.ts'

/** Share of L2 that a tile may fill and still be predicted to stay there. */
const L2_SHARE = 0.6

/** What is known of one tile so far. */
export interface TileMeasurements {
  readonly tile: Tile
  /** Null until its output was checked. */
  maxAbsError: number | null
  readonly durationsNs: number[]
}

export interface SweepFacts {
  readonly config: RunConfig
  readonly backend: SweepRequest['backend']
  readonly shape: Omit<RankShape, 'blockQ' | 'blockK'>
  readonly machine: CacheSizes
  readonly repeats: number
  readonly tolerance: number
  readonly warnings: readonly string[]
}

/** A tile's figures; undefined before its first repeat. @param flops work of one measurement. */
export function cellOf(measured: TileMeasurements, flops: number, facts: SweepFacts): SweepCell | undefined {
  const { tile, maxAbsError, durationsNs } = measured
  if (maxAbsError === null || durationsNs.length === 0) return undefined
  const medianNs = median(durationsNs)
  const bytes = workingSetBytes(facts.backend, { ...facts.shape, ...tile })
  return {
    ...tile,
    medianMs: medianNs / 1e6,
    madMs: medianAbsoluteDeviation(durationsNs) / 1e6,
    gflops: flops / medianNs,
    workingSetBytes: bytes,
    fitsL2: facts.machine.l2 === null ? null : bytes <= facts.machine.l2,
    maxAbsError,
    passed: maxAbsError <= facts.tolerance,
  }
}

/** Largest tile (by area, then by blockK) that stays within its share of L2; null where L2 is unknown or none does. */
export function predictBest(cells: readonly SweepCell[], l2: number | null): SweepReport['predictedBest'] {
  if (l2 === null) return null
  const area = (cell: SweepCell): number => cell.blockQ * cell.blockK
  const [largest] = cells.filter((cell) => cell.workingSetBytes <= L2_SHARE * l2)
    .sort((a, b) => area(b) - area(a) || b.blockK - a.blockK)
  return largest === undefined ? null : { blockQ: largest.blockQ, blockK: largest.blockK }
}

/**
 * The report of a finished sweep. The best is the fastest whose output is right; the fastest of all when none is, which
 * every cell's `passed` then says.
 * @throws RangeError when a tile was never measured.
 */
export function sweepReport(measurements: readonly TileMeasurements[], flops: number, device: string, facts: SweepFacts): SweepReport {
  const cells = measurements.map((measured) => {
    const cell = cellOf(measured, flops, facts)
    if (cell === undefined) throw new RangeError(`tile ${measured.tile.blockQ} x ${measured.tile.blockK} was not measured`)
    return cell
  })
  const right = cells.filter((cell) => cell.passed)
  const best = (right.length > 0 ? right : cells).reduce((a, b) => (b.gflops > a.gflops ? b : a))
  return {
    config: facts.config, backend: facts.backend, device, machine: facts.machine, repeats: facts.repeats,
    cells,
    best: { blockQ: best.blockQ, blockK: best.blockK, gflops: best.gflops },
    predictedBest: predictBest(cells, facts.machine.l2),
    peakGflops: flops / Math.min(...measurements.flatMap(({ durationsNs }) => durationsNs)),
    warnings: facts.warnings,
  }
}
