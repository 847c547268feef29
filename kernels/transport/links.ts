/** A block to pass on to the next rank. */
export interface OutgoingBlock {
  /** Unique in the run; the receiver expects the same number. */
  readonly hop: number
  /** Rank whose shard the block is. */
  readonly owner: number
  readonly bytes: Uint8Array
}

/** A block expected from the previous rank, and where it goes. */
export interface IncomingBlock {
  readonly hop: number
  readonly owner: number
  readonly target: Uint8Array
}

/** ns from the run's origin. */
export interface Departure {
  /** When the first byte was handed over: after the receiver's slot was posted. */
  readonly startNs: number
  /** When the last byte was handed over and the block's memory may be written again. */
  readonly endNs: number
}

/** ns from the run's origin. */
export interface Arrival {
  /** The sender's `startNs`, from the block's header. */
  readonly senderStartNs: number
  /** When the first byte was here. */
  readonly startNs: number
  /** When the last byte was in the target. */
  readonly endNs: number
}

/** The link to the next rank. One block at a time. */
export interface OutboundLink {
  /** Makes this rank's own block ready to be sent, before the pass begins. */
  publish(block: Uint8Array): void
  /** Waits until the receiver has posted the hop, then moves the block. @throws TransportError */
  send(block: OutgoingBlock): Promise<Departure>
  /** Harmless when closed already. */
  close(): void
}

/** The link from the previous rank. One block at a time. */
export interface InboundLink {
  /** Tells the sender that the slot is posted, then takes the block in. @throws TransportError */
  receive(block: IncomingBlock): Promise<Arrival>
  close(): void
}
