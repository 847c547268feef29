import {
  ALGORITHMS, BACKENDS, LAYOUTS, MASKS, NOT_IN_THIS_VERSION, PASSES, TRANSPORTS, WIRE_DTYPES,
} from '../../kernels/config/runConfig.ts'
import type { ConfigField } from '../../preload/contract/config.ts'

function choicesOf(path: string, available: readonly string[]): NonNullable<ConfigField['choices']> {
  return [
    ...available.map((value) => ({ value, available: true })),
    ...(NOT_IN_THIS_VERSION[path] ?? []).map((value) => ({ value, available: false })),
  ]
}

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
    path: 'mask', label: 'Mask', group: 'Problem', kind: 'choice', choices: choicesOf('mask', MASKS),
    help: 'Which keys a query sees: causal is itself and all earlier tokens, full is every token.',
  },
  {
    path: 'lookback', label: 'Lookback window', group: 'Problem', kind: 'json', nullable: true,
    help: 'Limit on how far back a query sees; not in this version, leave empty.',
  },
  {
    path: 'keyPadding', label: 'Key padding', group: 'Problem', kind: 'json', nullable: true,
    help: 'Keys to leave out of every row; not in this version, leave empty.',
  },
  {
    path: 'pass', label: 'Pass', group: 'Problem', kind: 'choice', choices: choicesOf('pass', PASSES),
    help: 'Whether gradients are computed after the forward pass.',
  },
]

const parallelismFields: readonly ConfigField[] = [
  {
    path: 'world', label: 'Ranks', group: 'Parallelism', kind: 'integer', min: 1, max: 1024,
    help: 'Number of ranks in the ring; each is a process with its own share of the sequence.',
  },
  {
    path: 'algorithm', label: 'Algorithm', group: 'Parallelism', kind: 'choice', choices: choicesOf('algorithm', ALGORITHMS),
    help: 'How keys and values travel between the ranks.',
  },
  {
    path: 'layout', label: 'Layout', group: 'Parallelism', kind: 'choice', choices: choicesOf('layout', LAYOUTS),
    help: 'Which tokens a rank owns; under a causal mask zigzag and striped share the work evenly, contiguous does not.',
  },
  {
    path: 'window', label: 'Inner ring size', group: 'Parallelism', kind: 'integer', min: 1, max: 1024,
    help: 'Ranks in one inner ring of a double ring; a plain ring does not use it.',
  },
  {
    path: 'ulyssesDegree', label: 'Ulysses degree', group: 'Parallelism', kind: 'integer', min: 1, max: 1024,
    help: 'Ranks that share heads by all-to-all in a hybrid; a plain ring does not use it.',
  },
  {
    path: 'ringSets', label: 'Ring sets', group: 'Parallelism', kind: 'integer', min: 1, max: 1,
    help: 'Rings that run side by side on different head groups; this version runs one.',
  },
  {
    path: 'devices', label: 'Devices', group: 'Parallelism', kind: 'json',
    help: 'GPU of each rank as a list of ordinals, or "auto" to share the GPUs out in turn.',
  },
  {
    path: 'stragglers', label: 'Stragglers', group: 'Parallelism', kind: 'json',
    help: 'Ranks to slow down and by which factor, such as {"2": 1.8}.',
  },
]

const kernelFields: readonly ConfigField[] = [
  {
    path: 'backend', label: 'Backend', group: 'Kernel', kind: 'choice', choices: choicesOf('backend', BACKENDS),
    help: 'What computes the attention; modelled waits as long as the work would take at a given rate instead of computing.',
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
    path: 'transport', label: 'Transport', group: 'Link', kind: 'choice', choices: choicesOf('transport', TRANSPORTS),
    help: 'How bytes move between two ranks: a local socket, or shared memory where the system has it.',
  },
  {
    path: 'overlap', label: 'Overlap', group: 'Link', kind: 'boolean',
    help: 'Whether a block travels while the previous one is computed on; off runs compute, then exchange.',
  },
  {
    path: 'wireDtype', label: 'Wire format', group: 'Link', kind: 'choice', choices: choicesOf('wireDtype', WIRE_DTYPES),
    help: 'Number format of keys and values on the wire.',
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
    help: 'Whether output rows are checked against a float64 reference after the run.',
  },
]

/** Every key of a RunConfig as the form shows it, in the form's order; nested keys one by one. */
export const CONFIG_FIELDS: readonly ConfigField[] = [
  ...problemFields, ...parallelismFields, ...kernelFields, ...linkFields, ...measurementFields,
]
