import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import type { MachineRates } from '../../preload/contract/rates.ts'
import type { RatesEngine } from '../rates/calibrate.ts'
import { measureRates, readRates } from '../rates/measureRates.ts'
import type { RatesStore } from '../rates/ratesStore.ts'
import type { WorkSlot } from './workSlot.ts'

export interface RatesServiceOptions {
  readonly engine: RatesEngine
  /** Where rates are kept. */
  readonly store: RatesStore
  readonly slot: WorkSlot
}

/** Blocks and ring that stand for this machine in the planner, which is asked before there is a config to run. */
const TYPICAL = parseRunConfig({ name: 'typical', world: 2, seqLen: 4096, heads: 8, headDim: 64, pass: 'forward-backward' }, 'the typical config')

/** What was measured of this machine, and measuring it: never beside a run or a sweep. */
export class RatesService {
  readonly #options: RatesServiceOptions
  readonly #end = new AbortController()
  #measuring: Promise<unknown> = Promise.resolve()

  constructor(options: RatesServiceOptions) {
    this.#options = options
  }

  /** Null where nothing was measured of this machine as it is. */
  async known(): Promise<MachineRates | null> {
    const { engine, store } = this.#options
    return (await readRates(engine.installation, store)).rates
  }

  /** Measures the machine again. @throws BusyError while a run or a sweep goes on; as measureRates */
  async measure(): Promise<MachineRates> {
    const { engine, store, slot } = this.#options
    const release = slot.take('measuring this machine')
    const measured = measureRates(engine, { configs: [TYPICAL], fresh: true, store, signal: this.#end.signal }).finally(release)
    this.#measuring = measured.catch(() => undefined)
    return measured
  }

  /** Cancels what goes on and waits until its processes are gone. */
  async dispose(): Promise<void> {
    this.#end.abort()
    await this.#measuring
  }
}
