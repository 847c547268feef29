import { geometryOf } from '../../../kernels/plan/geometry.ts'
import { tokenLayout } from '../../../kernels/plan/layout.ts'
import type { RunConfig } from '../../../kernels/config/runConfig.ts'
import type { CandidateAnswer, ModelSizes } from '../../../preload/contract/planner.ts'
import type { ClusterModel } from '../../../preload/contract/simulation.ts'
import { simulateFigures, type SimulatedFigures } from '../../simulator/simulateFigures.ts'
import { formulaBytes } from '../memory.ts'
import type { Arrangement } from './arrangements.ts'
import { modelBytes, passOf } from './deviceMemory.ts'
import { wireBytesOf } from './hiding.ts'

const mostOf = (figures: SimulatedFigures, figure: (rank: SimulatedFigures['ranks'][number]) => number): number =>
  figures.ranks.reduce((most, rank) => Math.max(most, figure(rank)), 0)

/** Attention's blocks by reference section 2.9, of a model that is trained those of both passes, and its weights and activations where one is asked about. */
function bytesPerDevice(config: RunConfig, cluster: ClusterModel, model: ModelSizes | null): number {
  const geometry = geometryOf(config)
  return formulaBytes({ ...config, ...cluster.device.tile, pass: passOf(config, model) }, { geometry, hops: geometry.ringSize - 1 }, wireBytesOf(config, cluster)) +
    modelBytes(config, model, tokenLayout(config).shardTokens)
}

/**
 * Simulates arrangements of one problem on a cluster. The first must be the contiguous ring: speed-ups are over it.
 * @returns fastest first.
 */
export function candidateAnswers(possible: readonly Arrangement[], cluster: ClusterModel, model: ModelSizes | null): CandidateAnswer[] {
  const simulated = possible.map((arrangement) => ({ ...arrangement, figures: simulateFigures(arrangement.config, cluster) }))
  const contiguousMs = simulated[0].figures.makespanMs
  return simulated.map(({ label, config, figures }): CandidateAnswer => {
    const bytes = bytesPerDevice(config, cluster, model)
    return {
      label, config,
      makespanMs: figures.makespanMs,
      speedupOverContiguous: figures.makespanMs === 0 ? 1 : contiguousMs / figures.makespanMs,
      idleFraction: figures.idleFraction,
      overlapRatio: figures.overlapRatio,
      exposedMs: mostOf(figures, ({ exposedMs }) => exposedMs),
      bytesSentPerRank: mostOf(figures, ({ bytesSent }) => bytesSent),
      bytesPerDevice: bytes,
      fits: cluster.device.memoryBytes === null ? null : bytes <= cluster.device.memoryBytes,
    }
  }).sort((one, other) => one.makespanMs - other.makespanMs)
}
