import type { ArenaSpec } from '../backends/arena.ts'
import type { RankShape } from '../backends/backend.ts'
import type { RunConfig } from '../config/runConfig.ts'
import { kvHeadsPerRank } from '../plan/basis.ts'
import { keyRanges, type KeyRanges } from '../plan/keyRanges.ts'
import { positionsOf, tokenLayout } from '../plan/layout.ts'
import { distinctItems } from '../plan/mask.ts'
import { flopsPerPairIn, type Plan, type RankPlan, type StepPlan } from '../plan/plan.ts'
import { planRun } from '../plan/planRun.ts'

/** Hop numbers are 32-bit integers wherever they are stored. */
const MOST_HOP_NUMBERS = 2 ** 31

/** One step of one rank, with everything computed that can be before a run. */
export interface ScheduledStep {
  readonly plan: StepPlan
  /** Null where there are no pairs to compute. One entry of ranges for all batch items, or one for each. */
  readonly work: { readonly ranges: readonly KeyRanges[]; readonly flops: number } | null
}

export interface RankSchedule {
  readonly rank: number
  readonly world: number
  readonly plan: RankPlan
  readonly shape: RankShape
  readonly arena: ArenaSpec
  /** Int32Array[tokens]: global position of each row that the rank computes on. */
  readonly positions: Int32Array
  /** Global position of each row that the rank owns. */
  readonly homePositions: Int32Array
  /** First of the batch items of the rank's set. */
  readonly firstItem: number
  readonly steps: readonly ScheduledStep[]
  /** Hop numbers that one iteration of all ranks takes up; the same on every rank. */
  readonly hopStride: number
}

/** The sizes of what every rank computes on. */
export function rankShape(config: RunConfig): RankShape {
  const { heads, kvHeads, headDim, blockQ, blockK } = config
  const { geometry: { batch, degree }, computeTokens } = tokenLayout(config)
  return { batch, heads: heads / degree, kvHeads: kvHeadsPerRank(kvHeads, degree), headDim, tokens: computeTokens, blockQ, blockK }
}

/** What a rank's buffers must hold. */
export function arenaSpec(config: RunConfig, { kvSlots, dkvSlots, sides, ownGradientSlot }: RankPlan): ArenaSpec {
  return {
    shape: rankShape(config), kvSlots, dkvSlots, sides, ownGradientSlot,
    wireDtype: config.wireDtype, degree: tokenLayout(config).geometry.degree,
    modelHeads: config.heads, modelKvHeads: config.kvHeads,
  }
}

/** A rank's part of the plan, made ready for its step loop. */
export function scheduleRank(config: RunConfig, rank: number): RankSchedule {
  const plan = planRun(config)
  const own = plan.ranks[rank]
  const positions = positionsOf(own.positions)
  const firstItem = own.seat.set * plan.geometry.batch
  const rangesOf = rangeMaker(config, plan, firstItem)
  return {
    rank, world: plan.world, plan: own, shape: rankShape(config), arena: arenaSpec(config, own),
    positions, homePositions: positions.subarray(own.ownRows.from, own.ownRows.to), firstItem,
    steps: own.steps.map((step) => ({
      plan: step,
      work: step.pairs === 0 || step.work === null ? null : {
        ranges: rangesOf(step.queryOwner, step.kvOwner),
        flops: step.pairs * flopsPerPairIn(plan, step.pass),
      },
    })),
    hopStride: plan.hopNumbers,
  }
}

/** Key ranges between the shards of two ranks; made once for both passes. */
function rangeMaker(config: RunConfig, plan: Plan, firstItem: number): (queryOwner: number, kvOwner: number) => readonly KeyRanges[] {
  const made = new Map<number, readonly KeyRanges[]>()
  const items = distinctItems(config, firstItem, plan.geometry.batch)
  return (queryOwner, kvOwner) => {
    const key = queryOwner * plan.world + kvOwner
    const known = made.get(key)
    if (known !== undefined) return known
    const queryPositions = positionsOf(plan.ranks[queryOwner].positions)
    const keyPositions = positionsOf(plan.ranks[kvOwner].positions)
    const ranges = items.map((item) => keyRanges(config, item, queryPositions, keyPositions))
    made.set(key, ranges)
    return ranges
  }
}

/**
 * The number in the run of a move that the plan numbers `hop`: the same at both ends, and different from every other of
 * the run up to 2^31 of them. After that, whole iterations later, numbers come again.
 */
export function hopNumber({ hopStride }: Pick<RankSchedule, 'hopStride'>, iteration: number, hop: number): number {
  return (iteration % Math.floor(MOST_HOP_NUMBERS / hopStride)) * hopStride + hop
}
