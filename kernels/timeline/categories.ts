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

/** The lanes of a rank in our own runs, in drawing order. A span on a lane nests in or is disjoint from its neighbours. */
export const RANK_LANES = ['compute', 'send', 'recv'] as const
export type RankLane = (typeof RANK_LANES)[number]
