import type { RunConfig } from '../../../kernels/config/runConfig.ts'
import type { ModelSizes } from '../../../preload/contract/planner.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { wireBytesOf } from './hiding.ts'

const rounded = (value: number): number => Number(value.toPrecision(3))
const inTflops = (gflops: number): number => rounded(gflops / 1000)
const inBytes = (count: number): string => `${count} ${count === 1 ? 'byte' : 'bytes'}`

function ofModel({ label, weightShards, trainingBytesPerWeight, recompute }: ModelSizes): string[] {
  return [
    `${label}: weights${trainingBytesPerWeight > 0 ? `, gradients and optimizer (${trainingBytesPerWeight} bytes per weight beside the weight itself)` : ''} ` +
    `sharded over ${weightShards} devices, or as many as there are. Memory and longest context count the model's heads, not the config's.`,
    trainingBytesPerWeight === 0
      ? 'Inference: one layer\'s activations are live; a K/V cache is not counted.'
      : recompute === 'full'
        ? 'Full recompute: the input of every layer is kept, and one layer is live with its gradients. Logits are not counted (a chunked loss), nor is fragmentation.'
        : 'No recompute: all that the backward pass reads is kept. Logits are not counted (a chunked loss), nor is fragmentation.',
  ]
}

/** What the answers take for granted, in sentences. */
export function assumptionsOf(config: RunConfig, cluster: ClusterModel, model: ModelSizes | null): string[] {
  const { device, ranksPerNode } = cluster
  const bytes = wireBytesOf(config, cluster)
  const windowed = config.lookback !== null || config.cuSeqlens !== null || config.keyPadding !== null
  return [
    `Rates are what is reached: ${inTflops(device.forwardGflops)} TFLOP/s forward, ${inTflops(device.backwardGflops)} backward on large blocks, ` +
    `${rounded(device.blockOverheadUs)} µs a block and ${rounded(device.rowNs)} ns a row and head for merging.`,
    `On the wire K/V takes ${inBytes(bytes.kv)}, queries ${inBytes(bytes.query)} and gradients ${inBytes(bytes.gradient)} an element.`,
    'Hiding is that of a plain ring with the question\'s layout, at the rates alone: what a block costs besides gives transfers more time than is counted here.',
    'Link bandwidths are one way and per rank; a data sheet\'s figure is 10 to 25 % more than transfers reach.',
    ...(windowed ? ['Hiding and needed bandwidth ignore the window, documents and key padding of the mask; everything else counts them.'] : []),
    ...(ranksPerNode === null ? [] : [`Ranks of a node are consecutive, ${ranksPerNode} to a node; a ring crosses between nodes once a node.`]),
    ...(cluster.runtime === undefined ? [] : [
      `Beside blocks and wires a step takes ${rounded(cluster.runtime.stepUs)} µs and a transfer ${rounded(cluster.runtime.rendezvousUs)} µs until its bytes can go; hiding does not count these.`]),
    ...(device.tile === null ? ['Pairs are counted exactly: kernels that compute whole tiles take longer.'] : [
      `Kernels compute whole tiles of ${device.tile.blockQ} x ${device.tile.blockK}.`]),
    'Double rings, hybrids and DistFlashAttention are simulated in the layout that balances them; their transfers overlap where the config says so, all-to-alls never.',
    ...(model === null ? [] : ofModel(model)),
  ]
}
