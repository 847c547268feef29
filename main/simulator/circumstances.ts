import { InvalidInputError, type Problem, quoteValue } from '../../kernels/config/problem.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Plan } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import type { ClusterModel, Disturbance } from '../../preload/contract/simulation.ts'

/** Nothing goes otherwise than planned, and ranks run free of each other. */
export const UNDISTURBED: Disturbance = { computeJitter: 0, linkJitter: 0, seed: 0, death: null, progress: 'free' }

/** What two levels of links need of each other, beyond what each field says by itself. */
export function clusterProblems({ inter, ranksPerNode, intra }: ClusterModel): Problem[] {
  if ((inter === null) === (ranksPerNode === null)) return []
  return [{
    path: inter === null ? 'cluster.inter' : 'cluster.ranksPerNode', expected: 'both inter and ranksPerNode, or neither',
    given: quoteValue({ intra, inter, ranksPerNode }),
  }]
}

/**
 * The plan of a config whose blocks travel in the cluster's element sizes.
 * @throws InvalidInputError where a rank is to die that there is not, or at a step that it never comes to.
 */
export function planOnCluster(config: RunConfig, { elementBytes }: ClusterModel, { death }: Disturbance): Plan {
  const plan = planRun(config, elementBytes ?? undefined)
  if (death === null) return plan
  const problems: Problem[] = []
  const checkBelow = (path: string, given: number, limit: number, what: string): void => {
    if (given >= limit) problems.push({ path: `death.${path}`, expected: `${what} from 0 to ${limit - 1}`, given: quoteValue(given) })
  }
  checkBelow('rank', death.rank, plan.world, 'a rank')
  checkBelow('step', death.step, plan.stepCount, 'a step of an iteration')
  if (problems.length > 0) throw new InvalidInputError('the disturbance', problems)
  return plan
}

/** Spans of a config's simulation, waits and delays not counted. */
export function simulatedSpans(config: RunConfig): number {
  const { world, stepCount, traffic } = planRun(config)
  return world * (stepCount + 2 * traffic.reduce((sum, { hops }) => sum + hops, 0))
}

/** An analysis of so many takes two seconds. */
const MOST_SPANS = 600_000

/** @throws InvalidInputError where a simulation has more spans than are of use in a timeline. */
export function checkTimelineSize(config: RunConfig): void {
  const spans = simulatedSpans(config)
  if (spans <= MOST_SPANS) return
  throw new InvalidInputError('the simulation', [{
    path: 'world', expected: `so few ranks that a timeline holds their steps and transfers: at most ${MOST_SPANS}, and here are ${spans}`,
    given: quoteValue(config.world), hint: 'take fewer ranks, or the forward pass alone; the figures of a world of any size are in its plan and in the planner',
  }])
}
