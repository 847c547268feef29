import { ALGORITHMS, BACKENDS, LAYOUTS, MASKS, PASSES, TRANSPORTS, WIRE_DTYPES } from '../../kernels/config/runConfig.ts'
import type { ConfigField } from '../../preload/contract/config.ts'

/** @param labels of those that do not speak for themselves. */
const choicesOf = <T extends string>(values: readonly T[], labels?: Readonly<Partial<Record<T, string>>>): NonNullable<ConfigField['choices']> =>
  values.map((value) => ({ value, label: labels?.[value] ?? value }))

const problemFields: readonly ConfigField[] = [
  { path: 'name', label: 'Name', group: 'Problem', kind: 'text', help: 'What this configuration is called in lists and titles.' },
  {
    path: 'seqLen', label: 'Sequence length', group: 'Problem', kind: 'integer', min: 1, max: 1 << 26, unit: 'tokens',
    help: 'Tokens of the whole sequence; padded at the end when the ranks do not divide it.',
  },
  {
    path: 'batch', label: 'Batch', group: 'Problem', kind: 'integer', min: 1, max: 4096,
    help: 'Independent sequences attended to at once.',
  },
  {
    path: 'heads', label: 'Query heads', group: 'Problem', kind: 'integer', min: 1, max: 1024,
    help: 'Attention heads of the queries.',
  },
  {
    path: 'kvHeads', label: 'Key/value heads', group: 'Problem', kind: 'integer', min: 1, max: 1024,
    help: 'Heads of the keys and values; fewer than query heads for grouped-query attention, and a divisor of them.',
  },
  {
    path: 'headDim', label: 'Head dimension', group: 'Problem', kind: 'integer', min: 1, max: 512,
    help: 'Length of one head\'s query, key and value vectors.',
  },
  {
    path: 'mask', label: 'Mask', group: 'Problem', kind: 'choice', choices: choicesOf(MASKS),
    help: 'Which keys a query sees: causal is itself and all earlier tokens, full is every token.',
  },
  {
    path: 'lookback', label: 'Lookback window', group: 'Problem', kind: 'integer', min: 0, max: 1 << 26, unit: 'tokens', nullable: true,
    onlyWith: { path: 'mask', values: ['causal'] },
    help: 'A query sees itself and this many tokens before it; hops that no query needs are left out, and empty sets no limit.',
  },
  {
    path: 'cuSeqlens', label: 'Packed documents', group: 'Problem', kind: 'list', nullable: true,
    help: 'Boundaries of documents packed in the sequence, such as 0, 700, 4096; tokens see their own document only, and empty means one document.',
  },
  {
    path: 'keyPadding', label: 'Key lengths', group: 'Problem', kind: 'list', nullable: true,
    help: 'Real keys of each batch item, such as 4096, 3000 for a batch of 2; keys behind them are padding that no query sees, and empty means none is.',
  },
  {
    path: 'pass', label: 'Pass', group: 'Problem', kind: 'choice',
    choices: choicesOf(PASSES, { forward: 'forward only', 'forward-backward': 'with backward' }),
    help: 'Whether the gradients dQ, dK and dV are computed after the forward pass; dK and dV then travel the ring as well.',
  },
]

const parallelismFields: readonly ConfigField[] = [
  {
    path: 'world', label: 'Ranks', group: 'Parallelism', kind: 'integer', min: 1, max: 1024,
    help: 'Number of ranks; each is a process with its own share of the sequence.',
  },
  {
    path: 'algorithm', label: 'Algorithm', group: 'Parallelism', kind: 'choice',
    choices: choicesOf(ALGORITHMS, { 'double-ring': 'double ring', ulysses: 'Ulysses', hybrid: 'Ulysses x ring', distflash: 'DistFlash' }),
    help: 'How the ranks share the work: K/V goes round a ring, round rings within rings, heads are split by all-to-all, both, '
      + 'or idle ranks compute for busy ones (DistFlashAttention).',
  },
  {
    path: 'window', label: 'Inner ring size', group: 'Parallelism', kind: 'integer', min: 1, max: 1024, unit: 'ranks',
    onlyWith: { path: 'algorithm', values: ['double-ring'] },
    help: 'Ranks of one inner ring, a divisor of the ranks of a set; blocks go from one inner ring to the next on a way of their own.',
  },
  {
    path: 'ulyssesDegree', label: 'Ulysses degree', group: 'Parallelism', kind: 'integer', min: 1, max: 1024, unit: 'ranks',
    onlyWith: { path: 'algorithm', values: ['hybrid'] },
    help: 'Consecutive ranks that split the heads among them, a divisor of the ranks of a set and of the heads; the rest of the factor is the ring.',
  },
  {
    path: 'ringSets', label: 'Ring sets', group: 'Parallelism', kind: 'integer', min: 1, max: 1024,
    help: 'Rings side by side, each of an equal part of the ranks for an equal part of the batch; a divisor of both.',
  },
  {
    path: 'layout', label: 'Layout', group: 'Parallelism', kind: 'choice', choices: choicesOf(LAYOUTS, { zigzag: 'zigzag (balanced, recommended)' }),
    help: 'Which tokens a rank owns; under a causal mask zigzag gives every rank the same work at every step, striped nearly so, contiguous does not.',
  },
  {
    path: 'cyclicWidth', label: 'Dealt at a time', group: 'Parallelism', kind: 'integer', min: 1, max: 1 << 20, unit: 'tokens',
    onlyWith: { path: 'layout', values: ['block-cyclic'] },
    help: 'Tokens dealt to a rank at a time; 1 is striped, and the more the less balanced.',
  },
  {
    path: 'devices', label: 'Devices', group: 'Parallelism', kind: 'list',
    help: 'GPU of each rank, such as 0, 1, 0, 1, or auto to share the GPUs out in turn.',
  },
  {
    path: 'stragglers', label: 'Stragglers', group: 'Parallelism', kind: 'json',
    help: 'Ranks to slow down and by which factor, such as {"2": 1.8}.',
  },
]

