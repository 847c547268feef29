import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ConcreteBackendId } from '../../kernels/backends/backend.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Roofline } from '../../preload/contract/rates.ts'
import type { CacheSizes } from '../../preload/contract/sweep.ts'
import { defaultUserConfigDir } from '../config/configStore.ts'
import { readCacheSizes } from '../machine/caches.ts'
import { gpuCacheSizes } from '../machine/gpuCaches.ts'
import type { RatesEngine } from '../rates/calibrate.ts'
import { CalibrationCancelledError, CalibrationFailedError, RatesMissingError } from '../rates/errors.ts'
import { machineFacts, machineKey } from '../rates/machineKey.ts'
import { UndeterminedFitError } from '../rates/leastSquares.ts'
import { clusterOfMachine } from '../rates/clusterOfMachine.ts'
import { planningRates, type PlanningRates } from '../planner/rates.ts'
import { measureRates, ratesNeeded } from '../rates/measureRates.ts'
import { RatesStore } from '../rates/ratesStore.ts'
import { simulateFigures } from '../simulator/simulateFigures.ts'
import type { CellPlace } from './cellStore.ts'

/** A roofline, or why there is none. */
export type FoundRoofline = { readonly roofline: Roofline } | { readonly roofline: null; readonly reason: string }

/** Of an iteration, with the rates that it was simulated with; or why there is none. */
export type RingPrediction =
  | { readonly ms: number; readonly rates: HidingRates }
  | { readonly ms: null; readonly reason: string }
export type HidingRates = Pick<PlanningRates, 'gflopsPerRank' | 'bandwidthGBps' | 'latencyUs'>

/** What a sweep knows of the machine; tests have their own. */
export interface SweepMachine extends CellPlace {
  /** Of the processor, or of the GPU where the backend computes on one. */
  caches(backend: ConcreteBackendId): Promise<CacheSizes>
  /** Measured now where it is not known yet. */
  roofline(signal: AbortSignal): Promise<FoundRoofline>
  /** What the simulator says of a whole run here. The rates that it takes are measured now where they are not known. */
  predictRing(config: RunConfig, signal: AbortSignal): Promise<RingPrediction>
}

/** A GPU's caches; its first level is each core's own, and no figure of tiles. Without a GPU the backend computes on the processor. */
async function devicesCaches(): Promise<CacheSizes> {
  const [gpu] = await gpuCacheSizes()
  return gpu === undefined ? readCacheSizes() : { l1d: null, l2: gpu.l2Bytes, l3: gpu.l3Bytes }
}

/** @throws whatever is no failure to measure. */
function reasonOf(error: unknown): string {
  if (error instanceof CalibrationFailedError || error instanceof CalibrationCancelledError || error instanceof RatesMissingError ||
    error instanceof UndeterminedFitError) return error.message
  throw error
}

/**
 * This machine: its caches, the rates kept in the user's folder, the cells of earlier sweeps beside them.
 * @param userDir the user's folder, which holds that of their configs
 */
export function thisMachine(engine: RatesEngine, userDir: string = dirname(defaultUserConfigDir())): SweepMachine {
  const { installation } = engine
  const store = new RatesStore(join(userDir, 'rates.json'))
  return {
    storeDir: join(userDir, 'sweeps'),
    caches: (backend) => (backend === 'webgpu' || backend === 'tensorflow' ? devicesCaches() : readCacheSizes()),
    async roofline(signal) {
      try {
        return { roofline: (await measureRates(engine, { transports: false, store, signal })).roofline }
      } catch (error) {
        return { roofline: null, reason: reasonOf(error) }
      }
    },
    async predictRing(config, signal) {
      try {
        const needed = await ratesNeeded(config, engine)
        const rates = await measureRates(engine, { configs: [config], transports: false, store, signal })
        const cluster = clusterOfMachine(config, rates, needed)
        const { bandwidthGBps, latencyUs } = cluster.intra ?? planningRates(config)
        return { ms: simulateFigures(config, cluster).makespanMs, rates: { gflopsPerRank: cluster.device.forwardGflops, bandwidthGBps, latencyUs } }
      } catch (error) {
        return { ms: null, reason: reasonOf(error) }
      }
    },
    async facts() {
      // The compiled kernels are in the machine's key; the code around them is in the entry as it is built.
      const entry = createHash('sha256').update(await readFile(installation.sweepEntry)).digest('hex')
      return { machine: machineKey(await machineFacts(installation)), code: entry.slice(0, 16) }
    },
  }
}
