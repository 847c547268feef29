import type { RankShape } from '../backends/backend.ts'
import type { RunConfig } from '../config/runConfig.ts'
import { keyRanges, type KeyRanges } from '../plan/keyRanges.ts'
import { positionsOf, shardTokens } from '../plan/layout.ts'
import { planRun, type RankPlan } from '../plan/plan.ts'

/** One ring step of one rank, with everything computed that can be before a run. */
export interface ScheduledStep {
  readonly step: number
  /** Null when the mask leaves nothing to compute. */
  readonly work: { readonly ranges: KeyRanges; readonly flops: number } | null
  /** Null after the last hop. */
  readonly hop: { readonly sendOwner: number; readonly recvOwner: number } | null
  /** Slot that holds the block attended to; the other one receives. */
  readonly heldSlot: number
}

export interface RankSchedule {
  readonly rank: number
  readonly world: number
  readonly tokens: number
  readonly bytesPerHop: number
  readonly hops: number
  /** Int32Array[tokens], global position of each local row. */
  readonly positions: Int32Array
  readonly steps: readonly ScheduledStep[]
}

/** The sizes of every rank's share. */
export function rankShape(config: RunConfig): RankShape {
  const { batch, heads, kvHeads, headDim, blockQ, blockK } = config
  return { batch, heads, kvHeads, headDim, tokens: shardTokens(config.layout, config.seqLen, config.world), blockQ, blockK }
}

/** K/V blocks a rank holds at once: the one attended to and, in a ring, the one that arrives. */
export function slotCount(config: RunConfig): number {
  return config.world > 1 ? 2 : 1
}

/** A rank's part of the plan, made ready for its step loop. */
export function scheduleRank(config: RunConfig, rank: number): RankSchedule {
  const plan = planRun(config)
  const own: RankPlan = plan.ranks[rank]
  const positions = positionsOf(own.positions)
  return {
    rank, world: plan.world, tokens: plan.shardTokens, bytesPerHop: plan.bytesPerHop, hops: plan.hops, positions,
    steps: own.steps.map(({ step, kvOwner, pairs, send, recv }) => ({
      step,
      work: pairs === 0 ? null : {
        ranges: keyRanges(config.mask, positions, positionsOf(plan.ranks[kvOwner].positions), config.seqLen),
        flops: pairs * plan.flopsPerPair,
      },
      hop: send === null || recv === null ? null : { sendOwner: send.owner, recvOwner: recv.owner },
      heldSlot: step % 2,
    })),
  }
}

/** A number for the hop that `sender` starts at `step`: unique in the run, the same at both ends. */
export function hopNumber(schedule: RankSchedule, iteration: number, step: number, sender: number): number {
  return (iteration * schedule.hops + step) * schedule.world + sender
}