const kernelFields: readonly ConfigField[] = [
  {
    path: 'backend', label: 'Backend', group: 'Kernel', kind: 'choice', choices: choicesOf(BACKENDS),
    help: 'What computes the attention: auto is the GPU where there is one, else wasm; modelled waits as long as the work would take instead of computing.',
  },
  {
    path: 'model.gflops', label: 'Modelled rate', group: 'Kernel', kind: 'number', min: 0, unit: 'GFLOP/s', nullable: true,
    help: 'Rate of each rank on the modelled backend, above 0; empty on the others.',
  },
  {
    path: 'blockQ', label: 'Query block', group: 'Kernel', kind: 'integer', min: 1, max: 1 << 20, unit: 'rows',
    help: 'Query rows of one tile.',
  },
  {
    path: 'blockK', label: 'Key block', group: 'Kernel', kind: 'integer', min: 1, max: 1 << 20, unit: 'columns',
    help: 'Key columns of one tile; the tile fits a cache best when its blocks together stay well below the L2 size.',
  },
]

const linkFields: readonly ConfigField[] = [
  {
    path: 'transport', label: 'Transport', group: 'Link', kind: 'choice', choices: choicesOf(TRANSPORTS),
    help: 'How bytes move between two ranks: a local socket, or shared memory where the system has it.',
  },
  {
    path: 'overlap', label: 'Overlap', group: 'Link', kind: 'boolean',
    help: 'Whether a block travels while the previous one is computed on; off runs compute, then exchange.',
  },
  {
    path: 'wireDtype', label: 'Wire format', group: 'Link', kind: 'choice', choices: choicesOf(WIRE_DTYPES),
    help: 'Number format of keys and values on the wire; bfloat16 halves their bytes and rounds them, gradients are always float32.',
  },
  {
    path: 'link.bandwidthGBps', label: 'Emulated bandwidth', group: 'Link', kind: 'number', min: 0, unit: 'GB/s', nullable: true,
    help: 'Slows every hop to this bandwidth, above 0; empty leaves the link as it is.',
  },
  {
    path: 'link.latencyUs', label: 'Emulated latency', group: 'Link', kind: 'number', min: 0, unit: 'µs', nullable: true,
    help: 'Time added before a hop\'s first byte arrives; needs a bandwidth as well, empty leaves the link as it is.',
  },
]

const measurementFields: readonly ConfigField[] = [
  {
    path: 'iterations', label: 'Iterations', group: 'Measurement', kind: 'integer', min: 1, max: 10_000,
    help: 'Measured passes; the makespan is their median.',
  },
  {
    path: 'warmup', label: 'Warm-up', group: 'Measurement', kind: 'integer', min: 0, max: 10_000,
    help: 'Passes before the measured ones; they are in the trace and in no figure.',
  },
  {
    path: 'seed', label: 'Seed', group: 'Measurement', kind: 'integer', min: 0, max: 0xffff_ffff,
    help: 'Chooses the input values; the same seed gives the same inputs for every layout and number of ranks.',
  },
  {
    path: 'verify', label: 'Verify', group: 'Measurement', kind: 'boolean',
    help: 'Whether rows of the output and of the gradients are checked against a float64 reference after the run.',
  },
]

/** Every key of a RunConfig as the form shows it, in the form's order; nested keys one by one. */
export const CONFIG_FIELDS: readonly ConfigField[] = [
  ...problemFields, ...parallelismFields, ...kernelFields, ...linkFields, ...measurementFields,
]
