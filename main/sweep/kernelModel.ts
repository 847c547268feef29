import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { ConcreteBackendId, RankShape } from '../../kernels/backends/backend.ts'
import { rankShape, scheduleRank } from '../../kernels/rank/schedule.ts'
import { kernelWork } from '../../kernels/sweep/kernelWork.ts'
import type { Stream, TileWork } from '../../kernels/sweep/tileWork.ts'
import { workingSetBytes } from '../../kernels/sweep/workingSet.ts'
import type { LevelBandwidth, Roofline } from '../../preload/contract/rates.ts'
import type { CacheSizes, CellLimits } from '../../preload/contract/sweep.ts'
import { leastSquares } from '../rates/leastSquares.ts'

/** What a kernel costs on this machine, from its probes. */
export interface KernelRates {
  /** Of a unit of {@link TileWork}. */
  readonly unitNs: number
  /** Of a row of a tile. */
  readonly rowNs: number
  /** Of an operation, with operands from the caches that the probe's tile stays in. */
  readonly flopNs: number
  /** The probe's streams: what their bytes cost is within `flopNs`. */
  readonly streams: readonly Stream[]
}

/** A kernel with the caches it works from. */
export interface ModelledMachine {
  readonly roofline: Roofline
  readonly caches: CacheSizes
}

const LEVELS = ['l1', 'l2', 'l3', 'memory'] as const
type Level = (typeof LEVELS)[number]

/** Rows of the fused kernel's probes: whole strips of 8, and whole pieces of 72 as well as register tiles of 6. */
const FUSED_PROBE_TOKENS = 288
const FUSED_PROBE_TILES = [{ blockQ: 8, blockK: 6 }, { blockQ: 48, blockK: 72 }] as const
const GENERIC_SMALL_TILE = 8
/** Keys of a tile whose rows are short. */
const GENERIC_FEW_KEYS = 16
const GENERIC_SMALL_TOKENS = 64
const GENERIC_TILES = [512, 256, 128, 64] as const
/**
 * Share of a cache that what is used again and again may fill and still stay there (reference section 6.1): other data pass through,
 * and pages lie on its sets as chance has it.
 */
const USABLE_SHARE = 0.6

function sizeOf(level: Level, { l1d, l2, l3 }: CacheSizes): number | null {
  return level === 'l1' ? l1d : level === 'l2' ? l2 : level === 'l3' ? l3 : Infinity
}

interface KnownLevel {
  readonly level: Level
  /** That may be filled. */
  readonly bytes: number
  readonly gbps: number
}

/** The levels that are known, innermost first, with the bandwidths measured there. */
function hierarchy({ roofline, caches }: ModelledMachine): KnownLevel[] {
  return LEVELS.flatMap((level) => {
    const bytes = sizeOf(level, caches)
    const measured = roofline.levels.find((at: LevelBandwidth) => at.level === level)
    if (bytes === null || measured === undefined) return []
    // A level is known to serve what was read from it; one that is shared may hold less of a core's than its size.
    const usable = Number.isFinite(bytes) ? Math.min(USABLE_SHARE * bytes, 2 * USABLE_SHARE * measured.bufferBytes) : bytes
    return [{ level, bytes: usable, gbps: measured.gbps }]
  })
}

/**
 * ns per byte of a stream that goes through `setBytes` in turn. Of a set larger than a cache, the part that fits is taken to be
 * served by it: caches do not replace strictly in turn, and what is read in order is fetched ahead.
 */
function byteNs(setBytes: number, machine: ModelledMachine): number {
  let [ns, served] = [0, 0]
  const levels = hierarchy(machine)
  for (const [at, { bytes, gbps }] of levels.entries()) {
    const share = at === levels.length - 1 ? 1 : Math.min(1, bytes / setBytes)
    ns += Math.max(0, share - served) / gbps
    served = Math.max(served, share)
  }
  return ns
}

/** ns per byte of what stays in the first two levels. */
function nearNs(machine: ModelledMachine): number {
  const near = hierarchy(machine).filter(({ level }) => level === 'l1' || level === 'l2').at(-1)
  return near === undefined ? 0 : 1 / near.gbps
}

function servedBy(setBytes: number, machine: ModelledMachine): Level {
  return hierarchy(machine).find(({ bytes }) => setBytes <= bytes)?.level ?? 'memory'
}

/** Null where the kernel is not modelled: on a GPU. */
export function workOf(config: RunConfig, backend: ConcreteBackendId): TileWork | null {
  const { shape, steps } = scheduleRank({ ...config, pass: 'forward' }, 0)
  const ranges = steps.find(({ plan }) => plan.stage === 'attend')?.work?.ranges
  if (ranges === undefined) return null
  return kernelWork({ backend, shape, ranges, backward: config.pass === 'forward-backward' })
}

/** What probes depend on: those of configs with the same key serve both. */
export function probeKey(config: RunConfig): string {
  const { headDim, heads, kvHeads } = rankShape(config)
  return `${config.pass} ${headDim} ${heads / kvHeads}`
}

