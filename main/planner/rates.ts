import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { ClusterModel } from '../../preload/contract/simulation.ts'
import { emulatedCluster } from '../simulator/emulatedCluster.ts'

/** What plans are timed with. */
export interface PlanningRates {
  readonly gflopsPerRank: number
  readonly bandwidthGBps: number
  readonly latencyUs: number
  /** Where the rates come from, for people. */
  readonly basis: string
  /** What has these rates: the world that the executor's emulation makes of the config. */
  readonly cluster: ClusterModel
}

/** What the fused WebAssembly kernel reaches on one core of a present server CPU, 30 to 38 GFLOP/s. */
const ASSUMED_GFLOPS = 30
/** One way between two local processes: a Unix socket moves 3 to 4 GB/s; through tmpfs each byte is written and read at 12. */
export const NOMINAL_GBPS = { socket: 3, 'shared-memory': 6 } as const
/** Two thread wake-ups and a frame header. */
export const NOMINAL_LATENCY_US = 50

/** The rate of a rank and of its link: the config's where it has them, documented nominal ones where not. */
export function planningRates(config: RunConfig): PlanningRates {
  const transport = config.transport === 'socket' ? 'socket' : 'shared-memory'
  const nominal = NOMINAL_GBPS[transport]
  const gflopsPerRank = config.model?.gflops ?? ASSUMED_GFLOPS
  const link = config.link ?? { bandwidthGBps: nominal, latencyUs: NOMINAL_LATENCY_US }
  return {
    gflopsPerRank, ...link, cluster: emulatedCluster(config, { gflopsPerRank, link }),
    basis: [
      config.model === null
        ? `rate assumed: ${ASSUMED_GFLOPS} GFLOP/s per rank, the fused WebAssembly kernel on one core (the config has no model)`
        : `rate from model.gflops: ${config.model.gflops} GFLOP/s per rank`,
      config.link === null
        ? `link assumed: ${nominal} GB/s and ${NOMINAL_LATENCY_US} µs, a local ${transport} hop (the config has no link)`
        : `link from the config: ${config.link.bandwidthGBps} GB/s and ${config.link.latencyUs} µs`,
    ].join('; '),
  }
}
