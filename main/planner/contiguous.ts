import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { planBasis } from '../../kernels/plan/basis.ts'
import type { Plan } from '../../kernels/plan/plan.ts'

/** One ring of all ranks with contiguous shards over the same problem: what every other plan is compared with. */
export const contiguousRing = (config: RunConfig): RunConfig =>
  ({ ...config, algorithm: 'ring', layout: 'contiguous', ringSets: 1, window: 1, ulyssesDegree: 1 })

/** Floating point operations per pair of a rank that computes all heads: 4 b Hq d, of the items that a count of pairs stands for as one. */
function ringFlopsPerPair({ batch, heads, headDim, keyPadding }: RunConfig): number {
  return 4 * (keyPadding === null ? batch : 1) * heads * headDim
}

/** Σ over ring steps of the most loaded rank's pairs in the {@link contiguousRing}, as its plan has it, without making the plan. */
export function contiguousMakespanPairs(config: RunConfig): number {
  const ring = contiguousRing(config)
  const { world } = ring
  const { pairs } = planBasis(ring)
  let makespanPairs = 0
  for (let step = 0; step < world; step++) {
    let most = 0
    for (let rank = 0; rank < world; rank++) most = Math.max(most, pairs(0, rank, (rank - step + world) % world))
    makespanPairs += most
  }
  return makespanPairs
}

/**
 * How much shorter the pass is than on one contiguous ring of all ranks under the same mask, communication free: the ratio
 * of the two makespans in floating point operations, since ranks of other algorithms compute other numbers of heads and
 * batch items per pair. 2 - 1/N for zigzag under a causal mask as sequences grow; 1 for the contiguous ring itself.
 */
export function speedupOverContiguous(config: RunConfig, plan: Pick<Plan, 'makespanPairs' | 'flopsPerPair'>,
  contiguousPairs = contiguousMakespanPairs(config)): number {
  // A mask that leaves nothing to compute leaves nothing to gain.
  return plan.makespanPairs === 0 ? 1 : (contiguousPairs * ringFlopsPerPair(config)) / (plan.makespanPairs * plan.flopsPerPair)
}
