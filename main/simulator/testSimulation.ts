import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { emulatedCluster, type RingRates } from './emulatedCluster.ts'
import { simulate } from './simulate.ts'

/** A config simulated on the cluster that the executor would emulate for it, at these rates. */
export const simulateRing = (config: RunConfig, rates: RingRates): Timeline => simulate(config, emulatedCluster(config, rates))
