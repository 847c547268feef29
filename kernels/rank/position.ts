import type { RANK_STATES } from './protocol.ts'

/** Where a rank is. -1 outside iterations and steps. */
export interface RankProgress {
  readonly iteration: number
  readonly step: number
  readonly state: (typeof RANK_STATES)[number]
}
