import type { Channel } from '../../timeline/categories.ts'
import type { PlanBasis } from '../basis.ts'
import type { Seat } from '../geometry.ts'
import { rankAt } from '../geometry.ts'
import type { Fold, RankPlan, StepPass, StepPlan, Traffic } from '../plan.ts'

/** Ring positions whose queries and keys a block joins. */
export interface Block {
  readonly query: number
  readonly key: number
}

/** The number of the hop that `sender` posts on a channel at a step; a channel carries at most one a step and sender. */
export type HopNumbering = (channel: Channel, step: number, sender: number) => number

export type SlotCounts = Pick<RankPlan, 'kvSlots' | 'dkvSlots' | 'sides' | 'ownGradientSlot'>

/** The blocks that the ranks of a set compute, and how they get them. Exchanges of a Ulysses group are not its business. */
export interface Planner {
  /** Steps of a pass, the same for every rank. */
  readonly steps: Readonly<Record<StepPass, number>>
  /** Kinds of transfers with the hops of the rank that sends most. */
  readonly traffic: readonly Omit<Traffic, 'bytesPerHop'>[]
  /** What a ring position computes at a step of the forward pass; null where it has nothing to do. */
  blockAt(position: number, step: number): Block | null
  /** The steps of one rank, numbered from `firstStep`. */
  plan(pass: StepPass, seat: Seat, firstStep: number, hopNumber: HopNumbering): StepPlan[]
  slots(position: number): SlotCounts
}

/** Plans of large worlds have millions of steps, most of which share this. */
export const NO_FOLDS: readonly Fold[] = []

type AttendStep = Pick<StepPlan, 'step' | 'pass' | 'work' | 'sends' | 'recvs' | 'folds'>

/** A step that computes `block` or, with null, only moves. */
export function attendStep({ geometry, kind, pairs }: PlanBasis, { set, member }: Seat, block: Block | null,
  { step, pass, work, sends, recvs, folds }: AttendStep): StepPlan {
  return {
    step, pass, stage: 'attend',
    kvOwner: block === null ? -1 : rankAt(geometry, { set, member, position: block.key }),
    queryOwner: block === null ? -1 : rankAt(geometry, { set, member, position: block.query }),
    kind: block === null ? 'none' : kind(set, block.query, block.key),
    pairs: block === null ? 0 : pairs(set, block.query, block.key),
    work, sends, recvs, folds,
  }
}

/** Whether the block has pairs in any set. */
export function hasPairs({ geometry: { ringSets }, pairs }: PlanBasis, { query, key }: Block): boolean {
  for (let set = 0; set < ringSets; set++) {
    if (pairs(set, query, key) > 0) return true
  }
  return false
}
