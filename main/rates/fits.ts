import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { blockRows } from '../../kernels/plan/blockRows.ts'
import { flopsPerPairIn, type StepPass } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { tilePairCounter } from '../../kernels/plan/tileQuantised.ts'
import type { AttentionRate, AttentionShape, RingRate, TransportRate } from '../../preload/contract/rates.ts'
import { median, medianAbsoluteDeviation } from '../analysis/statistics.ts'
import { leastSquares, type Observation } from './leastSquares.ts'
import type { BlockSample, RingSamples } from './ringSamples.ts'

/** A run that was made to be taken apart. */
export interface CalibrationRun {
  readonly config: RunConfig
  readonly samples: RingSamples
}

/** What the fused kernel computes at once: eight queries against the keys that any of them sees. */
const FUSED_STRIP = { blockQ: 8, blockK: 1 } as const
/** Of a normal distribution the standard deviation over the median absolute deviation. */
const DEVIATION_OF_MAD = 1.4826

/**
 * The median, and the relative standard deviation that the median absolute deviation stands for; 0 of none. Not mean and variance: the
 * few samples in which the machine did something else would be most of both, and the usual run has none of them.
 */
export function usual(values: readonly number[]): { readonly level: number; readonly deviation: number } {
  if (values.length === 0) return { level: 0, deviation: 0 }
  const level = median(values)
  return { level, deviation: level === 0 ? 0 : (DEVIATION_OF_MAD * medianAbsoluteDeviation(values)) / level }
}

type WorkTile = AttentionRate['tile']

/** One block of a run: its median time, and its work in each way of counting. */
interface MeasuredBlock {
  readonly pass: StepPass
  readonly rows: number
  readonly medianNs: number
  readonly flops: readonly number[]
}

/** Samples of the same block together. */
const repeatsOf = ({ blocks }: RingSamples): BlockSample[][] => [...Map.groupBy(blocks, ({ rank, step }) => `${rank} ${step}`).values()]

/** Blocks with their work counted as the simulator counts it: pairs of each of the tiles, and rows. */
function measuredBlocks({ config, samples }: CalibrationRun, tiles: readonly WorkTile[]): MeasuredBlock[] {
  const plan = planRun(config)
  const { basis, ranks, geometry } = plan
  const counters = tiles.map((tile) => (tile === null ? basis.pairs : tilePairCounter(basis, tile)) ?? basis.pairs)
  const rowItems = geometry.batch * (config.heads / geometry.degree)
  return repeatsOf(samples).map((repeats) => {
    const { rank, step, pass } = repeats[0]
    const { queryOwner, kvOwner } = ranks[rank].steps[step]
    const { set } = ranks[rank].seat
    const [query, key] = [ranks[queryOwner].seat.position, ranks[kvOwner].seat.position]
    return {
      pass, rows: blockRows(basis, query, key) * rowItems, medianNs: median(repeats.map(({ durationNs }) => durationNs)),
      flops: counters.map((pairs) => pairs(set, query, key) * flopsPerPairIn(plan, pass)),
    }
  })
}

/**
 * The rate of a backend's blocks: t = blockOverheadUs + rowNs x rows + flops / gflops, flops being those of the exact pairs, of
 * the fused kernel's strips of 8 queries, or of whole tiles, whichever explains the blocks best.
 * @throws UndeterminedFitError where the runs have too few kinds of blocks.
 */
export function fitAttention(shape: AttentionShape, runs: readonly CalibrationRun[]): AttentionRate {
  const { blockQ, blockK } = shape
  const tiles: readonly WorkTile[] = [null, FUSED_STRIP, { blockQ, blockK }]
  const blocks = runs.flatMap((run) => measuredBlocks(run, tiles))
  const fits = tiles.map((tile, at) => ({
    tile,
    fit: leastSquares(blocks.map(({ pass, rows, medianNs, flops }): Observation => ({
      value: medianNs, coefficients: [1, rows, pass === 'forward' ? flops[at] : 0, pass === 'backward' ? flops[at] : 0],
    }))),
  }))
  const { tile, fit: { unknowns: [overheadNs, rowNs, forward, backward], largestRelativeError } } =
    fits.reduce((best, other) => (other.fit.relativeError < best.fit.relativeError ? other : best))
  return {
    ...shape, tile, rowNs, blockOverheadUs: overheadNs / 1000, fitError: largestRelativeError,
    forwardGflops: 1 / forward, backwardGflops: backward === 0 ? null : 1 / backward,
  }
}

