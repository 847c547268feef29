import { parseRunConfig, type RunConfig, type RunConfigInput } from '../../../kernels/config/runConfig.ts'
import type { PlannerQuestion } from '../../../preload/contract/planner.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'

/** Llama-like heads in a ring of 8, 1024 tokens each. For tests. */
export const askedConfig = (fields: Partial<RunConfigInput> = {}): RunConfig =>
  parseRunConfig({ world: 8, seqLen: 8192, heads: 32, kvHeads: 8, headDim: 128, ...fields }, 'test')

/** F/B = 1000: 100 TFLOP/s behind 100 GB/s, 16-bit values. For tests. */
export const askedCluster = (fields: Partial<ClusterModel> = {}): ClusterModel => ({
  label: 'test',
  device: { forwardGflops: 100_000, backwardGflops: 100_000, blockOverheadUs: 0, rowNs: 0, tile: null, memoryBytes: 80e9 },
  elementBytes: { kv: 2, query: 2, gradient: 4 },
  intra: { bandwidthGBps: 100, latencyUs: 0 }, inter: null, ranksPerNode: null, ...fields,
})

export const asked = (config: Partial<RunConfigInput> = {}, cluster: Partial<ClusterModel> = {}): PlannerQuestion =>
  ({ config: askedConfig(config), cluster: askedCluster(cluster), model: null })
