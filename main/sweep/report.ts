import type { ConcreteBackendId, RankShape } from '../../kernels/backends/backend.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { workingSetBytes } from '../../kernels/sweep/workingSet.ts'
import type { Roofline } from '../../preload/contract/rates.ts'
import type {
  CacheSizes, CellCounters, CellLimits, CellSpread, SweepAxis, SweepCell, SweepReport, SweptTile,
} from '../../preload/contract/sweep.ts'
import { spreadOf } from './spread.ts'

/** Share of L2 that a tile may fill and still be predicted to stay there, where nothing more is known of the kernel. */
const L2_SHARE = 0.6

/** A cell as it was planned: its config with its tile, and what the model says of it before it is measured. */
export interface PlannedCell extends SweptTile {
  readonly config: RunConfig
  readonly shape: RankShape
  readonly limits: CellLimits | null
}

/** What was measured of a cell, now or in an earlier sweep. */
export interface MeasuredCell {
  readonly flops: number
  readonly maxAbsError: number
  readonly passed: boolean
  readonly spread: CellSpread
  /** ms; Infinity for none. */
  readonly fastestMs: number
  readonly counters: CellCounters | null
}

export interface SweepFacts {
  readonly config: RunConfig
  readonly backend: ConcreteBackendId
  readonly device: string
  readonly machine: CacheSizes
  readonly axes: readonly SweepAxis[]
  readonly repeats: number
  readonly roofline: Roofline | null
  readonly countersFrom: string
  readonly warnings: readonly string[]
}

const gflopsOf = ({ flops, spread: { medianMs } }: MeasuredCell): number => flops / (medianMs * 1e6)

/** A cell's figures. */
export function cellOf(planned: PlannedCell, measured: MeasuredCell, facts: Pick<SweepFacts, 'backend' | 'machine'>): SweepCell {
  const { blockQ, blockK, values, shape, config, limits } = planned
  const bytes = workingSetBytes(facts.backend, shape, config.pass === 'forward-backward')
  return {
    blockQ, blockK, values, ...measured.spread,
    gflops: gflopsOf(measured),
    workingSetBytes: bytes, fitsL2: facts.machine.l2 === null ? null : bytes <= facts.machine.l2,
    maxAbsError: measured.maxAbsError, passed: measured.passed, limits, counters: measured.counters,
  }
}

/** Of measurements of one cell in this sweep; at least one. */
export function measuredCell(durationsNs: readonly number[], facts: Pick<MeasuredCell, 'flops' | 'maxAbsError' | 'passed'>): MeasuredCell {
  const durationsMs = durationsNs.map((ns) => ns / 1e6)
  return { ...facts, spread: spreadOf(durationsMs), fastestMs: Math.min(...durationsMs), counters: null }
}

/** Tiles whose predicted rates differ by less are as good as each other; of those the one that asks least of its caches is taken. */
const AS_GOOD_AS = 0.01
const trafficTime = ({ limits }: PlannedCell): number => (limits === null ? 0 : limits.trafficBytes / limits.gbps)

/** Operations per ms of rate: what cells of different shapes are compared by. */
const predictedRate = (cell: PlannedCell, flops: number): number => (cell.limits === null ? 0 : flops / cell.limits.predictedMs)

/**
 * The tile that is expected to be fastest, before anything is measured: by the model of the kernel; without one the largest
 * tile (by area, then by blockK) that stays within its share of L2 (reference section 6.1). Null where there is neither a model nor L2.
 * @param flops operations of a measurement of each cell
 */
export function predictBest(cells: readonly PlannedCell[], flops: readonly number[], backend: ConcreteBackendId, l2: number | null): PlannedCell | null {
  if (cells.length > 0 && cells.every(({ limits }) => limits !== null)) {
    const rates = cells.map((cell, at) => predictedRate(cell, flops[at]))
    const alike = cells.filter((_, at) => rates[at] >= (1 - AS_GOOD_AS) * Math.max(...rates))
    return alike.reduce((a, b) => (trafficTime(b) < trafficTime(a) ? b : a))
  }
  if (l2 === null) return null
  const area = (cell: PlannedCell): number => cell.blockQ * cell.blockK
  const [largest] = cells.filter(({ shape, config }) => workingSetBytes(backend, shape, config.pass === 'forward-backward') <= L2_SHARE * l2)
    .sort((a, b) => area(b) - area(a) || b.blockK - a.blockK)
  return largest ?? null
}

const tileOf = ({ blockQ, blockK, values }: SweptTile): SweptTile => ({ blockQ, blockK, values })

export const sameTile = (a: SweptTile, b: SweptTile): boolean =>
  a.blockQ === b.blockQ && a.blockK === b.blockK && Object.keys(a.values).every((path) => a.values[path] === b.values[path])

/**
 * The report of a sweep that is over. The best is the fastest whose output is right; the fastest of all when none is, which
 * every cell's `passed` then says.
 * @param measured of each planned cell; null for those that a cancelled sweep did not come to
 * @throws RangeError when nothing was measured
 */
export function sweepReport(planned: readonly PlannedCell[], measured: readonly (MeasuredCell | null)[], predicted: SweptTile | null, facts: SweepFacts): SweepReport {
  const cells = planned.flatMap((cell, at) => {
    const found = measured[at]
    return found === null ? [] : [{ cell: cellOf(cell, found, facts), fastestGflops: found.flops / (found.fastestMs * 1e6) }]
  })
  if (cells.length === 0) throw new RangeError('a report of a sweep in which nothing was measured')
  const right = cells.filter(({ cell }) => cell.passed)
  const { cell: best } = (right.length > 0 ? right : cells).reduce((a, b) => (b.cell.gflops > a.cell.gflops ? b : a))
  const predictedCell = predicted === null ? undefined : cells.find(({ cell }) => sameTile(cell, predicted))?.cell
  return {
    kind: 'tile', config: facts.config, backend: facts.backend, device: facts.device, machine: facts.machine, axes: facts.axes, repeats: facts.repeats,
    cells: cells.map(({ cell }) => cell),
    best: { ...tileOf(best), gflops: best.gflops },
    predictedBest: predicted === null ? null : { ...tileOf(predicted), speedOfBest: predictedCell === undefined ? null : predictedCell.gflops / best.gflops },
    peakGflops: Math.max(...cells.map(({ fastestGflops }) => fastestGflops)),
    roofline: facts.roofline, countersFrom: facts.countersFrom,
    reusedCells: cells.filter(({ cell }) => cell.reused).length,
    warnings: facts.warnings,
  }
}
