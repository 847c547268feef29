import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { PlanningRates } from './rates.ts'

const LARGEST_COUNTED = 2 ** 50
const BYTES_PER_ELEMENT = { float32: 4 } as const

/** Share of a shard square that a step leaves out: 1 where the critical rank computes whole squares, 2 where half. */
export function stepDivisor(config: Pick<RunConfig, 'layout' | 'mask'>): 1 | 2 {
  return config.mask === 'causal' && config.layout !== 'contiguous' ? 2 : 1
}

/**
 * Fewest tokens c per rank for which a step's compute lasts at least as long as its hop:
 * (4/κ) b Hq d c² / F >= L + 2 b Hkv d c e / B, so c >= κ (e/2) (Hkv/Hq) F/B where the latency L is 0
 * (Liu et al. 2023, c >= F/B for bf16 and equal heads). κ from {@link stepDivisor}. 1 where a ring of one rank has no hop.
 */
export function minShardTokens(config: RunConfig, rates: Pick<PlanningRates, 'gflopsPerRank' | 'bandwidthGBps' | 'latencyUs'>): number {
  if (config.world === 1) return 1
  const { batch, heads, kvHeads, headDim } = config
  // ns per token², ns per token and ns: GFLOP/s and GB/s are operations and bytes per ns.
  const computeNs = (4 * batch * heads * headDim) / (stepDivisor(config) * rates.gflopsPerRank)
  const wireNs = (2 * batch * kvHeads * headDim * BYTES_PER_ELEMENT[config.wireDtype]) / rates.bandwidthGBps
  const latencyNs = rates.latencyUs * 1000
  const covers = (tokens: number): boolean => computeNs * tokens * tokens >= wireNs * tokens + latencyNs
  const root = (wireNs + Math.sqrt(wireNs * wireNs + 4 * computeNs * latencyNs)) / (2 * computeNs)
  // Beyond what counts one by one in a double, the root is as near as it gets.
  if (root > LARGEST_COUNTED) return Math.min(Math.ceil(root), Number.MAX_VALUE)
  // The root is off by rounding at most; the smallest whole number that satisfies the inequality is next to it.
  let tokens = Math.max(1, Math.floor(root) - 1)
  while (!covers(tokens)) tokens++
  return tokens
}
