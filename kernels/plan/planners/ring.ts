import type { PlanBasis } from '../basis.ts'
import type { Planner } from './planner.ts'
import { neededSteps, rotationPlanner } from './rotation.ts'

/**
 * The ring: at step s position r holds the K/V of position (r - s) mod n and passes it on to r + 1 while it computes. Two
 * slots in turn; n - 1 hops, or as many as a window, documents or key padding leave work for.
 */
export function ringPlanner(basis: PlanBasis): Planner {
  const { ringSize } = basis.geometry
  // Compared and not divided: a thousand ranks ask millions of times.
  const keyAt = (position: number, step: number): number => (position < step ? position - step + ringSize : position - step)
  const steps = neededSteps(basis, ringSize, keyAt)
  const hops = Array.from({ length: steps }, (_, settleStep) => (settleStep < steps - 1 ? [{ channel: 'kv', settleStep } as const] : []))
  return rotationPlanner(basis, {
    steps, keyAt,
    kvSlots: Math.min(2, steps),
    holderOf: (key, step) => (key + step < ringSize ? key + step : key + step - ringSize),
    slotAt: (pass, step) => (pass === 'forward' ? step : steps - 1 - step) % 2,
    carries: (step) => hops[step],
    gradientChannel: () => 'dkv',
  })
}
