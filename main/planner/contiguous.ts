import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { shardRuns, shardTokens } from '../../kernels/plan/layout.ts'
import { pairsBetween } from '../../kernels/plan/pairs.ts'
import type { Plan } from '../../kernels/plan/plan.ts'

/** Σ over ring steps of the most loaded rank's pairs with contiguous shards, as the plan has it, without making the plan. */
export function contiguousMakespanPairs({ world, seqLen, mask }: Pick<RunConfig, 'world' | 'seqLen' | 'mask'>): number {
  const tokens = shardTokens('contiguous', seqLen, world)
  const shards = Array.from({ length: world }, (_, rank) => shardRuns('contiguous', world, tokens, rank))
  let makespanPairs = 0
  for (let step = 0; step < world; step++) {
    let most = 0
    for (let rank = 0; rank < world; rank++) {
      most = Math.max(most, pairsBetween(mask, shards[rank], shards[(rank - step + world) % world], seqLen))
    }
    makespanPairs += most
  }
  return makespanPairs
}

/**
 * How much shorter the pass is than with contiguous shards, communication free: the ratio of the two plans' makespans
 * in pairs. 2 - 1/N for zigzag under a causal mask as sequences grow; 1 for contiguous itself.
 */
export function speedupOverContiguous(config: RunConfig, plan: Plan): number {
  return config.layout === 'contiguous' ? 1 : contiguousMakespanPairs(config) / plan.makespanPairs
}
