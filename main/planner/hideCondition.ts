import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { flopsPerPairIn, type Plan, type StepPass } from '../../kernels/plan/plan.ts'
import { wireClassOf } from '../../kernels/transport/emulatedLink.ts'
import type { PlanningRates } from './rates.ts'

const LARGEST_COUNTED = 2 ** 50

/** Share of a shard square that a step leaves out, κ: 1 where the critical rank computes whole squares, 2 where half. */
export function stepDivisor({ algorithm, layout, mask }: Pick<RunConfig, 'algorithm' | 'layout' | 'mask'>): 1 | 2 {
  return mask === 'causal' && layout !== 'contiguous' && algorithm !== 'distflash' ? 2 : 1
}

/**
 * Most bytes that a step's compute must cover: those of a move and of what leaves by the same wire before it, shared out
 * among the steps that it has. A block for the next window of a double ring has a whole window; its gradient has one step.
 */
function bytesPerStep({ ranks }: Plan, pass: StepPass): number {
  let most = 0
  for (const { steps } of ranks) {
    for (const { step, stage, pass: stepPass, sends } of steps) {
      if (stage !== 'attend' || stepPass !== pass) continue
      let inner = 0
      let outer = 0
      for (const { channel, bytes, settleStep } of sends) {
        const ahead = wireClassOf(channel) === 'inner' ? inner += bytes : outer += bytes
        most = Math.max(most, ahead / (settleStep - step + 1))
      }
    }
  }
  return most
}

/**
 * Fewest tokens c per rank for which a step's compute lasts at least as long as what the rank sends meanwhile, under a mask
 * without window, documents or padding (reference section 2.8). A step computes c² / κ pairs ({@link stepDivisor}; of
 * positions that n ranks of a Ulysses group share, (nc)² / κ with a nth of the heads). Bytes are in proportion to c: of a
 * ring K/V, backward also the float32 gradient of the block before. So without latency, for a ring:
 *
 *     forward   (4/κ) b Hq d c² / F >= 2 b Hkv d c e / B           c >= κ (e/2) (Hkv/Hq) F/B   (Liu et al. 2023: F/B)
 *     backward  (10/κ) b Hq d c² / F >= 2 b Hkv d c (e + 4) / B    c >= κ (e+4)/5 (Hkv/Hq) F/B
 *
 * and with latency L what is sent lasts that much longer. 1 where a step sends nothing.
 */
export function minShardTokens(config: RunConfig, plan: Plan, pass: StepPass,
  rates: Pick<PlanningRates, 'gflopsPerRank' | 'bandwidthGBps' | 'latencyUs'>): number {
  const bytes = bytesPerStep(plan, pass)
  if (bytes === 0) return 1
  const flopsPerPair = flopsPerPairIn(plan, pass) * plan.pairItems
  // ns per token², ns per token and ns: GFLOP/s and GB/s are operations and bytes per ns.
  const computeNs = (flopsPerPair * plan.geometry.degree ** 2) / (stepDivisor(config) * rates.gflopsPerRank)
  const wireNs = bytes / plan.shardTokens / rates.bandwidthGBps
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
