import { InvalidInputError } from '../../kernels/config/problem.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Result } from '../../preload/contract/envelope.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import type { ClusterModel, Disturbance } from '../../preload/contract/simulation.ts'
import { checkTimelineSize, clusterProblems, simulatedSpans } from '../simulator/circumstances.ts'
import { simulate } from '../simulator/simulate.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { ForwardedError } from './errors.ts'
import { pagePlan } from './pagePlan.ts'
import { threadAnswer, Turns } from './threadAnswer.ts'

/** Up to here a plan takes a tenth of a second at most; the time grows with the square of the ranks. */
const MOST_RANKS_AT_ONCE = 256
/** The same for a simulation, whose spans are all written. */
const MOST_SPANS_AT_ONCE = 50_000

/** What the plan thread is asked. */
export type PlanRequest = { readonly ask: 'plan'; readonly config: RunConfig } | ({ readonly ask: 'simulation' } & SimulationRequest)

export interface SimulationRequest {
  readonly config: RunConfig
  readonly cluster: ClusterModel
  readonly disturbance: Disturbance
}

/**
 * Makes the plans that pages ask for while they edit, and simulations. A run under way is supervised on this thread, and the
 * window is served by it: those of large worlds are made on another one, one at a time, since each takes much memory.
 */
export class Planner {
  readonly #entry: string
  readonly #turns = new Turns()

  /** @param entry module of the plan thread. */
  constructor(entry: string) {
    this.#entry = entry
  }

  /** The same as {@link pagePlan}. */
  async plan(config: RunConfig): Promise<PlanReport> {
    if (config.world <= MOST_RANKS_AT_ONCE) return pagePlan(config)
    return await this.#ask<PlanReport>({ ask: 'plan', config }, 'a plan')
  }

  /** The same as `simulate`. @throws InvalidInputError for more spans than a timeline can show, and for nodes without links between them. */
  async simulation(request: SimulationRequest): Promise<Timeline> {
    const { config, cluster, disturbance } = request
    const problems = clusterProblems(cluster)
    if (problems.length > 0) throw new InvalidInputError('the simulation', problems)
    checkTimelineSize(config)
    if (simulatedSpans(config) <= MOST_SPANS_AT_ONCE) return simulate(config, cluster, disturbance)
    return await this.#ask<Timeline>({ ask: 'simulation', ...request }, 'a simulation')
  }

  async #ask<T>(request: PlanRequest, what: string): Promise<T> {
    const result = await this.#turns.take(() => threadAnswer<Result<T>>(this.#entry, request, what))
    if (!result.ok) throw new ForwardedError(result.error)
    return result.data
  }
}
