import type { Algorithm, Layout, Mask, Pass } from '../config/runConfig.ts'
import type { Channel, Payload } from '../timeline/categories.ts'
import type { PlanBasis } from './basis.ts'
import type { Geometry, Seat } from './geometry.ts'
import type { PositionRun } from './layout.ts'

/**
 * Which part of a (query shard x key shard) square is computed; reference section 2.4.
 * `first-half-kv`: all queries x first half of K/V. `second-half-q`: second half of the queries x all K/V.
 * `triangle` and `strict-triangle`: lower triangle with and without the diagonal, for a block that is not the rank's own.
 * `partial`: any other part (windows, documents, key padding, block-cyclic shards). `skip`: none of it.
 * `none`: the step has no block at all, only moves.
 */
export type StepKind =
  | 'diagonal' | 'full' | 'skip' | 'first-half-kv' | 'second-half-q' | 'triangle' | 'strict-triangle' | 'partial' | 'none'

export type StepPass = 'forward' | 'backward'

/**
 * A region of a rank's memory that a move reads or writes; the arena says where it lies (`RankArena.segments`).
 * `kv`, `dkv`: a slot, K then V. `query`: Q of a query side, in a backward pass with dO, delta and lse. `partial`: lse and
 * output of a side. `dq`: its query gradient. `home`: in the rank's own tensors (all heads, own tokens), the heads that
 * `member` computes. `spread`: in the tensors it computes on (its heads, the group's tokens), the tokens that are
 * `member`'s own. `dkv-part`: what `member` contributed to K/V gradients that several members share.
 */
export type Place =
  | { readonly buffer: 'kv' | 'dkv'; readonly slot: number }
  | { readonly buffer: 'query' | 'partial' | 'dq'; readonly side: number }
  | { readonly buffer: 'home' | 'spread'; readonly member: number }

/**
 * One block on its way between two ranks. Both ends have a Move with the same `hop`. It is posted when its step begins
 * (without overlap: when that step's compute is over) and settled at the end of `settleStep`: from then on what was
 * received may be used and what was sent may be written again.
 */
export interface Move {
  readonly channel: Channel
  readonly payload: Payload
  /** The rank at the other end. */
  readonly peer: number
  /** Rank whose shard the block is: of K/V and its gradient, the owner of the keys; of the others, that of the queries. */
  readonly owner: number
  /** Bytes on the wire. */
  readonly bytes: number
  /** Unique in an iteration, the same at both ends. */
  readonly hop: number
  readonly place: Place
  readonly settleStep: number
}

/**
 * What a rank does with blocks that arrived, at the end of the step that settled them:
 * `gradient`: adds slot `from` of the K/V gradients into slot `into`. `partial`: joins the partial result in side `from`
 * into the rank's own queries. `dq`: adds the query gradient in side `from` into the rank's own.
 * `shared-gradients`: sums what the members of a Ulysses group contributed to K/V gradients of heads that they share.
 */
export type Fold =
  | { readonly what: 'gradient'; readonly from: number; readonly into: number }
  | { readonly what: 'partial' | 'dq'; readonly from: number }
  | { readonly what: 'shared-gradients' }

/** The block that a step computes. */
export interface PlannedWork {
  /** Query side: 0 are the rank's own queries, others are those of ranks it helps. */
  readonly side: number
  readonly kvSlot: number
  /** Where a backward step leaves dK and dV of the block: overwritten when `fresh`, else added to. Null in a forward pass. */
  readonly gradient: { readonly slot: number; readonly fresh: boolean } | null
}

/**
 * What a rank does in one step. In order: its moves are posted, the block is computed, moves due are settled, folds are
 * made. The steps of a backward pass follow those of the forward pass and go on counting.
 */
export interface StepPlan {
  readonly step: number
  readonly pass: StepPass
  /** `exchange`: an all-to-all before or after the blocks of a pass; computes nothing. */
  readonly stage: 'attend' | 'exchange'
  /** Rank whose K/V the step attends to (at that rank's ring position), and rank whose queries attend. -1 with kind `none`. */
  readonly kvOwner: number
  readonly queryOwner: number
  readonly kind: StepKind
  /** Exact number of (query, key) pairs; see {@link Plan.pairItems}. */
  readonly pairs: number
  /** Null where nothing is computed. */
  readonly work: PlannedWork | null
  readonly sends: readonly Move[]
  readonly recvs: readonly Move[]
  readonly folds: readonly Fold[]
}

