import type { Layout } from '../../../kernels/config/runConfig.ts'

/** What {@link ringTrace} makes. Times in ns; everything has a default, see {@link RING_DEFAULTS}. */
export interface RingTraceOptions {
  readonly seed: number
  readonly world: number
  /** Profiler steps: each runs `layers` layers, then the collective, then waits for the device. */
  readonly iterations: number
  /** Of the iterations, the first ones whose compute takes 1.7 times as long. */
  readonly warmup: number
  readonly layers: number
  readonly pass: 'forward' | 'backward' | 'both'
  readonly layout: Layout
  readonly mask: 'causal' | 'full'
  readonly seqLen: number
  /** Attention compute per (query, key) pair of the forward pass; the backward pass takes 2.5 times as long. */
  readonly nsPerPair: number
  /** Factor on the compute of a rank. */
  readonly stragglers: Readonly<Record<number, number>>
  /** K/V of one hop at the link's rate. Gradients take twice as long: they are float32. */
  readonly transferNs: number
  /** A transfer takes up to this fraction longer, most of them little: uniform numbers to the power of `jitterPower`. */
  readonly transferJitter: number
  readonly jitterPower: number
  /**
   * When a SendRecv kernel ends. `both`: when its receive and its send are done, each under way from the moment that both
   * its ends have entered. `receive`: when its receive is done; sends are buffered.
   */
  readonly rendezvous: 'both' | 'receive'
  /** Whether a step's transfer runs beside its compute. */
  readonly overlap: boolean
  /** Between kernels of a stream: 1 µs and up to this much more. */
  readonly launchGapNs: number
  /** Host time per launch; the host runs ahead of the device until the iteration's end. */
  readonly hostNsPerLaunch: number
  /** Ranks begin up to this much apart. */
  readonly startJitterNs: number
  /** Layer norms, matrix products, merges, copies. */
  readonly otherKernels: boolean
  /** An all-reduce over all ranks at the end of each iteration. */
  readonly collectives: boolean
  readonly collectiveNs: number
  /** Clocks differ by up to this much from rank 0's, or by exactly these. What is to be added to a rank's times. */
  readonly skewNs: number | readonly number[]
  /** `base`: baseTimeNanoseconds. `unix`: Unix µs and no key. `own`: a clock that says nothing. */
  readonly clock: 'base' | 'unix' | 'own'
  /** Process group, number of elements, dtype. */
  readonly groupArgs: boolean
  /** Src Rank and Dst Rank; `local` numbers them within the group, as some versions do. */
  readonly peerArgs: boolean | 'local'
  readonly seqArgs: boolean
  readonly hostEvents: boolean
  readonly flows: boolean
  readonly distributedInfo: boolean
  /** Global rank of position 0 of the ring, so that local and global numbers differ. */
  readonly firstRank: number
  /** A rank's file begins with this SendRecv kernel of it: windows that were cut differently. */
  readonly firstHop: Readonly<Record<number, number>>
}

export const RING_DEFAULTS: RingTraceOptions = {
  seed: 1, world: 4, iterations: 3, warmup: 0, layers: 2, pass: 'both', layout: 'zigzag', mask: 'causal', seqLen: 4096,
  nsPerPair: 0.4, stragglers: {}, transferNs: 150_000, transferJitter: 0.05, jitterPower: 3, rendezvous: 'both',
  overlap: true, launchGapNs: 2000, hostNsPerLaunch: 7000, startJitterNs: 20_000, otherKernels: true, collectives: true, collectiveNs: 400_000,
  skewNs: 0, clock: 'base', groupArgs: true, peerArgs: true, seqArgs: true, hostEvents: true, flows: true, distributedInfo: true,
  firstRank: 0, firstHop: {},
}
