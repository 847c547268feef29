/**
 * What a span is. Own runs use the first nine (design section 5); the last three classify imported traces.
 * The order is the numeric code in columns: append only.
 */
export const SPAN_CATEGORIES = [
  /** Attention arithmetic of one ring step. */
  'compute',
  /** Folding a block's partial output into the accumulator, where that is not fused with compute. */
  'merge',
  /** Copy from host memory to the device, and back. */
  'h2d', 'd2h',
  /** Bytes under way on a link, first byte to last. */
  'send', 'recv',
  /** Waiting for a block that the peer had not begun to send: imbalance. */
  'wait-peer',
  /** Waiting for a block whose bytes are under way: transfer that compute does not hide. */
  'wait-link',
  /** Waiting for all ranks between iterations. */
  'barrier',
  /** A communication kernel of an imported trace as recorded, its spinning included. */
  'communication',
  'memory',
  'other',
] as const

export type SpanCategory = (typeof SPAN_CATEGORIES)[number]

/** Category name to its code in a column. */
export const CATEGORY_CODE = Object.fromEntries(SPAN_CATEGORIES.map((category, code) => [category, code])) as
  Readonly<Record<SpanCategory, number>>

/**
 * Independent ways between ranks. A channel carries one block at a time in each direction, in the order of the plan;
 * different channels carry theirs side by side. `kv-outer` and `dkv-outer` join the windows of a double ring; `query` and
 * `result` carry what a balanced schedule's helper needs and gives back. The order is part of lane codes: append only.
 */
export const CHANNELS = ['kv', 'kv-outer', 'dkv', 'dkv-outer', 'query', 'result', 'all-to-all'] as const
export type Channel = (typeof CHANNELS)[number]

/**
 * What a block that travels holds. The order is the numeric code in columns, where 0 stands for none: append only.
 * `query` is Q, in a backward pass with dO, delta and lse; `partial` an output with its lse; `qkv`, `out`, `dout` and
 * `dqkv` are one member's part of an all-to-all.
 */
export const PAYLOADS = ['none', 'kv', 'dkv', 'query', 'partial', 'dq', 'qkv', 'out', 'dout', 'dqkv'] as const
export type Payload = Exclude<(typeof PAYLOADS)[number], 'none'>

/** Payload name to its code in a column. */
export const PAYLOAD_CODE = Object.fromEntries(PAYLOADS.map((payload, code) => [payload, code])) as
  Readonly<Record<(typeof PAYLOADS)[number], number>>

/** The lanes of a rank in our own runs, in drawing order. A span on a lane nests in or is disjoint from its neighbours. */
export const RANK_LANES = [
  'compute', 'send', 'recv', 'send outer', 'recv outer', 'send gradient', 'recv gradient',
  'send outer gradient', 'recv outer gradient', 'send query', 'recv query', 'send result', 'recv result',
  'send all-to-all', 'recv all-to-all',
] as const
export type RankLane = (typeof RANK_LANES)[number]

/** The two lanes of a channel. */
export const laneOf = (channel: Channel, direction: 'send' | 'recv'): RankLane =>
  RANK_LANES[1 + 2 * CHANNELS.indexOf(channel) + (direction === 'send' ? 0 : 1)]