/**
 * Takes in what a rank does in one step, part by part: the block, the work if there is any, sends, receives, folds. Worlds of
 * a thousand ranks have millions of steps, too many to make objects of: see {@link Plan.emitStep}.
 */
export interface StepSink {
  /** First of all. @param query ring position whose queries attend, and `key` whose keys are attended to; -1 both with kind `none`. */
  block(step: number, pass: StepPass, stage: StepPlan['stage'], query: number, key: number): void
  work(work: PlannedWork): void
  move(direction: 'send' | 'recv', channel: Channel, payload: Payload, peer: number, owner: number, bytes: number, hop: number,
    place: Place, settleStep: number): void
  fold(fold: Fold): void
}

export interface RankPlan {
  readonly rank: number
  readonly seat: Seat
  /** Global positions of the rows that the rank computes on: those of its ring position. */
  readonly positions: readonly PositionRun[]
  /** Global positions of the rank's own rows: `ownRows` of the ring position's, a part when Ulysses groups share it. */
  readonly ownRows: { readonly from: number; readonly to: number }
  /** Pairs of the forward pass. */
  readonly pairs: number
  /** Made when they are read; those of a hundred ranks or so are kept. */
  readonly steps: readonly StepPlan[]
  /** K/V and gradient slots that the steps use, and query sides. */
  readonly kvSlots: number
  readonly dkvSlots: number
  readonly sides: number
  /** Gradient slot with the rank's own dK and dV when the backward pass is over; null in a forward pass. */
  readonly ownGradientSlot: number | null
}

/** Transfers of one kind that each rank sends in an iteration, on the rank that sends most. */
export interface Traffic {
  readonly channel: Channel
  readonly payload: Payload
  readonly pass: StepPass
  readonly hops: number
  readonly bytesPerHop: number
}

/** Everything that follows from a config alone. Executor, simulator and charts all read this one type. */
export interface Plan {
  readonly algorithm: Algorithm
  readonly layout: Layout
  readonly mask: Mask
  readonly pass: Pass
  readonly world: number
  readonly geometry: Geometry
  readonly seqLen: number
  readonly paddedSeqLen: number
  /** Tokens that a rank owns, padding included: c. */
  readonly shardTokens: number
  /** Tokens that a rank computes on: c times the Ulysses degree. */
  readonly computeTokens: number
  /** K/V transfers each rank makes per forward pass, inner and outer rings together; all-to-all messages where there is no ring. */
  readonly hops: number
  readonly bytesPerHop: number
  /** Whether all ranks post moves of as many bytes, on the same channels, at the same steps: one stands for all. */
  readonly movesAlike: boolean
  /** Every kind of transfer, in the order of the passes. */
  readonly traffic: readonly Traffic[]
  /**
   * Batch items that a count of pairs stands for: 1 where all items have the same mask, else all of the set's.
   * Pairs are counted per head that a rank computes.
   */
  readonly pairItems: number
  /** Sum over ranks and forward steps. */
  readonly totalPairs: number
  /** Σ over forward steps of the most loaded rank's pairs: the makespan with free communication (reference section 2.5). */
  readonly makespanPairs: number
  /** 1 - totalPairs / (world * makespanPairs), pair-exact. */
  readonly idleFraction: number
  /** Steps of every rank in an iteration. */
  readonly stepCount: number
  /** Every move's `hop` is below this. */
  readonly hopNumbers: number
  /** Floating point operations per pair and rank: forward 4 b Hq d, backward 10 b Hq d, of the batch items and heads a rank computes. */
  readonly flopsPerPair: number
  readonly backwardFlopsPerPair: number
  readonly ranks: readonly RankPlan[]
  /** What the plan was made from: pairs and kinds of blocks by ring positions, bytes of payloads. */
  readonly basis: PlanBasis
  /** Tells one step to a sink, in constant time, keeping nothing: what `ranks[rank].steps[step]` is made of. */
  emitStep(rank: number, step: number, sink: StepSink): void
}

/** Floating point operations that a pair stands for in a pass; see {@link Plan.flopsPerPair}. */
export const flopsPerPairIn = (plan: Pick<Plan, 'flopsPerPair' | 'backwardFlopsPerPair'>, pass: StepPass): number =>
  (pass === 'forward' ? plan.flopsPerPair : plan.backwardFlopsPerPair)
