/** A block in this rank's memory: the parts that it consists of, in the order in which they travel. */
export interface Block {
  /** Unique in the run; both ends expect the same number. */
  readonly hop: number
  /** Rank whose shard the block is. */
  readonly owner: number
  readonly parts: readonly Uint8Array[]
  /** Of all parts together. */
  readonly bytes: number
  /** True for K/V as its owner published it: over shared memory it lies in the owner's file already. */
  readonly published: boolean
}

/** A block to be received. */
export interface IncomingBlock extends Block {
  /** Makes what arrived usable, before the block counts as received. */
  readonly decode: () => void
}

/** ns from the run's origin. */
export interface Departure {
  /** When the receiver's place was posted and the block could go; left out where the wire took it at once. */
  readonly readyNs?: number
  /** When the wire took the first byte. */
  readonly startNs: number
  /** When the last byte was handed over and the block's memory may be written again. */
  readonly endNs: number
}

/** ns from the run's origin. */
export interface Arrival {
  /** When the sender could send, from the block's header: its `readyNs`. */
  readonly senderStartNs: number
  /** When the first byte was here. */
  readonly startNs: number
  /** When the last byte was in its place. */
  readonly endNs: number
}

/** The bytes to add up. */
export const bytesOf = (parts: readonly { readonly length: number }[]): number => parts.reduce((sum, { length }) => sum + length, 0)
