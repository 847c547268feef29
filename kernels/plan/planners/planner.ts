import type { Channel } from '../../timeline/categories.ts'
import type { PlanBasis } from '../basis.ts'
import type { Seat } from '../geometry.ts'
import type { RankPlan, StepPass, StepSink, Traffic } from '../plan.ts'

/** The number of the hop that `sender` posts on a channel at a step; a channel carries at most one a step and sender. */
export type HopNumbering = (channel: Channel, step: number, sender: number) => number

export type SlotCounts = Pick<RankPlan, 'kvSlots' | 'dkvSlots' | 'sides' | 'ownGradientSlot'>

/** The blocks that the ranks of a set compute, and how they get them. Exchanges of a Ulysses group are not its business. */
export interface Planner {
  /** Steps of a pass, the same for every rank. */
  readonly steps: Readonly<Record<StepPass, number>>
  /** Whether all ranks post moves of as many bytes, on the same channels, at the same steps. */
  readonly movesAlike: boolean
  /** Kinds of transfers with the hops of the rank that sends most. */
  readonly traffic: readonly Omit<Traffic, 'bytesPerHop'>[]
  /** Ring position whose queries a position computes at a step of the forward pass; -1 where it has nothing to do. */
  queryAt(position: number, step: number): number
  /** Ring position whose keys these attend to. */
  keyAt(position: number, step: number): number
  /** Tells what a rank does in step `local` of a pass whose steps are numbered from `firstStep`. */
  emit(pass: StepPass, seat: Seat, local: number, firstStep: number, hopNumber: HopNumbering, sink: StepSink): void
  slots(position: number): SlotCounts
}

/** Whether a block has pairs in any set. */
export function hasPairs({ geometry: { ringSets }, pairs }: PlanBasis, query: number, key: number): boolean {
  for (let set = 0; set < ringSets; set++) {
    if (pairs(set, query, key) > 0) return true
  }
  return false
}
