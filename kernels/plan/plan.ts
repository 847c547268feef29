import type { Algorithm, Layout, Mask, RunConfig } from '../config/runConfig.ts'
import { clipRun, shardRuns, shardTokens, type PositionRun } from './layout.ts'
import { pairsBetween } from './pairs.ts'

/**
 * Which part of a (query shard x key shard) square is computed; reference section 2.4.
 * `first-half-kv`: all queries x first half of K/V. `second-half-q`: second half of the queries x all K/V.
 * `triangle` and `strict-triangle`: lower triangle with and without the diagonal, for a block that is not the rank's own.
 */
export type StepKind =
  | 'diagonal' | 'full' | 'skip' | 'first-half-kv' | 'second-half-q' | 'triangle' | 'strict-triangle'

/** One K/V block on its way between two ranks during a step. */
export interface Move {
  readonly channel: 'kv'
  /** The rank at the other end. */
  readonly peer: number
  /** Rank whose shard the block is. */
  readonly owner: number
  readonly bytes: number
}

/** What a rank does in one ring step. */
export interface StepPlan {
  readonly step: number
  /** Owner of the K/V block that is held and attended to. */
  readonly kvOwner: number
  readonly kind: StepKind
  /** Exact number of (query, key) pairs per head and batch item. */
  readonly pairs: number
  /** The block passed on while this step computes, and the block received for the next. */
  readonly send: Move | null
  readonly recv: Move | null
}

export interface RankPlan {
  readonly rank: number
  /** Global positions of the local rows. */
  readonly positions: readonly PositionRun[]
  readonly pairs: number
  readonly steps: readonly StepPlan[]
}

/** Everything that follows from a config alone. Executor, simulator and charts all read this one type. */
export interface Plan {
  readonly algorithm: Algorithm
  readonly layout: Layout
  readonly mask: Mask
  readonly world: number
  readonly seqLen: number
  readonly paddedSeqLen: number
  /** Tokens per rank, padding included: c. */
  readonly shardTokens: number
  /** K/V transfers each rank makes per pass. */
  readonly hops: number
  readonly bytesPerHop: number
  /** Sum over ranks and steps, per head and batch item. */
  readonly totalPairs: number
  /** Σ over steps of the most loaded rank's pairs: the makespan with free communication (reference section 2.5). */
  readonly makespanPairs: number
  /** 1 - totalPairs / (world * makespanPairs), pair-exact. */
  readonly idleFraction: number
  /** Forward floating point operations per pair: 4 b Hq d. */
  readonly flopsPerPair: number
  readonly ranks: readonly RankPlan[]
}

const BYTES_PER_FLOAT32 = 4

function stepKind(config: RunConfig, rank: number, step: number, pairs: number, whole: number): StepKind {
  if (pairs === 0) return 'skip'
  if (pairs === whole) return 'full'
  if (step === 0) return 'diagonal'
  const earlierOwner = step <= rank
  if (config.layout === 'striped') return earlierOwner ? 'triangle' : 'strict-triangle'
  if (config.layout === 'zigzag') return earlierOwner ? 'first-half-kv' : 'second-half-q'
  return 'full'
}

const tokenCount = (runs: readonly PositionRun[], seqLen: number): number =>
  runs.reduce((sum, run) => sum + clipRun(run, seqLen).count, 0)

/**
 * The ring schedule: at step s rank r holds the K/V of rank (r - s) mod N, passes it on to r + 1 while computing and
 * receives the next from r - 1, N - 1 times. Pure; any world size and any sequence length.
 */
export function planRun(config: RunConfig): Plan {
  const { world, seqLen, layout, mask } = config
  const tokens = shardTokens(layout, seqLen, world)
  const shards = Array.from({ length: world }, (_, rank) => shardRuns(layout, world, tokens, rank))
  const realTokens = shards.map((runs) => tokenCount(runs, seqLen))
  const hops = world - 1
  const bytesPerHop = 2 * config.batch * config.kvHeads * tokens * config.headDim * BYTES_PER_FLOAT32
  const next = (rank: number): number => (rank + 1) % world
  const previous = (rank: number): number => (rank + world - 1) % world

  const ranks = shards.map((positions, rank): RankPlan => {
    const steps = Array.from({ length: world }, (_, step): StepPlan => {
      const kvOwner = (rank - step + world) % world
      const pairs = pairsBetween(mask, positions, shards[kvOwner], seqLen)
      const passesOn = step < hops
      return {
        step,
        kvOwner,
        kind: stepKind(config, rank, step, pairs, realTokens[rank] * realTokens[kvOwner]),
        pairs,
        send: passesOn ? { channel: 'kv', peer: next(rank), owner: kvOwner, bytes: bytesPerHop } : null,
        recv: passesOn
          ? { channel: 'kv', peer: previous(rank), owner: (kvOwner + world - 1) % world, bytes: bytesPerHop }
          : null,
      }
    })
    return { rank, positions, pairs: steps.reduce((sum, step) => sum + step.pairs, 0), steps }
  })

  const totalPairs = ranks.reduce((sum, rank) => sum + rank.pairs, 0)
  let makespanPairs = 0
  for (let step = 0; step < world; step++) {
    makespanPairs += ranks.reduce((most, rank) => Math.max(most, rank.steps[step].pairs), 0)
  }
  return {
    algorithm: config.algorithm, layout, mask, world, seqLen,
    paddedSeqLen: tokens * world,
    shardTokens: tokens,
    hops, bytesPerHop, totalPairs, makespanPairs,
    idleFraction: 1 - totalPairs / (world * makespanPairs),
    flopsPerPair: 4 * config.batch * config.heads * config.headDim,
    ranks,
  }
}
