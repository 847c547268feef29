import { neededArenaBytes } from '../../kernels/backends/arena.ts'
import { scratchBytes } from '../../kernels/backends/create.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Plan } from '../../kernels/plan/plan.ts'
import { arenaSpec, rankShape } from '../../kernels/rank/schedule.ts'

const FLOAT_BYTES = 4
/** A block that travels as bfloat16 is kept in that form beside its floats. */
const WIRE_BYTES = { float32: 0, bfloat16: 2 } as const

/** Bytes of an element in memory, of queries and outputs, of K/V, and of gradients on their way; accumulators are float32. */
export interface HeldBytes {
  readonly query: number
  readonly kv: number
  readonly gradient: number
}

const heldInRun = ({ wireDtype }: RunConfig): HeldBytes =>
  ({ query: FLOAT_BYTES, kv: FLOAT_BYTES + WIRE_BYTES[wireDtype], gradient: FLOAT_BYTES })

/** Bytes of the largest rank's buffers in a run, the backend's scratch included; `auto` is taken for the embedded backend. */
export function bytesPerRank(config: RunConfig, plan: Plan): number {
  const backend = config.backend === 'auto' ? 'wasm' : config.backend
  const specs = new Map(plan.ranks.map((rank) =>
    [[rank.kvSlots, rank.dkvSlots, rank.sides, rank.ownGradientSlot].join(), rank]))
  return Array.from(specs.values(), (rank) => {
    const spec = arenaSpec(config, rank)
    return neededArenaBytes(spec, scratchBytes(backend, spec))
  }).reduce((most, bytes) => Math.max(most, bytes), 0)
}

/** How many K/V blocks, gradients and sets of queries a rank must hold at once, by the schedules of the reference. */
interface Blocks {
  readonly kv: number
  readonly gradient: number
  readonly queries: number
}

/** In a ring the block attended to and the one that arrives. */
function blocksOf({ algorithm, window }: RunConfig, plan: Pick<Plan, 'geometry' | 'hops'>): Blocks {
  const ringSize = plan.geometry.ringSize
  if (plan.hops === 0 || ringSize === 1) return { kv: 1, gradient: 1, queries: 1 }
  switch (algorithm) {
    // The block that goes to the next window stays while those of the window go round, and the next one's arrives.
    case 'double-ring': return { kv: window < ringSize ? Math.min(4, window + 1) : 2, gradient: 2, queries: 1 }
    // The own block is kept; fetched ones and helped queries come a step ahead, beside those in use.
    case 'distflash': return { kv: Math.min(3, ringSize), gradient: 2, queries: Math.min(3, Math.ceil(ringSize / 2)) }
    default: return { kv: 2, gradient: 2, queries: 1 }
  }
}

/**
 * Bytes per rank by the formula of reference section 2.9, with e = 4 (and 2 more for K/V that travels as bfloat16):
 *
 *     b c d [2 Hq + 4 Hkv] e   q and out, K/V held and arriving
 *     + 4 b c d Hq + 8 b c Hq  the accumulator and its maximum and sum
 *     + tile buffers           4 bq bk + 4 (2 bq + 2 bk) d + 8 bq (section 6.1)
 *     backward: + 2 b c d Hq e dO and dQ, + 4 b c d Hkv e gradients of K/V held and arriving
 *
 * of the heads that a rank computes and the tokens it computes on, with as many blocks as its algorithm must hold. A Ulysses
 * group's all-to-all goes between two sets of q, k, v and out, backward also of their gradients.
 * Nothing in it grows with the sequence but the rank's own share.
 * @param held element sizes, where they are other than in a run of ours.
 */
export function formulaBytes(config: RunConfig, plan: Pick<Plan, 'geometry' | 'hops'>, held: HeldBytes = heldInRun(config)): number {
  const { batch, heads, kvHeads, headDim, tokens } = rankShape(config)
  const backward = config.pass === 'forward-backward'
  const { kv, gradient, queries } = blocksOf(config, plan)
  const rows = batch * heads * tokens
  const queryBytes = rows * headDim * held.query
  const keyElements = 2 * batch * kvHeads * tokens * headDim
  const perSide = (backward ? 4 : 2) * queryBytes
  const kvBytes = keyElements * held.kv
  const gradientBytes = backward ? keyElements * held.gradient : 0
  const atHome = plan.geometry.degree === 1 ? 0 : perSide + kvBytes + gradientBytes
  const [blockQ, blockK] = [Math.min(config.blockQ, tokens), Math.min(config.blockK, tokens)]
  const tileBytes = FLOAT_BYTES * (blockQ * blockK + (2 * blockQ + 2 * blockK) * headDim + 2 * blockQ)
  return queries * perSide + kv * kvBytes + gradient * gradientBytes + rows * headDim * FLOAT_BYTES + 8 * rows + atHome + tileBytes
}
