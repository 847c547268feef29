import type { PlanReport } from '../../preload/contract/plan.ts'
import { idleFractionOf, newRankSpans, overlapRatioOf, rankFigures } from '../analysis/ringFigures.ts'
import type { PlanSchedule } from '../simulator/planSchedule.ts'

/**
 * The figures of a simulated iteration, by the functions that a real run's come from, without writing its spans first:
 * a world of a thousand ranks has a million steps. Times are rounded to ns as in the simulation's timeline.
 */
export function scheduleFigures({ plan, steps: { enterNs, computeEndNs }, moves, makespanNs, at, moveOf }: PlanSchedule): PlanReport['simulated'] {
  const window = { startNs: 0, endNs: Math.round(makespanNs) }
  const ranks = plan.ranks.map(({ rank, steps }) => {
    const spans = newRankSpans()
    for (const { step, sends, recvs } of steps) {
      const index = at(rank, step)
      spans.groups.compute.add(Math.round(enterNs[index]), Math.round(computeEndNs[index]))
      for (const { hop } of sends) {
        const move = moveOf(hop)
        spans.groups.send.add(Math.round(moves.startNs[move]), Math.round(moves.sentNs[move]))
      }
      for (const { hop } of recvs) {
        const move = moveOf(hop)
        spans.groups.recv.add(Math.round(moves.arrivingNs[move]), Math.round(moves.arrivedNs[move]))
      }
    }
    return rankFigures(rank, spans, window)
  })
  return { makespanMs: window.endNs / 1e6, overlapRatio: overlapRatioOf(ranks), idleFraction: idleFractionOf(ranks) }
}
