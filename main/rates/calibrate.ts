import { availableParallelism } from 'node:os'
import type { ConcreteBackendId } from '../../kernels/backends/backend.ts'
import { parseRunConfig, type RunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import type { AttentionRate, AttentionShape, RingRate, TransportRate } from '../../preload/contract/rates.ts'
import { startRun } from '../executor/executor.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { CalibrationCancelledError, CalibrationFailedError } from './errors.ts'
import { type CalibrationRun, fitAttention, fitRing, fitTransport } from './fits.ts'
import { ringSamples } from './ringSamples.ts'

export interface RatesEngine {
  readonly installation: Installation
  readonly rankHost: RankHost
}

const WARM_UP = 3
const ITERATIONS = 4
/** Tokens of a rank: an eighth and half of the longest shard, and that. */
const LONGEST_SHARD = 2048
const SHORTEST_SHARD = 64
const SHARD_STEPS = [1, 4, 8] as const
/** What one block of the longest shard should take at most. */
const LONGEST_BLOCK_NS = 120e6
/** A shard to find out how long the others may be. */
const PROBE_SHARD = 64
/** Larger rings are as crowded as the machine gets. */
export const LARGEST_RING = 16
/** Length of a modelled step: longer than any transfer of the sizes below. */
const MODELLED_STEP_NS = 12e6
/** Tokens of a rank in modelled rings: blocks of 64 KiB to 1 MiB. */
const MODELLED_SHARDS = [64, 256, 512, 1024] as const
/** A link that ranks wait for whatever they compute, and the share of a transfer that they hide. */
const SLOW_LINK = { bandwidthGBps: 0.04, latencyUs: 50 } as const
const HIDDEN_SHARE = 0.8
const BYTES_PER_ELEMENT = 4
const MODELLED_HEADS = { heads: 2, kvHeads: 2, headDim: 64 } as const

/** Cores for ranks of their own; more ranks than that take turns. */
export const processesOf = (world: number): number => Math.min(world, availableParallelism())

type Fields = Partial<RunConfigInput> & { readonly world: number }

async function calibrationRun(engine: RatesEngine, fields: Fields, signal: AbortSignal | undefined): Promise<CalibrationRun> {
  if (signal?.aborted === true) throw new CalibrationCancelledError('cancelled')
  const config = parseRunConfig({ name: 'calibration', verify: false, warmup: WARM_UP, iterations: ITERATIONS, ...fields }, 'a calibration run')
  const handle = startRun(config, engine)
  const cancel = (): void => { handle.cancel() }
  signal?.addEventListener('abort', cancel)
  try {
    const timeline = await handle.finished
    const failure = timeline.run?.failure ?? null
    if (failure?.kind === 'cancelled') throw new CalibrationCancelledError('cancelled')
    if (failure !== null) throw new CalibrationFailedError(`a run of ${config.world} ranks on ${config.backend} failed: ${failure.message}`)
    return { config, samples: ringSamples(timeline) }
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

/** The longest shard whose blocks take not too long, found with a short one: work grows with the square of the length. */
async function longestShard(engine: RatesEngine, fields: Fields, signal: AbortSignal | undefined): Promise<number> {
  const { samples } = await calibrationRun(engine, { ...fields, layout: 'contiguous', mask: 'full', seqLen: fields.world * PROBE_SHARD }, signal)
  const probeNs = Math.max(...samples.blocks.map(({ durationNs }) => durationNs))
  const affordable = PROBE_SHARD * Math.sqrt(LONGEST_BLOCK_NS / probeNs)
  const least = SHORTEST_SHARD * SHARD_STEPS[SHARD_STEPS.length - 1]
  return Math.max(least, Math.min(LONGEST_SHARD, 2 ** Math.floor(Math.log2(affordable))))
}

/** Whole blocks, halves, and diagonals of both kinds, at several shard lengths. */
async function computingRuns(engine: RatesEngine, fields: Fields, signal: AbortSignal | undefined): Promise<CalibrationRun[]> {
  const longest = await longestShard(engine, fields, signal)
  const runs: CalibrationRun[] = []
  for (const part of SHARD_STEPS) {
    const seqLen = (fields.world * longest * part) / SHARD_STEPS[SHARD_STEPS.length - 1]
    for (const kind of [{ layout: 'contiguous', mask: 'full' }, { layout: 'zigzag', mask: 'causal' }, { layout: 'striped', mask: 'causal' }] as const) {
      runs.push(await calibrationRun(engine, { ...fields, ...kind, seqLen }, signal))
    }
  }
  return runs
}

/** Rings that wait instead of computing, with blocks of several sizes. */
async function waitingRuns(engine: RatesEngine, { world, transport, link }: Pick<RunConfig, 'world' | 'transport' | 'link'>,
  stepNsOf: (bytes: number) => number, signal: AbortSignal | undefined): Promise<CalibrationRun[]> {
  const runs: CalibrationRun[] = []
  for (const shard of MODELLED_SHARDS) {
    const elements = MODELLED_HEADS.kvHeads * MODELLED_HEADS.headDim * shard
    const flops = 4 * MODELLED_HEADS.heads * MODELLED_HEADS.headDim * shard * shard
    runs.push(await calibrationRun(engine, {
      ...MODELLED_HEADS, world, transport, link, layout: 'contiguous', mask: 'full', seqLen: world * shard,
      backend: 'modelled', model: { gflops: flops / stepNsOf(2 * elements * BYTES_PER_ELEMENT) },
    }, signal))
  }
  return runs
}

type Transport = TransportRate['transport']

/**
 * What a hop between two processes costs that do nothing else: a fit over blocks of several sizes in real rings of two.
 * @param link emulated on top; the fit then finds it again.
 */
export async function measureTransport(engine: RatesEngine, transport: Transport, link: RunConfig['link'] = null, signal?: AbortSignal): Promise<TransportRate> {
  return fitTransport(transport, await waitingRuns(engine, { world: 2, transport, link }, () => MODELLED_STEP_NS, signal))
}

export interface ComputingShape extends AttentionShape {
  readonly backend: ConcreteBackendId
}

export interface ComputingRates {
  readonly attention: AttentionRate
  /** Null of one process: nothing travels. */
  readonly ring: RingRate | null
}

/**
 * What blocks of a shape and the ring around them cost, from rings of real ranks that compute, one on a core.
 * @param backward whether to measure the backward pass too.
 */
export async function measureComputing(engine: RatesEngine, shape: ComputingShape, transport: Transport, backward: boolean, signal?: AbortSignal): Promise<ComputingRates> {
  const { backend, processes, heads, kvHeads, headDim, blockQ, blockK } = shape
  const runs = await computingRuns(engine, {
    world: processes, heads, kvHeads, headDim, blockQ, blockK, transport,
    backend, pass: backward ? 'forward-backward' : 'forward',
  }, signal)
  return { attention: fitAttention(shape, runs), ring: processes === 1 ? null : fitRing({ backend, transport, world: processes, linkBound: false }, runs) }
}

/** What a ring of ranks costs that wait instead of computing, however many share a core. @param linkBound as of {@link RingRate}. */
export async function measureWaiting(engine: RatesEngine, transport: Transport, world: number, linkBound: boolean, signal?: AbortSignal): Promise<RingRate> {
  const link = linkBound ? SLOW_LINK : null
  const stepNs = (bytes: number): number => (linkBound ? HIDDEN_SHARE * bytes / SLOW_LINK.bandwidthGBps : MODELLED_STEP_NS)
  return fitRing({ backend: 'modelled', transport, world, linkBound }, await waitingRuns(engine, { world, transport, link }, stepNs, signal))
}
