import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { AnySweepReport, SweepAxis, SweepProgress } from '../../preload/contract/sweep.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import type { SweepMachine } from './sweepMachine.ts'

/** What is asked of a sweep. */
export type SweepAsk =
  | {
    readonly kind: 'tile'
    readonly config: RunConfig
    readonly blockQ: readonly number[]
    readonly blockK: readonly number[]
    readonly axes: readonly SweepAxis[]
    readonly repeats: number
    /** Measures again what earlier sweeps know. */
    readonly fresh: boolean
    /** Bytes of L2, where the user knows better than the system. */
    readonly l2?: number
  }
  | { readonly kind: 'ring'; readonly config: RunConfig; readonly axes: readonly SweepAxis[]; readonly repeats: number; readonly fresh: boolean }
export type TileAsk = Extract<SweepAsk, { kind: 'tile' }>
export type RingAsk = Extract<SweepAsk, { kind: 'ring' }>

export interface SweepOptions {
  readonly installation: Installation
  readonly rankHost: RankHost
  readonly machine: SweepMachine
}

export type ProgressFacts = Omit<SweepProgress, 'sweepId'>
export type ProgressListener = (progress: ProgressFacts) => void

/** A sweep that goes on. */
export interface SweepHandle {
  /** Called after every measurement and when a pause begins or ends. @returns a function that ends the subscription. */
  onProgress(listener: ProgressListener): () => void
  /** Nothing more is measured until it is resumed; the measurement under way is finished. */
  pause(): void
  resume(): void
  /** Ends what measures at once. `finished` then resolves with what was measured, and says so in its warnings. Harmless afterwards. */
  cancel(): void
  readonly cancelled: boolean
  /**
   * The report; of the cells that were measured, where the sweep was cancelled.
   * @throws SweepCancelledError where that was none; SweepFailedError (a process crashed or could not go on), BackendUnavailableError.
   */
  readonly finished: Promise<AnySweepReport>
}
