import type { Move } from '../plan/plan.ts'
import type { Arrival, Departure } from '../transport/links.ts'

export interface PostedMoves {
  readonly iteration: number
  readonly sends: readonly Move[]
  readonly recvs: readonly Move[]
}

/** When a move's bytes were under way, ns from the run's origin. */
export type SettledMove =
  | { readonly direction: 'send'; readonly move: Move; readonly times: Departure }
  | { readonly direction: 'recv'; readonly move: Move; readonly times: Arrival }

/** Moves a rank's blocks while it computes: a communication thread in a run, a memory copy in a test. */
export interface Mover {
  /** Makes what the rank owns at the start of a pass ready to be sent; outside the measured window. */
  publish(): Promise<void>
  /** Starts moves and returns at once. Every channel carries them in the order in which they are posted. */
  post(moves: PostedMoves): void
  /** Waits until every posted move with `settleStep <= step` is over, emulated time included, and gives them out once. */
  settle(step: number, now: () => number): Promise<readonly SettledMove[]>
}
