import type { Plan } from '../../kernels/plan/plan.ts'
import { type Circumstances, evaluate, type SimulatedDeath, type SimulationObserver } from './evaluation.ts'

/** Times of one iteration, ns from its start, not rounded. NaN of what never happened. */
export interface PlanSchedule {
  readonly plan: Plan
  /** Of each rank's steps, indexed by {@link PlanSchedule.at}. */
  readonly steps: {
    /** When the rank begins the step: what earlier steps settle is settled. */
    readonly enterNs: Float64Array
    /** As in StepCompute. */
    readonly beginNs: Float64Array
    readonly attendEndNs: Float64Array
    readonly blockEndNs: Float64Array
    readonly computeEndNs: Float64Array
    /** When the moves that the step settles are over as well. The next step begins then, or when a barrier lets it. */
    readonly leaveNs: Float64Array
  }
  /** Of each move, indexed by its hop. */
  readonly moves: {
    /** When both ends had posted it and those before it on the channel had begun: from here only the wire is in the way. */
    readonly readyNs: Float64Array
    /** First byte sent. */
    readonly startNs: Float64Array
    /** Last byte sent: from here the sender may write the memory that it was in. */
    readonly sentNs: Float64Array
    /** First and last byte arrived. */
    readonly arrivingNs: Float64Array
    readonly arrivedNs: Float64Array
  }
  readonly makespanNs: number
  readonly death: SimulatedDeath | null
  readonly at: (rank: number, step: number) => number
}

const unknown = (length: number): Float64Array => new Float64Array(length).fill(Number.NaN)

/** Every time of a simulated iteration; see {@link evaluate} for the model and for what is thrown. */
export function planSchedule(plan: Plan, circumstances: Circumstances): PlanSchedule {
  const { world, stepCount, hopNumbers } = plan
  const stepTimes = world * stepCount
  const steps = {
    enterNs: unknown(stepTimes), beginNs: unknown(stepTimes), attendEndNs: unknown(stepTimes), blockEndNs: unknown(stepTimes),
    computeEndNs: unknown(stepTimes), leaveNs: unknown(stepTimes),
  }
  const moves = {
    readyNs: unknown(hopNumbers), startNs: unknown(hopNumbers), sentNs: unknown(hopNumbers), arrivingNs: unknown(hopNumbers), arrivedNs: unknown(hopNumbers),
  }
  const at = (rank: number, step: number): number => rank * stepCount + step
  const recorder: SimulationObserver = {
    entered(rank, step, times) {
      const index = at(rank, step)
      steps.enterNs[index] = times.enterNs
      steps.beginNs[index] = times.beginNs
      steps.attendEndNs[index] = times.attendEndNs
      steps.blockEndNs[index] = times.blockEndNs
      steps.computeEndNs[index] = times.computeEndNs
    },
    left(rank, step, leaveNs) {
      steps.leaveNs[at(rank, step)] = leaveNs
    },
    moved(hop, _sender, _receiver, _bytes, readyNs, startNs, sentNs, arrivingNs, arrivedNs) {
      moves.readyNs[hop] = readyNs
      moves.startNs[hop] = startNs
      moves.sentNs[hop] = sentNs
      moves.arrivingNs[hop] = arrivingNs
      moves.arrivedNs[hop] = arrivedNs
    },
  }
  return { plan, steps, moves, at, ...evaluate(plan, circumstances, recorder) }
}
