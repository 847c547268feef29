import { z } from 'zod'
import type { Layout, RunConfig } from '../../kernels/config/runConfig.ts'
import { clusterModel, type ClusterModel, type LinkModel } from './simulation.ts'

/** Sizes of a transformer, for memory and longest context. */
export const modelSizes = z.strictObject({
  label: z.string().min(1).max(200),
  layers: z.int().min(1).max(10_000),
  hidden: z.int().min(1).max(1 << 20),
  heads: z.int().min(1).max(1024),
  kvHeads: z.int().min(1).max(1024),
  headDim: z.int().min(1).max(512),
  ffnHidden: z.int().min(1).max(1 << 22),
  /** Width that a token goes through, where that is not all of `ffnHidden`: the experts that are active in a mixture. */
  ffnActiveHidden: z.int().min(1).max(1 << 22).optional(),
  /** Matrices of the feed-forward block: 3 where it is gated (the default), else 2. */
  ffnMatrices: z.int().min(2).max(3).optional(),
  vocabulary: z.int().min(1).max(1 << 24),
  /** Bytes of a weight and of an activation. */
  elementBytes: z.number().min(1).max(8),
  /** Bytes of gradient and optimizer state per weight; 0 for inference. 16 for Adam in mixed precision, less where sharded. */
  trainingBytesPerWeight: z.number().min(0).max(64),
  /** Over how many devices weights and their state are sharded (FSDP, tensor or pipeline parallel); 1: every device has all. */
  weightShards: z.int().min(1).max(1 << 20),
  /** `full`: only the input of each layer is kept for the backward pass and one layer's activations live at a time. */
  recompute: z.enum(['full', 'none']),
})
export type ModelSizes = z.output<typeof modelSizes>

export const plannerQuestion = z.strictObject({
  /** The problem: world, seqLen, heads, kvHeads, headDim, batch, mask, pass, layout, algorithm. Checked by its own schema. */
  config: z.unknown(),
  cluster: clusterModel,
  model: modelSizes.nullable(),
})
export type PlannerQuestion = z.output<typeof plannerQuestion>

export interface AcceleratorEntry {
  readonly id: string
  readonly label: string
  /** Dense 16-bit matrix rate of the data sheet. */
  readonly peakTflops: number
  /** Share of it that published attention kernels reach, forward and backward. */
  readonly forwardEfficiency: number
  readonly backwardEfficiency: number
  readonly memoryGB: number
  /** Bandwidth of that memory: what reading, merging and writing rows costs. */
  readonly memoryGBps: number
  readonly l2MB: number | null
  /** Where the figures come from; says so where nothing was checked. */
  readonly source: string
}

export interface LinkEntry extends LinkModel {
  readonly id: string
  readonly label: string
  readonly kind: 'nvlink' | 'infiniband' | 'ethernet' | 'pcie' | 'ici' | 'local'
  readonly source: string
}

/** What the planner's form offers. The first accelerator is "this machine" where it was measured. */
export interface PlannerTables {
  readonly accelerators: readonly AcceleratorEntry[]
  readonly links: readonly LinkEntry[]
  readonly models: readonly { readonly id: string; readonly sizes: ModelSizes; readonly source: string }[]
  /** This machine's own rates as a cluster; null until they were measured (route `machine.rates`). */
  readonly thisMachine: ClusterModel | null
}

/** Whether a link lets a step's compute hide its transfer, at the question's shard length. */
export interface LinkAnswer {
  readonly id: string
  readonly label: string
  readonly bandwidthGBps: number
  /** Fewest tokens per rank that hide the wire; reference section 2.8. Backward null without a backward pass. */
  readonly minShardTokens: { readonly forward: number; readonly backward: number | null }
  readonly hides: { readonly forward: boolean; readonly backward: boolean | null }
  /** Link bandwidth over needed bandwidth: above 1 the wire is hidden. */
  readonly margin: { readonly forward: number; readonly backward: number | null }
  /** The question's own intra- or inter-node link. */
  readonly chosen: 'intra' | 'inter' | null
}

export interface LayoutAnswer {
  readonly layout: Layout
  /** Pair-exact and in whole tiles (null where too large to count). */
  readonly idleFraction: number
  readonly tileIdleFraction: number | null
  readonly speedupOverContiguous: number
  readonly tileSpeedupOverContiguous: number | null
}

/** One way to arrange the same problem on the same cluster, simulated. */
export interface CandidateAnswer {
  /** "zigzag ring", "double ring of 8, zigzag", "Ulysses 8 x ring 4". */
  readonly label: string
  /** A config that runs it: feed it to a run, to `cluster`, to the simulator. */
  readonly config: RunConfig
  readonly makespanMs: number
  /** Of the simulated contiguous ring with the same cluster. */
  readonly speedupOverContiguous: number
  readonly idleFraction: number
  readonly overlapRatio: number | null
  /** Transfers that no compute hides, of the rank where that is most. */
  readonly exposedMs: number
  /** Bytes that the busiest rank sends in an iteration. */
  readonly bytesSentPerRank: number
  readonly bytesPerDevice: number
  /** Whether the device's memory holds it; null where that is unknown. */
  readonly fits: boolean | null
}

export interface MemoryAnswer {
  readonly devices: number
  readonly shardTokens: number
  /** Of attention alone: q, k, v, out, travelling blocks (reference section 2.9). */
  readonly attentionBytes: number
  /** Of the model beside it; null without a model. */
  readonly weightBytes: number | null
  readonly activationBytes: number | null
  readonly totalBytes: number
  /** Longest context of the model on so many devices; null without a model or memory size. */
  readonly longestContextTokens: number | null
}

/** A published figure beside ours. */
export interface PublishedAnswer {
  /** "zhuzilin/ring-flash-attention README, 8 × A100, forward". */
  readonly source: string
  /** Reference section, for people who want to look it up. */
  readonly reference: string
  readonly what: string
  readonly unit: '%' | 'x' | 'tokens' | 'GB/s' | 'ms' | 'TFLOP/s' | 'bytes' | ''
  readonly published: number
  readonly ours: number
  /** ours - published, in the unit. */
  readonly difference: number
  /** `measured`: a measurement of theirs. `formula`: their arithmetic. `claim`: a source document that departs from the paper. */
  readonly kind: 'measured' | 'formula' | 'claim'
  /** `calibration`: this figure was used to fit the machine, so that it agrees is no evidence. */
  readonly role: 'calibration' | 'prediction'
  /** Why they differ, where they do; what was assumed. */
  readonly note: string
}

/** Everything that the planner answers in one screen. */
export interface PlannerAnswers {
  readonly cluster: ClusterModel
  readonly shardTokens: number
  /** Bandwidth that hides a step's transfer, GB/s; backward null without one. */
  readonly neededGBps: { readonly forward: number; readonly backward: number | null }
  readonly links: readonly LinkAnswer[]
  readonly layouts: readonly LayoutAnswer[]
  /** Fastest first. */
  readonly candidates: readonly CandidateAnswer[]
  /** Arrangements left out, and why: "Ulysses: 8 K/V heads cannot be split among 64 ranks". */
  readonly impossible: readonly { readonly label: string; readonly why: string }[]
  /** (runner-up - best) / best in makespan; null with a single candidate. */
  readonly margin: number | null
  readonly memory: readonly MemoryAnswer[]
  /** What was assumed, in sentences. */
  readonly assumptions: readonly string[]
}
