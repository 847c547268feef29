import type { ConfigField } from '../../preload/contract/config.ts'

/** A field of the planner's form; drawn like a config's. */
export type PlannerField = Omit<ConfigField, 'group'>

/** The config's fields that the planner lets the user change for the question alone. */
export const PROBLEM_PATHS: readonly string[] = ['world', 'seqLen', 'heads', 'kvHeads', 'headDim', 'batch', 'mask', 'pass', 'layout']

/** The config's fields in which one arrangement of a problem differs from another. */
export const ARRANGEMENT_PATHS: readonly string[] = ['algorithm', 'layout', 'window', 'ulyssesDegree', 'ringSets', 'cyclicWidth']

/** What the contract takes: beyond it figures are slips of the keyboard. */
const LARGEST = 1e9
const number = (path: string, label: string, unit: string, help: string, more: Partial<PlannerField> = {}): PlannerField =>
  ({ path, label, unit, help, kind: 'number', min: 0, max: LARGEST, ...more })
const optional = { nullable: true } as const

export const DEVICE_FIELDS: readonly PlannerField[] = [
  number('forwardTflops', 'Forward rate', 'TFLOP/s', 'What attention kernels reach in the forward pass on large blocks without mask: the peak rate times the share of it that published kernels reach.'),
  number('backwardTflops', 'Backward rate', 'TFLOP/s', 'The same of the backward pass, which makes two and a half times the operations.'),
  number('blockOverheadUs', 'Cost of a block', 'µs', 'Fixed cost of every block that is computed: launching its kernels and the fixed part of merging.'),
  number('rowNs', 'Cost of a row', 'ns', 'Cost of each query row and head of a block, whatever its keys: reading the row and merging its partial result.'),
  { path: 'tile', label: 'Tile', kind: 'list', nullable: true, help: 'Query rows and keys of the tile that kernels compute whole wherever it holds an allowed pair, such as 128, 128; empty counts single pairs.' },
  number('memoryGB', 'Memory', 'GB', 'Memory of a device, in units of 1e9 bytes; empty where it is of no interest.', { ...optional, max: 1000 }),
]
export const ELEMENT_FIELD: PlannerField = {
  path: 'elementBytes', label: 'Elements that travel', kind: 'choice',
  choices: [
    { value: '2-4', label: '16 bit, gradients in 32 bit' }, { value: '2-2', label: '16 bit' }, { value: 'config', label: 'as the config says' },
  ],
  help: 'Bytes of an element on the wire: 16-bit K/V and queries with gradients in 32 or 16 bits, or what the config\'s wire type says, with everything else in 32 bits.',
}
export const INTRA_FIELDS: readonly PlannerField[] = [
  number('intraGBps', 'Bandwidth', 'GB/s', 'Bandwidth of the link one way, per device; empty: transfers take no time.', optional),
  number('intraLatencyUs', 'Latency', 'µs', 'Time from the start of a transfer to its first byte.'),
]
export const NODE_FIELD: PlannerField =
  number('ranksPerNode', 'Devices per node', '', 'Consecutive ranks of a node; between nodes the other link holds. Empty: one node.', { kind: 'integer', min: 1, max: 1 << 20, nullable: true })
export const INTER_FIELDS: readonly PlannerField[] = [
  number('interGBps', 'Bandwidth', 'GB/s', 'Bandwidth between nodes one way, per device.'),
  number('interLatencyUs', 'Latency', 'µs', 'Time from the start of a transfer between nodes to its first byte.'),
]
export const MODEL_FIELDS: readonly PlannerField[] = [
  number('trainingBytesPerWeight', 'State per weight', 'bytes', 'Gradient and optimizer state per weight: 16 for Adam in mixed precision, 0 for inference.', { max: 64 }),
  number('weightShards', 'Weight shards', 'devices', 'Over how many devices weights and their state are sharded (FSDP, tensor or pipeline parallel); 1: every device has all.', { kind: 'integer', min: 1, max: 1 << 20 }),
  {
    path: 'recompute', label: 'Activations', kind: 'choice', choices: [{ value: 'full', label: 'recomputed' }, { value: 'none', label: 'all kept' }],
    help: 'Recomputed: only the input of each layer is kept for the backward pass, and one layer\'s activations live at a time.',
  },
]
export const DISTURBANCE_FIELDS: readonly PlannerField[] = [
  number('computeJitter', 'Compute jitter', '%', 'Relative standard deviation of the duration of every block.', { max: 100 }),
  number('linkJitter', 'Link jitter', '%', 'Relative standard deviation of the duration of every transfer.', { max: 100 }),
  number('seed', 'Seed', '', 'The same seed draws the same jitter.', { kind: 'integer', max: 0xffff_ffff }),
  {
    path: 'progress', label: 'Steps', kind: 'choice', choices: [{ value: 'free', label: 'free-running' }, { value: 'barrier', label: 'barrier at each' }],
    help: 'Free-running: a rank goes on as soon as it has what it needs. Barrier: all ranks begin a step together.',
  },
  number('stragglerRank', 'Slow rank', '', 'A rank that computes slower than the others; empty: none.', { kind: 'integer', nullable: true }),
  number('stragglerFactor', 'Slowed by', 'x', 'How many times as long the slow rank computes.', { min: 1, max: 1e6 }),
  number('deathRank', 'Dying rank', '', 'A rank that dies; the others go on until they need it. Empty: none.', { kind: 'integer', nullable: true }),
  number('deathStep', 'Dies at step', '', 'The step as which begins the rank dies.', { kind: 'integer' }),
]