/** The value at which values below it weigh as much as those above; 0 of none. */
function weightedMedian(samples: readonly { readonly value: number; readonly weight: number }[]): number {
  const sorted = samples.toSorted((a, b) => a.value - b.value)
  const half = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2
  let below = 0
  for (const { value, weight } of sorted) {
    below += weight
    if (below >= half) return value
  }
  return 0
}

/**
 * Relative standard deviation of a block's duration from the usual one of the same block, each block weighing as much as it lasts:
 * what disturbs a block does so now and then, so that short ones scatter more, and it is long ones that a ring's time is made of.
 */
export function blockDeviation(runs: readonly CalibrationRun[]): number {
  return DEVIATION_OF_MAD * weightedMedian(runs.flatMap(({ samples }) => repeatsOf(samples)).flatMap((repeats) => {
    const usualNs = median(repeats.map(({ durationNs }) => durationNs))
    return repeats.map(({ durationNs }) => ({ value: Math.abs(durationNs / usualNs - 1), weight: usualNs }))
  }))
}

/** t = latency + bytes / bandwidth of the median transfer of each size. */
function fitTransfers(runs: readonly CalibrationRun[]): Pick<TransportRate, 'bandwidthGBps' | 'latencyUs' | 'fitError'> {
  const bySize = Map.groupBy(runs.flatMap(({ samples }) => samples.transfers), ({ bytes }) => bytes)
  const { unknowns: [latencyNs, nsPerByte], largestRelativeError } = leastSquares([...bySize].map(([bytes, transfers]) =>
    ({ coefficients: [1, bytes], value: median(transfers.map(({ transferNs }) => transferNs)) })))
  return { latencyUs: latencyNs / 1000, bandwidthGBps: 1 / nsPerByte, fitError: largestRelativeError }
}

/** @throws UndeterminedFitError where the runs moved blocks of one size only. */
export const fitTransport = (transport: TransportRate['transport'], runs: readonly CalibrationRun[]): TransportRate =>
  ({ transport, ...fitTransfers(runs) })

/** What a ring adds to blocks and wires. @throws UndeterminedFitError where the runs moved blocks of one size only. */
export function fitRing(ring: Pick<RingRate, 'backend' | 'transport' | 'world' | 'linkBound'>, runs: readonly CalibrationRun[]): RingRate {
  const all = (values: (samples: RingSamples) => readonly number[]): number[] => runs.flatMap(({ samples }) => values(samples))
  const step = usual(all(({ stepNs }) => stepNs))
  const rendezvous = usual(all(({ transfers }) => transfers.map(({ rendezvousNs }) => rendezvousNs)))
  const start = leastSquares(runs.flatMap(({ samples: { rows, startNs } }): Observation[] =>
    (startNs.length === 0 ? [] : [{ coefficients: [1, ring.backend === 'modelled' ? 0 : rows], value: usual(startNs).level }])))
  return {
    ...ring, ...fitTransfers(runs),
    stepUs: step.level / 1000,
    startUs: Math.max(0, start.unknowns[0] - step.level) / 1000,
    startRowNs: start.unknowns[1],
    finishRowNs: median(runs.map(({ samples: { rows, finishNs } }) => median(finishNs) / rows)),
    rendezvousUs: rendezvous.level / 1000,
    jitter: {
      compute: blockDeviation(runs), step: step.deviation, rendezvous: rendezvous.deviation,
      start: median(runs.map(({ samples: { startNs } }) => usual(startNs).deviation)),
    },
  }
}
