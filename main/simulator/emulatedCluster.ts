import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { ClusterModel, LinkModel } from '../../preload/contract/simulation.ts'

/** A rank's attention rate and its links, as a config's `model` and `link` say them. */
export interface RingRates {
  /** GFLOP/s of each rank, which is operations per ns. */
  readonly gflopsPerRank: number
  /** Null: transfers take no time. */
  readonly link: LinkModel | null
}

/**
 * The world that the executor's emulated link makes of a config (kernels/transport/emulatedLink.ts): all channels of a rank
 * leave by one wire, those between the windows of a double ring by a second one like it. So windows are the nodes of this
 * cluster. Blocks cost their pairs and nothing else, forward and backward at one rate.
 */
export function emulatedCluster({ algorithm, window }: Pick<RunConfig, 'algorithm' | 'window'>, { gflopsPerRank, link }: RingRates): ClusterModel {
  const windows = algorithm === 'double-ring'
  return {
    label: `${gflopsPerRank} GFLOP/s per rank`,
    device: { forwardGflops: gflopsPerRank, backwardGflops: gflopsPerRank, blockOverheadUs: 0, rowNs: 0, tile: null, memoryBytes: null },
    elementBytes: null, intra: link, inter: windows ? link : null, ranksPerNode: windows && link !== null ? window : null,
  }
}