/**
 * Small configs of a kernel: of tiles so small that units are most of its time; of the generic kernel also of tiles with short rows;
 * at last of tiles that stay in the second-level cache. Full mask, one key/value head.
 */
export function probesOf(config: RunConfig, backend: ConcreteBackendId, { l2 }: CacheSizes): RunConfig[] {
  const { heads, kvHeads } = rankShape(config)
  const probe = (tokens: number, tile: { blockQ: number; blockK: number }): RunConfig => ({
    ...config, ...tile, world: 1, algorithm: 'ring', ringSets: 1, layout: 'contiguous', mask: 'full', lookback: null, keyPadding: null,
    cuSeqlens: null, batch: 1, heads: heads / kvHeads, kvHeads: 1, seqLen: tokens, stragglers: {}, devices: 'auto', wireDtype: 'float32',
  })
  if (backend === 'wasm') return FUSED_PROBE_TILES.map((tile) => probe(FUSED_PROBE_TOKENS, tile))
  const fits = (size: number): boolean => {
    const shape: RankShape = { ...rankShape(probe(2 * size, { blockQ: size, blockK: size })) }
    return workingSetBytes(backend, shape, config.pass === 'forward-backward') <= USABLE_SHARE * (l2 ?? 0)
  }
  const size = GENERIC_TILES.find(fits) ?? GENERIC_TILES[GENERIC_TILES.length - 1]
  return [
    probe(GENERIC_SMALL_TOKENS, { blockQ: GENERIC_SMALL_TILE, blockK: GENERIC_SMALL_TILE }),
    probe(2 * size, { blockQ: size, blockK: GENERIC_FEW_KEYS }),
    probe(2 * size, { blockQ: size, blockK: size }),
  ]
}

/** @param probeNs of each probe, in the order of {@link probesOf}. */
export function kernelRates(probes: readonly RunConfig[], backend: ConcreteBackendId, probeNs: readonly number[]): KernelRates | null {
  const works = probes.map((probe) => workOf(probe, backend))
  const last = works.at(-1)
  if (last == null) return null
  const observations = works.flatMap((work, at) => (work === null ? [] : [{ coefficients: [work.units, work.rows, work.flops], value: probeNs[at] }]))
  const { unknowns: [unitNs, rowNs, flopNs] } = leastSquares(observations)
  return { unitNs, rowNs, flopNs, streams: last.streams }
}

/**
 * Why a tile takes as long as it does. Time is what its units and rows cost, what its operations cost at the rate that the probe reached
 * from its caches, and what it costs that its streams come from further out:
 *
 *     t = units u + rows r + flops f + max(0, sum of n min(b(set), b2) - flops f) + sum of n max(0, b(set) - b2)    over overlapped streams
 *                                    + sum of n max(0, b(set) - b(probe's set))                                     over the others
 *
 * of n bytes each, with b the time per byte by the measured bandwidths, b2 that of L2. Arithmetic covers what is read within its loop
 * from L1 and L2, as far as their bandwidth goes, but not what comes from beyond: a processor does not look that far ahead. Streams of
 * an operation of its own cost their whole difference to the probe's.
 */
export function limitsOf(work: TileWork, rates: KernelRates, machine: ModelledMachine): CellLimits {
  const dispatchNs = work.units * rates.unitNs + work.rows * rates.rowNs
  const arithmeticNs = work.flops * rates.flopNs
  const streamNs = work.streams.map(({ bytes, setBytes }) => bytes * byteNs(setBytes, machine))
  const near = nearNs(machine)
  let [coveredNs, exposedNs] = [0, 0]
  for (const [at, { overlapped, bytes }] of work.streams.entries()) {
    // The part of its time that is no time of its own: what the arithmetic covers, or what the probe's rate holds already.
    const base = overlapped ? bytes * near : bytes * byteNs(rates.streams[at].setBytes, machine)
    if (overlapped) coveredNs += Math.min(streamNs[at], base)
    exposedNs += Math.max(0, streamNs[at] - base)
  }
  const cacheNs = Math.max(0, coveredNs - arithmeticNs) + exposedNs
  const totalNs = dispatchNs + arithmeticNs + cacheNs
  const slowest = work.streams[streamNs.indexOf(Math.max(...streamNs))]
  const shares = { dispatch: dispatchNs / totalNs, cache: cacheNs / totalNs, arithmetic: arithmeticNs / totalNs }
  const limitedBy = (['arithmetic', 'cache', 'dispatch'] as const).reduce((a, b) => (shares[b] > shares[a] ? b : a))
  return {
    predictedMs: totalNs / 1e6,
    dispatchShare: shares.dispatch, cacheShare: shares.cache, arithmeticShare: shares.arithmetic, limitedBy,
    servedBy: servedBy(slowest.setBytes, machine), trafficBytes: slowest.bytes, gbps: 1 / byteNs(slowest.setBytes, machine),
  }
}
