import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { flopsPerPairIn, type Fold, type Place, type Plan, type PlannedWork, type StepPass, type StepPlan, type StepSink } from '../../kernels/plan/plan.ts'
import type { Channel, Payload } from '../../kernels/timeline/categories.ts'
import { wireClassOf } from '../../kernels/transport/emulatedLink.ts'
import type { PlanningRates } from './rates.ts'

const LARGEST_COUNTED = 2 ** 50

/** Share of a shard square that a step leaves out, κ: 1 where the critical rank computes whole squares, 2 where half. */
export function stepDivisor({ algorithm, layout, mask }: Pick<RunConfig, 'algorithm' | 'layout' | 'mask'>): 1 | 2 {
  return mask === 'causal' && layout !== 'contiguous' && algorithm !== 'distflash' ? 2 : 1
}

/** Adds up what leaves by each wire during a step, and keeps the most that a step must cover. */
class StepBytes implements StepSink {
  readonly most = { forward: 0, backward: 0 }
  #step = 0
  #pass: StepPass = 'forward'
  #attends = false
  #inner = 0
  #outer = 0

  block(step: number, pass: StepPass, stage: StepPlan['stage']): void {
    this.#step = step
    this.#pass = pass
    this.#attends = stage === 'attend'
    this.#inner = 0
    this.#outer = 0
  }

  work(_work: PlannedWork): void {}

  fold(_fold: Fold): void {}

  move(direction: 'send' | 'recv', channel: Channel, _payload: Payload, _peer: number, _owner: number, bytes: number, _hop: number,
    _place: Place, settleStep: number): void {
    if (direction === 'recv' || !this.#attends) return
    const ahead = wireClassOf(channel) === 'inner' ? this.#inner += bytes : this.#outer += bytes
    this.most[this.#pass] = Math.max(this.most[this.#pass], ahead / (settleStep - this.#step + 1))
  }
}

const knownBytes = new WeakMap<Plan, StepBytes['most']>()

/**
 * Most bytes that a step's compute must cover: those of a move and of what leaves by the same wire before it, shared out
 * among the steps that it has. A block for the next window of a double ring has a whole window; its gradient has one step.
 */
function bytesPerStep(plan: Plan, pass: StepPass): number {
  const known = knownBytes.get(plan)
  if (known !== undefined) return known[pass]
  const bytes = new StepBytes()
  const ranks = plan.movesAlike ? 1 : plan.world
  for (let rank = 0; rank < ranks; rank++) {
    for (let step = 0; step < plan.stepCount; step++) plan.emitStep(rank, step, bytes)
  }
  knownBytes.set(plan, bytes.most)
  return bytes.most[pass]
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
