import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Plan } from '../../kernels/plan/plan.ts'
import type { ClusterModel, Disturbance } from '../../preload/contract/simulation.ts'
import { idleFractionOf, overlapRatioOf } from '../analysis/ringFigures.ts'
import { Coverage } from './coverage.ts'
import { evaluate, type SimulatedDeath } from './evaluation.ts'
import { planOnCluster, UNDISTURBED } from './circumstances.ts'

/** Of one rank in a simulated iteration. */
export interface SimulatedRank {
  readonly rank: number
  readonly computeMs: number
  /** Bytes under way, on any channel, first byte to last. */
  readonly commMs: number
  /** Communication that no compute of the rank hides. */
  readonly exposedMs: number
  /** From the end of a step's compute until the next one begins: for peers, wires and barriers. */
  readonly waitMs: number
  readonly bytesSent: number
}

/** Of a simulated iteration, as a run's figures are defined (design section 6). */
export interface SimulatedFigures {
  readonly makespanMs: number
  /** Null where nothing is sent. */
  readonly overlapRatio: number | null
  readonly idleFraction: number
  readonly ranks: readonly SimulatedRank[]
  /** Set where a rank died: figures are those of the part that came about. */
  readonly death: SimulatedDeath | null
}

/** What comes in while a plan is evaluated, per rank. Times are rounded to ns as in the simulation's timeline. */
function gather(plan: Plan, config: RunConfig, cluster: ClusterModel, disturbance: Disturbance) {
  const ranks = plan.ranks.map(() => new Coverage())
  const bytesSent = new Float64Array(plan.world)
  /** When each rank's last step that began ended, computing and all. */
  const computeEndNs = new Float64Array(plan.world)
  const waitNs = new Float64Array(plan.world)
  let knownNs = 0
  const evaluated = evaluate(plan, { cluster, disturbance, overlap: config.overlap, stragglers: config.stragglers }, {
    entered(rank, _step, { enterNs, beginNs, computeEndNs: endNs }) {
      waitNs[rank] += enterNs - computeEndNs[rank]
      computeEndNs[rank] = endNs
      ranks[rank].addCompute(Math.round(beginNs), Math.round(endNs), knownNs)
    },
    left(rank, step, leaveNs) {
      if (step < plan.stepCount - 1) return
      waitNs[rank] += leaveNs - computeEndNs[rank]
      computeEndNs[rank] = leaveNs
    },
    moved(_hop, sender, receiver, bytes, readyNs, startNs, sentNs, arrivingNs, arrivedNs) {
      bytesSent[sender] += bytes
      knownNs = Math.floor(readyNs)
      ranks[sender].addComm(Math.round(startNs), Math.round(sentNs), knownNs)
      ranks[receiver].addComm(Math.round(arrivingNs), Math.round(arrivedNs), knownNs)
    },
  })
  for (const rank of ranks) rank.countUntil(Number.POSITIVE_INFINITY)
  return { ranks, bytesSent, waitNs, ...evaluated }
}

/**
 * The figures of a simulated iteration without its timeline, whatever the world: they are gathered as events come about.
 * Straggler factors and overlap are the config's. The same figures as `runResult` has of the timeline of `simulate`.
 * @throws InvalidInputError where the cluster or the disturbance does not fit the config.
 */
export function simulateFigures(config: RunConfig, cluster: ClusterModel, disturbance: Disturbance = UNDISTURBED): SimulatedFigures {
  const plan = planOnCluster(config, cluster, disturbance)
  return figuresOnCluster(plan, config, cluster, disturbance)
}

/** The same, of a plan that is made already: {@link planOnCluster}. */
export function figuresOnCluster(plan: Plan, config: RunConfig, cluster: ClusterModel, disturbance: Disturbance): SimulatedFigures {
  const { ranks, bytesSent, waitNs, makespanNs, death } = gather(plan, config, cluster, disturbance)
  const windowNs = Math.round(makespanNs)
  const own = ranks.map(({ computeNs, commNs, overlapNs }) => ({ windowNs, computeNs, commNs, overlapNs }))
  return {
    makespanMs: windowNs / 1e6, overlapRatio: overlapRatioOf(own), idleFraction: idleFractionOf(own), death,
    ranks: own.map(({ computeNs, commNs, overlapNs }, rank) => ({
      rank, computeMs: computeNs / 1e6, commMs: commNs / 1e6, exposedMs: (commNs - overlapNs) / 1e6, waitMs: waitNs[rank] / 1e6,
      bytesSent: bytesSent[rank],
    })),
  }
}
