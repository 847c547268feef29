import type { PlanBasis } from '../basis.ts'
import type { StepPass } from '../plan.ts'
import type { Planner } from './planner.ts'
import { type Carry, neededSteps, rotationPlanner } from './rotation.ts'

/**
 * The double ring (LoongTrain; reference section 2.10): positions r = u * w + p in windows of w. Within a window K/V goes
 * round as in a ring. The block that a window starts with is sent to the same place of the next window at once, on a
 * channel of its own, and needs to be there only when the window has gone round: it hides behind w steps.
 *
 * Backward, K/V goes back likewise, window by window. Gradients must follow the blocks through every rank: within a window
 * to p - 1, and from one window to the next diagonally, since w - 1 inner hops moved them by one place.
 */
export function doubleRingPlanner(basis: PlanBasis): Planner {
  const { ringSize } = basis.geometry
  const { window } = basis.config
  const allWindows = ringSize / window
  // Tables and comparisons, not divisions: a thousand ranks ask millions of times.
  const windowOf = Int32Array.from({ length: ringSize }, (_, at) => Math.floor(at / window))
  const placeIn = Int32Array.from({ length: ringSize }, (_, at) => at % window)
  const less = (number: number, by: number, round: number): number => (number < by ? number - by + round : number - by)
  const more = (number: number, by: number, round: number): number => (number + by < round ? number + by : number + by - round)
  const keyAt = (position: number, step: number): number =>
    window * less(windowOf[position], windowOf[step], allWindows) + less(placeIn[position], placeIn[step], window)
  const windows = Math.ceil(neededSteps(basis, ringSize, keyAt) / window)
  const steps = windows * window

  const carries = Array.from({ length: steps }, (_, step): Carry[] => {
    const [j, i] = [windowOf[step], placeIn[step]]
    const outer: Carry[] = i === 0 && j < windows - 1 ? [{ channel: 'kv-outer', settleStep: step + window - 1 }] : []
    return i < window - 1 ? [...outer, { channel: 'kv', settleStep: step }] : outer
  })
  const slots = slotsOf(window, windows)
  return rotationPlanner(basis, {
    steps, keyAt,
    kvSlots: slots.count,
    holderOf: (key, step) => window * more(windowOf[key], windowOf[step], allWindows) + more(placeIn[key], placeIn[step], window),
    slotAt: slots.at,
    carries: (step) => carries[step],
    gradientChannel: (step) => (placeIn[step] === 0 ? 'dkv-outer' : 'dkv'),
  })
}

/**
 * K/V slots of a double ring. The first block of a window stays put while it is sent to the next window, and the next
 * window's first block arrives beside it; those of the steps between take turns in what is left. Backward starts in the
 * slot where the forward pass ends and ends in slot 0, with the rank's own block.
 */
function slotsOf(window: number, windows: number): { count: number; at: (pass: StepPass, step: number) => number } {
  if (windows === 1) return { count: Math.min(2, window), at: (pass, step) => (pass === 'forward' ? step : window - 1 - step) % 2 }
  if (window === 1) return { count: 2, at: (pass, step) => (pass === 'forward' ? step : windows - 1 - step) % 2 }
  const lastForward = 2 + (window - 2) % 2
  const otherInner = 5 - lastForward
  return {
    count: Math.min(4, window + 1),
    at: (pass, step) => {
      const inWindow = step % window
      const windowNumber = Math.floor(step / window)
      if (pass === 'forward') return inWindow === 0 ? windowNumber % 2 : 2 + (inWindow - 1) % 2
      if (inWindow === 0) return windowNumber % 2 === 0 ? lastForward : 1
      return (window - 1 - inWindow) % 2 === 0 ? 0 : otherInner
    },
  }
}
