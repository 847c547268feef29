import type { RunConfig } from '../../../kernels/config/runConfig.ts'
import { geometryOf } from '../../../kernels/plan/geometry.ts'
import type { MemoryAnswer, ModelSizes } from '../../../preload/contract/planner.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { formulaBytes } from '../memory.ts'
import { wireBytesOf } from './hiding.ts'

const LARGEST_WORLD = 1024
/** Beyond it no bisection looks: a thousand times the longest sequence that anyone has trained on. */
const MOST_SHARD_TOKENS = 2 ** 40

/** Weights of a transformer: embedding and output matrix apart, four projections, the feed-forward block and two norms a layer. */
export function weightsOf({ layers, hidden, heads, kvHeads, headDim, ffnHidden, ffnMatrices = 3, vocabulary }: ModelSizes): number {
  const attention = 2 * hidden * heads * headDim + 2 * hidden * kvHeads * headDim
  return 2 * vocabulary * hidden + layers * (attention + ffnMatrices * hidden * ffnHidden + 2 * hidden) + hidden
}

/** Bytes of weights, gradients and optimizer on a device: sharded over as many devices as the model says, or there are. */
export const weightBytes = (model: ModelSizes, devices: number): number =>
  (weightsOf(model) * (model.elementBytes + model.trainingBytesPerWeight)) / Math.min(model.weightShards, devices)

const isTrained = ({ trainingBytesPerWeight }: ModelSizes): boolean => trainingBytesPerWeight > 0

/**
 * Bytes of activations beside attention's, of `tokens` tokens of each batch item. With full recompute in training the input
 * of every layer; without it all that a layer's backward pass reads. One layer is live: residual stream, two norms and the
 * feed-forward block, in training with their gradients. Not counted: logits (a chunked loss), a K/V cache, fragmentation.
 */
export function activationBytes(model: ModelSizes, batch: number, tokens: number): number {
  const { layers, hidden, heads, kvHeads, headDim, ffnHidden, ffnActiveHidden = ffnHidden, ffnMatrices = 3, elementBytes, recompute } = model
  const beside = 3 * hidden + ffnMatrices * ffnActiveHidden
  const attention = (2 * heads + 2 * kvHeads) * headDim
  const kept = !isTrained(model) ? 0 : layers * (recompute === 'full' ? hidden : beside + attention)
  return batch * tokens * elementBytes * (kept + beside * (isTrained(model) ? 2 : 1))
}

/** Bytes of attention's working blocks on a device of a ring (reference section 2.9), with `tokens` tokens of each batch item. */
function attentionBytes(config: RunConfig, cluster: ClusterModel, devices: number, tokens: number): number {
  const world = Math.min(2, devices)
  const ring: RunConfig = { ...config, algorithm: 'ring', layout: 'contiguous', world, seqLen: tokens * world, ringSets: 1, ...cluster.device.tile }
  return formulaBytes(ring, { geometry: geometryOf(ring), hops: world - 1 }, wireBytesOf(config, cluster))
}

/** The pass that a model goes through: both where it is trained, else the config's. */
export const passOf = ({ pass }: Pick<RunConfig, 'pass'>, model: ModelSizes | null): RunConfig['pass'] =>
  (model !== null && isTrained(model) ? 'forward-backward' : pass)

/** The question's config with the heads of the model that it is asked about, in the pass that the model goes through. */
function ofModel(config: RunConfig, model: ModelSizes | null): RunConfig {
  const batch = config.batch / config.ringSets
  if (model === null) return { ...config, batch, ringSets: 1 }
  const { heads, kvHeads, headDim } = model
  return { ...config, batch, ringSets: 1, heads, kvHeads, headDim, pass: passOf(config, model) }
}

/** Bytes of a model on a device beside attention's; 0 without a model. */
export const modelBytes = (config: RunConfig, model: ModelSizes | null, tokens: number): number =>
  model === null ? 0 : weightBytes(model, config.world) + activationBytes(model, config.batch / config.ringSets, tokens)

function memoryAnswer(config: RunConfig, cluster: ClusterModel, model: ModelSizes | null, devices: number): MemoryAnswer {
  const asked = ofModel(config, model)
  const attention = (tokens: number): number => attentionBytes(asked, cluster, devices, tokens)
  const activations = (tokens: number): number => (model === null ? 0 : activationBytes(model, asked.batch, tokens))
  const weights = model === null ? 0 : weightBytes(model, devices)
  const total = (tokens: number): number => attention(tokens) + weights + activations(tokens)
  const shardTokens = Math.ceil(config.seqLen / devices)
  const { memoryBytes } = cluster.device
  return {
    devices, shardTokens,
    attentionBytes: attention(shardTokens),
    weightBytes: model === null ? null : weights,
    activationBytes: model === null ? null : activations(shardTokens),
    totalBytes: total(shardTokens),
    longestContextTokens: model === null || memoryBytes === null ? null : devices * mostTokens(total, memoryBytes),
  }
}

/** The largest whole number of tokens whose bytes fit; 0 where not one does. Bytes grow with tokens. */
function mostTokens(bytes: (tokens: number) => number, memoryBytes: number): number {
  let [fits, exceeds] = [0, MOST_SHARD_TOKENS]
  while (exceeds - fits > 1) {
    const middle = Math.floor((fits + exceeds) / 2)
    if (bytes(middle) <= memoryBytes) fits = middle
    else exceeds = middle
  }
  return fits
}

/** Powers of two, and the question's own number of devices. */
function deviceSeries(world: number): number[] {
  const powers = Array.from({ length: Math.log2(LARGEST_WORLD) + 1 }, (_, power) => 2 ** power)
  return [...new Set([...powers, world])].sort((one, other) => one - other)
}

/**
 * Memory per device of the question's sequence, and the longest context of its model, over devices in one ring. With a model
 * its heads count, not the config's. All that grows with the context is a device's own share, so N devices hold N times the
 * context of one whose weights were sharded as far (Liu et al. 2023, table 3).
 */
export const memoryAnswers = (config: RunConfig, cluster: ClusterModel, model: ModelSizes | null): MemoryAnswer[] =>
  deviceSeries(config.world / config.ringSets).map((devices) => memoryAnswer(config, cluster, model, devices))
