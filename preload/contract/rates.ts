/** Bandwidth of one level of the memory hierarchy, one core reading. */
export interface LevelBandwidth {
  readonly level: 'l1' | 'l2' | 'l3' | 'memory'
  /** Bytes of the buffer that was read over and over. */
  readonly bufferBytes: number
  readonly gbps: number
}

/** What one core can do at most, measured with the engine that the kernels run on. */
export interface Roofline {
  /** Multiply-adds of float32 without memory traffic, counted as two operations each. */
  readonly peakGflops: number
  /** Levels that the machine has; a level whose size is unknown is missing. */
  readonly levels: readonly LevelBandwidth[]
  /** Cost of one call into the kernel that does nothing, µs. */
  readonly dispatchUs: number
  /** Exponentials a second that the kernel's own function reaches, in units of 1e9. */
  readonly gexps: number
  readonly build: string
}

/** What a backend computes: the sizes that its rate depends on, of one rank. */
export interface AttentionShape {
  readonly backend: string
  readonly headDim: number
  readonly heads: number
  readonly kvHeads: number
  readonly blockQ: number
  readonly blockK: number
  /** Ranks that computed at the same time, one process and core each: they share caches and memory. */
  readonly processes: number
}

/**
 * What a backend reaches on blocks of one shape: t = blockOverheadUs + rowNs x rows + flops / gflops, rows being query rows
 * times heads times batch items.
 */
export interface AttentionRate extends AttentionShape {
  readonly forwardGflops: number
  readonly backwardGflops: number | null
  readonly blockOverheadUs: number
  readonly rowNs: number
  /** Tile that whole-tile counting fits best; null: exact pairs. */
  readonly tile: { readonly blockQ: number; readonly blockK: number } | null
  /** Largest relative difference between the fit and what was measured. */
  readonly fitError: number
}

/** What a transport reaches between two ranks of this machine that do nothing else: t = latencyUs + bytes / bandwidthGBps. */
export interface TransportRate {
  readonly transport: 'socket' | 'shared-memory'
  readonly bandwidthGBps: number
  readonly latencyUs: number
  readonly fitError: number
}

/**
 * What a ring of this machine adds to blocks, measured in rings that compute: their threads share cores. A transfer takes
 * latencyUs + bytes / bandwidthGBps from the moment it can begin.
 */
export interface RingRate {
  readonly backend: string
  readonly transport: 'socket' | 'shared-memory'
  readonly world: number
  /**
   * Whether ranks waited for an emulated link that is slower than their compute. They then go on together, and their threads
   * are in each other's way; bandwidth and latency are those of that link.
   */
  readonly linkBound: boolean
  /** From the beginning of a step until its block begins: posting, messages, a thread that wakes up. No compute and no wait. */
  readonly stepUs: number
  /** What an iteration's first step takes beyond that, and for each query row, head and item: accumulators are cleared. */
  readonly startUs: number
  readonly startRowNs: number
  /** At the end of a pass for each query row, head and item: normalising, log-sum-exps. Counts as compute. */
  readonly finishRowNs: number
  /** From the moment both ends have posted a move until its bytes can go. */
  readonly rendezvousUs: number
  /** Relative standard deviations of a block's duration and of these times. */
  readonly jitter: { readonly compute: number; readonly step: number; readonly start: number; readonly rendezvous: number }
  readonly bandwidthGBps: number
  readonly latencyUs: number
  /** Largest relative difference between the fit of transfers and what was measured. */
  readonly fitError: number
}

/** This machine, measured. Kept in the user's folder and measured again when the machine or the kernels change. */
export interface MachineRates {
  /** Of processor, cores, caches, engine and kernel version: what invalidates measurements. */
  readonly machineKey: string
  readonly measuredAt: string
  readonly roofline: Roofline
  readonly attention: readonly AttentionRate[]
  readonly transports: readonly TransportRate[]
  readonly rings: readonly RingRate[]
}
