import { z } from 'zod'

const positive = z.number().positive().max(1e12)

/** A link one way, per rank. */
export const linkModel = z.strictObject({
  bandwidthGBps: positive,
  latencyUs: z.number().min(0).max(1e12),
})
export type LinkModel = z.output<typeof linkModel>

const relativeDeviation = z.number().min(0).max(10)

/** Work of a rank's threads that is neither attention nor bytes under way. */
export const runtimeModel = z.strictObject({
  /** From the beginning of a step until its block begins: posting moves, messages, a thread that wakes up. Idle time of the device. */
  stepUs: z.number().min(0).max(1e9),
  /** What an iteration's first step takes beyond that, and for each query row, head and item: accumulators are cleared. */
  startUs: z.number().min(0).max(1e9),
  startRowNs: z.number().min(0).max(1e9),
  /** After the last block of a pass, for each query row, head and item: normalising. Counts as compute. */
  finishRowNs: z.number().min(0).max(1e9),
  /** From the moment both ends have posted a move until its bytes can go. */
  rendezvousUs: z.number().min(0).max(1e9),
  /** Relative standard deviations of blocks and of these times, drawn for every rank and step, and for every move; left out: none. */
  jitter: z.strictObject({ compute: relativeDeviation, step: relativeDeviation, start: relativeDeviation, rendezvous: relativeDeviation }).optional(),
})
export type RuntimeModel = z.output<typeof runtimeModel>

/** What a simulated world is made of. Rates are what is reached, not what a data sheet promises. */
export const clusterModel = z.strictObject({
  /** In words: "8 × A100 SXM, NVLink 3". */
  label: z.string().min(1).max(200),
  device: z.strictObject({
    /** Attention rate on large blocks without mask, in GFLOP/s (operations per ns). */
    forwardGflops: positive,
    backwardGflops: positive,
    /** Fixed cost of every block that is computed: launches, merging's fixed part. */
    blockOverheadUs: z.number().min(0).max(1e9),
    /** Cost of each query row and head of a block, whatever its keys: reading the row, merging its partial result. */
    rowNs: z.number().min(0).max(1e9),
    /** Kernels compute whole tiles wherever those hold an allowed pair; null counts pairs exactly. */
    tile: z.strictObject({ blockQ: z.int().min(1), blockK: z.int().min(1) }).nullable(),
    /** Null where memory is of no interest. */
    memoryBytes: positive.nullable(),
  }),
  /** Bytes of an element on the wire; null takes the config's (`wireDtype` for K/V, else float32). */
  elementBytes: z.strictObject({ kv: z.number().min(1).max(8), query: z.number().min(1).max(8), gradient: z.number().min(1).max(8) }).nullable(),
  /** Between ranks of a node; null: transfers take no time. */
  intra: linkModel.nullable(),
  /** Between nodes of `ranksPerNode` consecutive ranks; null with `ranksPerNode` null: one node. */
  inter: linkModel.nullable(),
  ranksPerNode: z.int().min(1).max(1 << 20).nullable(),
  /** What the processes of a rank add to blocks and wires; left out: nothing, as of device queues that never run dry. */
  runtime: runtimeModel.optional(),
})
export type ClusterModel = z.output<typeof clusterModel>

/** What goes otherwise than planned. */
export const disturbance = z.strictObject({
  /** Relative standard deviation of the duration of every block and of every transfer; drawn by the seed. */
  computeJitter: z.number().min(0).max(1).default(0),
  linkJitter: z.number().min(0).max(1).default(0),
  seed: z.int().min(0).max(0xffff_ffff).default(0),
  /** A rank that dies as it begins a step. The others go on until they need it. */
  death: z.strictObject({ rank: z.int().min(0), step: z.int().min(0) }).nullable().default(null),
  /** `barrier`: all ranks begin a step together. */
  progress: z.enum(['free', 'barrier']).default('free'),
})
export type Disturbance = z.output<typeof disturbance>
