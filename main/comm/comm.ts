/** What a communication kernel does, as its name and args say. */
export type CommKind =
  'send-recv' | 'all-to-all' | 'all-reduce' | 'all-gather' | 'reduce-scatter' | 'broadcast' | 'reduce' | 'other'

/** A communication kernel of one rank. */
export interface CommKernel {
  readonly span: number
  readonly rank: number
  readonly kind: CommKind
  /** Kernels that can match across ranks share it: the process group where the args name one, else the lane's stream. */
  readonly group: string
  /** Position among the rank's kernels of the same group and kind (or the sequence number, where args have it). */
  readonly order: number
  readonly startNs: number
  readonly endNs: number
  /** Global ranks, where the args say, of this kernel or of the peer's; null else. */
  readonly source: number | null
  readonly destination: number | null
  /** All ranks of the group where known. */
  readonly members: readonly number[] | null
  readonly bytes: number | null
}

/** Kernels of different ranks that are one operation: a collective, or the kernels of one ring step. */
export interface CommMatch {
  readonly kind: CommKind
  /** Positions in the list of kernels, by rank. */
  readonly kernels: readonly number[]
  /** Whether every rank that takes part is there. */
  readonly complete: boolean
  /**
   * Who waits for whom: for each of `kernels` the positions of those whose start it needs. Of transfers the source's
   * kernel comes first; the receiver's is needed only where sends are not buffered (see `splits`).
   */
  readonly needs: readonly (readonly number[])[]
  /** What says that these belong together. */
  readonly evidence: 'source and destination' | 'process group' | 'order on a stream'
}

/** A kernel's time, divided. waitNs + transferNs is its duration. */
export interface CommSplit {
  /** Position in the list of kernels. */
  readonly kernel: number
  readonly waitNs: number
  readonly transferNs: number
  /** `peers`: from when the peers' kernels started. `estimate`: a peer's trace is missing; the shortest kernel of the kind counts as transfer. */
  readonly method: 'peers' | 'estimate'
  /** The rank that was waited for longest, where known and waited for. */
  readonly waitedFor: number | null
}

/** All that is known of a timeline's communication between ranks. */
export interface Communication {
  /** By rank, then start. */
  readonly kernels: readonly CommKernel[]
  readonly matches: readonly CommMatch[]
  /** One for each kernel, in their order. */
  readonly splits: readonly CommSplit[]
  /** What was assumed, and what could not be matched, in sentences for people. */
  readonly notes: readonly string[]
}
