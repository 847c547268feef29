import type { PlanReport } from '../../preload/contract/plan.ts'
import { idleFractionOf, newRankSpans, overlapRatioOf, rankFigures } from '../analysis/ringFigures.ts'
import { type RingSchedule, scheduleAt } from '../simulator/ringSchedule.ts'

/**
 * The figures of a simulated pass, by the functions that a real run's come from, without writing its spans first:
 * a world of a thousand ranks has a million steps. Times are rounded to ns as in the simulation's timeline.
 */
export function scheduleFigures(schedule: RingSchedule): PlanReport['simulated'] {
  const { world, enterNs, computeEndNs, hopStartNs, hopSentNs, hopArrivedNs, latencyNs } = schedule
  const window = { startNs: 0, endNs: Math.round(schedule.makespanNs) }
  const ranks = Array.from({ length: world }, (_, rank) => {
    const spans = newRankSpans()
    const sender = (rank + world - 1) % world
    for (let step = 0; step < world; step++) {
      const at = scheduleAt(world, rank, step)
      spans.groups.compute.add(Math.round(enterNs[at]), Math.round(computeEndNs[at]))
      if (step === world - 1) continue
      const incoming = scheduleAt(world, sender, step)
      spans.groups.send.add(Math.round(hopStartNs[at]), Math.round(hopSentNs[at]))
      spans.groups.recv.add(Math.round(hopStartNs[incoming] + latencyNs), Math.round(hopArrivedNs[incoming]))
    }
    return rankFigures(rank, spans, window)
  })
  return { makespanMs: window.endNs / 1e6, overlapRatio: overlapRatioOf(ranks), idleFraction: idleFractionOf(ranks) }
}
