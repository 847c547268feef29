import type { RunConfig } from '../../../kernels/config/runConfig.ts'
import type { StepPass } from '../../../kernels/plan/plan.ts'
import { planRun } from '../../../kernels/plan/planRun.ts'
import type { LinkAnswer, LinkEntry } from '../../../preload/contract/planner.ts'
import type { ClusterModel, LinkModel } from '../../../preload/contract/simulation.ts'
import { minShardTokens, stepDivisor } from '../hideCondition.ts'

/** Bytes of an element as plans have it where K/V travels as float32, and of its gradient. */
const FLOAT32_BYTES = 4

/** Bytes of an element on a cluster's wires: the cluster's, else the config's. Gradients and queries are float32 in a run. */
export function wireBytesOf({ wireDtype }: Pick<RunConfig, 'wireDtype'>, { elementBytes }: Pick<ClusterModel, 'elementBytes'>):
NonNullable<ClusterModel['elementBytes']> {
  return elementBytes ?? { kv: wireDtype === 'bfloat16' ? 2 : FLOAT32_BYTES, query: FLOAT32_BYTES, gradient: FLOAT32_BYTES }
}

const membersOf = ({ world, ringSets }: RunConfig): number => world / ringSets

/**
 * Bytes of a key's element that a step of a plain ring sends: K/V, backward beside it the gradient of the block before. In a
 * ring of two there is no step with both.
 */
function elementBytesOfStep(config: RunConfig, { kv, gradient }: { readonly kv: number; readonly gradient: number }, pass: StepPass): number {
  if (pass === 'forward') return kv
  return membersOf(config) === 2 ? Math.max(kv, gradient) : kv + gradient
}

/** Operations per pair and bytes per token of a step of a plain ring: reference section 2.8. */
function ringStep(config: RunConfig, cluster: ClusterModel, pass: StepPass): { readonly flopsPerPair: number; readonly gflops: number; readonly bytesPerToken: number } {
  const forward = pass === 'forward'
  const batch = config.batch / config.ringSets
  return {
    flopsPerPair: (forward ? 4 : 10) * batch * config.heads * config.headDim,
    gflops: forward ? cluster.device.forwardGflops : cluster.device.backwardGflops,
    bytesPerToken: 2 * batch * config.kvHeads * config.headDim * elementBytesOfStep(config, wireBytesOf(config, cluster), pass),
  }
}

/** What a step of a plain ring computes and moves, ns and bytes, with `shardTokens` tokens per rank. */
export function stepLoad(config: RunConfig, cluster: ClusterModel, pass: StepPass, shardTokens: number): { readonly computeNs: number; readonly bytes: number } {
  const { flopsPerPair, gflops, bytesPerToken } = ringStep(config, cluster, pass)
  const divisor = stepDivisor({ ...config, algorithm: 'ring' })
  return { computeNs: (flopsPerPair * shardTokens ** 2) / (divisor * gflops), bytes: bytesPerToken * shardTokens }
}

/** Steps of a longer ring are like those of this one. */
const SMALLEST_TYPICAL_RING = 3

/**
 * Fewest tokens per rank that hide the wire of a plain ring with the config's layout and mask ({@link minShardTokens}), with
 * the cluster's rates and element sizes. A small ring's plan stands for all; its float32 bytes are brought to the cluster's
 * by the bandwidth.
 */
export function minRingTokens(config: RunConfig, cluster: ClusterModel, pass: StepPass, link: LinkModel): number {
  if (membersOf(config) === 1) return 1
  const world = Math.min(SMALLEST_TYPICAL_RING, membersOf(config))
  const ring: RunConfig = {
    ...config, algorithm: 'ring', world, ringSets: 1, batch: config.batch / config.ringSets, seqLen: 2 * world * config.cyclicWidth,
    lookback: null, cuSeqlens: null, keyPadding: null, wireDtype: 'float32', pass: pass === 'forward' ? 'forward' : 'forward-backward', stragglers: {},
  }
  const planned = elementBytesOfStep(config, { kv: FLOAT32_BYTES, gradient: FLOAT32_BYTES }, pass)
  return minShardTokens(ring, planRun(ring), pass, {
    gflopsPerRank: pass === 'forward' ? cluster.device.forwardGflops : cluster.device.backwardGflops,
    bandwidthGBps: (link.bandwidthGBps * planned) / elementBytesOfStep(config, wireBytesOf(config, cluster), pass),
    latencyUs: link.latencyUs,
  })
}

/** GB/s that move a step's block while the step computes. 0 where nothing moves. */
export function neededGBps(config: RunConfig, cluster: ClusterModel, pass: StepPass, shardTokens: number): number {
  if (membersOf(config) === 1) return 0
  const { computeNs, bytes } = stepLoad(config, cluster, pass, shardTokens)
  return bytes / computeNs
}

type OfPasses<T> = { readonly forward: T; readonly backward: T | null }

const ofPasses = <T>(config: RunConfig, figure: (pass: StepPass) => T): OfPasses<T> =>
  ({ forward: figure('forward'), backward: config.pass === 'forward' ? null : figure('backward') })

/** {@link neededGBps} of the passes that the config has. */
export const neededBandwidth = (config: RunConfig, cluster: ClusterModel, shardTokens: number): OfPasses<number> =>
  ofPasses(config, (pass) => neededGBps(config, cluster, pass, shardTokens))

type NamedLink = LinkModel & Pick<LinkAnswer, 'id' | 'label' | 'chosen'>

const isSame = (one: LinkModel, other: LinkModel): boolean => one.bandwidthGBps === other.bandwidthGBps && one.latencyUs === other.latencyUs

/** The cluster's own links first, by the table's names where they are in it. */
function namedLinks({ intra, inter }: ClusterModel, table: readonly LinkEntry[]): NamedLink[] {
  const own = ([['intra', intra, 'within a node'], ['inter', inter, 'between nodes']] as const).flatMap(([chosen, link, where]): NamedLink[] => {
    if (link === null) return []
    const known = table.find((entry) => isSame(entry, link))
    return [{ ...link, id: known?.id ?? chosen, label: known?.label ?? `${link.bandwidthGBps} GB/s, ${link.latencyUs} µs ${where}`, chosen }]
  })
  const others = table.filter((entry) => !own.some(({ id }) => id === entry.id))
  return [...own, ...others.map(({ id, label, bandwidthGBps, latencyUs }) => ({ id, label, bandwidthGBps, latencyUs, chosen: null }))]
}

/**
 * Each link against a plain ring of the question's config: fewest tokens that hide the wire, and by how much it is hidden at
 * `shardTokens`. The margin counts the latency against the link: bandwidth over what is needed in the time that is left of
 * a step when the latency has passed; 0 where none is left.
 */
export function linkAnswers(config: RunConfig, cluster: ClusterModel, shardTokens: number, table: readonly LinkEntry[]): LinkAnswer[] {
  return namedLinks(cluster, table).map((link) => {
    const least = ofPasses(config, (pass) => minRingTokens(config, cluster, pass, link))
    return {
      id: link.id, label: link.label, bandwidthGBps: link.bandwidthGBps, chosen: link.chosen,
      minShardTokens: least,
      hides: { forward: least.forward <= shardTokens, backward: least.backward === null ? null : least.backward <= shardTokens },
      margin: ofPasses(config, (pass) => {
        const { computeNs, bytes } = stepLoad(config, cluster, pass, shardTokens)
        return Math.max(0, (link.bandwidthGBps * (computeNs - link.latencyUs * 1000)) / bytes)
      }),
    }
  })
}
