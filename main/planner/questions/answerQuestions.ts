import { parseRunConfig, type RunConfig } from '../../../kernels/config/runConfig.ts'
import { InvalidInputError } from '../../../kernels/config/problem.ts'
import { planBasis } from '../../../kernels/plan/basis.ts'
import { tilesAreCountable } from '../../../kernels/plan/tileQuantised.ts'
import type { CandidateAnswer, ModelSizes, PlannerAnswers, PlannerQuestion } from '../../../preload/contract/planner.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { clusterProblems } from '../../simulator/circumstances.ts'
import { contiguousRing } from '../contiguous.ts'
import { LINKS } from '../tables/links.ts'
import { arrangements } from './arrangements.ts'
import { assumptionsOf } from './assumptions.ts'
import { candidateAnswers } from './candidates.ts'
import { memoryAnswers } from './deviceMemory.ts'
import { linkAnswers, neededBandwidth } from './hiding.ts'
import { layoutAnswers } from './layouts.ts'

/** A question whose parts fit each other. */
export interface CheckedQuestion {
  readonly config: RunConfig
  readonly cluster: ClusterModel
  readonly model: ModelSizes | null
}

/**
 * @param source names the question in errors.
 * @throws InvalidInputError for a config or cluster with problems.
 */
export function parseQuestion({ config: asked, cluster, model }: PlannerQuestion, source: string): CheckedQuestion {
  const config = parseRunConfig(asked, source)
  const problems = clusterProblems(cluster)
  if (problems.length > 0) throw new InvalidInputError(source, problems)
  return { config, cluster, model }
}

/**
 * Everything that the planner answers in one screen, from the cost model; nothing is run or measured. Pure. Takes seconds
 * where worlds are large: run it off the thread that serves a window.
 * @throws InvalidInputError as {@link parseQuestion}.
 */
export function answerQuestions(question: PlannerQuestion, source: string): PlannerAnswers {
  const { config, cluster: asked, model } = parseQuestion(question, source)
  const cluster = countableCluster(config, asked)
  const shardTokens = Math.ceil(config.seqLen / (config.world / config.ringSets))
  const { possible, impossible } = arrangements(config, cluster.ranksPerNode, cluster.device.tile)
  const candidates = candidateAnswers(possible, cluster, model)
  return {
    cluster, shardTokens,
    neededGBps: neededBandwidth(config, cluster, shardTokens),
    links: linkAnswers(config, cluster, shardTokens, LINKS),
    layouts: layoutAnswers(config, cluster),
    candidates, impossible,
    margin: marginOf(candidates),
    memory: memoryAnswers(config, cluster, model),
    assumptions: [
      ...assumptionsOf(config, cluster, model),
      ...(cluster === asked ? [] : ['Whole tiles take too long to count under a mask with a lookback window or documents at this size: they are left out of account.']),
    ],
  }
}

/**
 * The cluster with exact pairs where whole tiles cannot be counted even of the contiguous ring, which all else is compared
 * with: the answers' assumptions say so.
 */
function countableCluster(config: RunConfig, cluster: ClusterModel): ClusterModel {
  const { device } = cluster
  const ring: RunConfig = { ...contiguousRing(config), ringSets: config.ringSets }
  return device.tile === null || tilesAreCountable(planBasis(ring), device.tile) ? cluster : { ...cluster, device: { ...device, tile: null } }
}

/** By how much of the fastest makespan the runner-up is slower. */
function marginOf([best, runnerUp]: readonly CandidateAnswer[]): number | null {
  if (runnerUp === undefined) return null
  return best.makespanMs === 0 ? 0 : (runnerUp.makespanMs - best.makespanMs) / best.makespanMs
}
