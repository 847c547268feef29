import { resolveBackend } from '../../kernels/backends/create.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { rankShape } from '../../kernels/rank/schedule.ts'
import { tmpfsBytes } from '../../kernels/transport/routes.ts'
import { tmpfsState } from '../../kernels/transport/tmpfs.ts'
import type { AttentionRate, MachineRates, RingRate, TransportRate } from '../../preload/contract/rates.ts'
import { resolveTransport } from '../executor/preparation.ts'
import { backendProbers } from '../machine/backendProbers.ts'
import { type ComputingShape, LARGEST_RING, measureComputing, measureTransport, measureWaiting, processesOf, type RatesEngine } from './calibrate.ts'
import { machineFacts, machineKey } from './machineKey.ts'
import { measureRoofline } from './measureRoofline.ts'
import { RatesStore, type StoredRates } from './ratesStore.ts'

/** What rates a config's runs on this machine depend on. */
export interface RatesNeeded {
  /** Null where nothing is computed. */
  readonly shape: ComputingShape | null
  readonly transport: TransportRate['transport']
  /** Ranks of the ring whose overheads count. */
  readonly ring: Pick<RingRate, 'backend' | 'world' | 'linkBound'>
  readonly backward: boolean
}

export interface MeasureOptions {
  /** Rings and shapes of these configs are measured; none: the machine alone. */
  readonly configs?: readonly RunConfig[]
  /** False where hops between ranks that do nothing else are of no interest; true by default. */
  readonly transports?: boolean
  /** Measures again what is known already. */
  readonly fresh?: boolean
  readonly store?: RatesStore
  readonly signal?: AbortSignal
  /** Is told what is measured next, and why again. */
  readonly onProgress?: (what: string) => void
}

/** What is stored of this machine; measures nothing. */
export async function readRates(installation: RatesEngine['installation'], store: RatesStore = new RatesStore()): Promise<StoredRates> {
  return store.read(machineKey(await machineFacts(installation)))
}

/** The backend, shape, transport and ring that a run of the config would take here. @throws as a run: BackendUnavailableError, InvalidInputError */
export async function ratesNeeded(config: RunConfig, { installation, rankHost }: RatesEngine): Promise<RatesNeeded> {
  const { id } = await resolveBackend(config.backend, backendProbers(installation, rankHost))
  const { transport } = resolveTransport(config.transport, tmpfsBytes(planRun(config)), tmpfsState())
  const { heads, kvHeads, headDim, blockQ, blockK } = rankShape(config)
  const processes = processesOf(config.world)
  const computes = id !== 'modelled'
  return {
    transport, backward: config.pass === 'forward-backward',
    shape: computes ? { backend: id, heads, kvHeads, headDim, blockQ, blockK, processes } : null,
    ring: { backend: id, world: computes ? processes : Math.min(config.world, LARGEST_RING), linkBound: !computes && config.link !== null },
  }
}

export const sameShape = (a: ComputingShape | AttentionRate, b: ComputingShape | AttentionRate): boolean =>
  a.backend === b.backend && a.headDim === b.headDim && a.heads === b.heads && a.kvHeads === b.kvHeads &&
  a.blockQ === b.blockQ && a.blockK === b.blockK && a.processes === b.processes

type RingKind = Pick<RingRate, 'backend' | 'world' | 'transport' | 'linkBound'>

export const sameRing = (a: RingKind, b: RingKind): boolean =>
  a.backend === b.backend && a.world === b.world && a.transport === b.transport && a.linkBound === b.linkBound

/** Takes the place of what is known of the same thing. */
const replaced = <T>(known: readonly T[], made: T, same: (a: T, b: T) => boolean): T[] => [...known.filter((each) => !same(each, made)), made]

const isKnown = ({ attention, rings }: ConfigRates, { shape, transport, ring, backward }: RatesNeeded): boolean =>
  (shape === null || attention.some((rate) => sameShape(rate, shape) && (!backward || rate.backwardGflops !== null))) &&
  (ring.world === 1 || rings.some((known) => sameRing(known, { ...ring, transport })))

async function measureConfig(
  rates: ConfigRates, { shape, transport, ring, backward }: RatesNeeded, engine: RatesEngine, signal: AbortSignal | undefined,
): Promise<ConfigRates> {
  if (shape === null) {
    return { attention: rates.attention, rings: replaced(rates.rings, await measureWaiting(engine, transport, ring.world, ring.linkBound, signal), sameRing) }
  }
  const made = await measureComputing(engine, shape, transport, backward, signal)
  return {
    attention: replaced(rates.attention, made.attention, sameShape),
    rings: made.ring === null ? rates.rings : replaced(rates.rings, made.ring, sameRing),
  }
}

/** Rates of configs alone, without roofline and idle hops, and nothing stored. */
export type ConfigRates = Pick<MachineRates, 'attention' | 'rings'>

/** Measures what some configs need, each shape and ring once. Throws as {@link measureRates}. */
export async function calibrate(
  engine: RatesEngine, configs: readonly RunConfig[], known: ConfigRates = { attention: [], rings: [] }, { signal, onProgress }: MeasureOptions = {},
): Promise<ConfigRates> {
  let rates = known
  for (const config of configs) {
    const needed = await ratesNeeded(config, engine)
    if (isKnown(rates, needed)) continue
    const { shape, ring } = needed
    onProgress?.(shape === null ? `a ring of ${ring.world} ranks that wait`
      : `${shape.backend}, ${shape.heads} heads of ${shape.headDim}, tiles of ${shape.blockQ} x ${shape.blockK}`)
    rates = await measureConfig(rates, needed, engine, signal)
  }
  return rates
}

async function measureCore(key: string, engine: RatesEngine, { signal, onProgress }: MeasureOptions): Promise<MachineRates> {
  onProgress?.('the roofline of a core')
  const roofline = await measureRoofline(engine, signal)
  return { machineKey: key, measuredAt: new Date().toISOString(), roofline, attention: [], transports: [], rings: [] }
}

async function measureTransports(engine: RatesEngine, { signal, onProgress }: MeasureOptions): Promise<TransportRate[]> {
  const transports: TransportRate[] = []
  for (const transport of tmpfsState().available ? ['socket', 'shared-memory'] as const : ['socket'] as const) {
    onProgress?.(`hops over ${transport}`)
    transports.push(await measureTransport(engine, transport, null, signal))
  }
  return transports
}

/**
 * Measures what is not known yet of this machine and of what some configs need, and stores it. Takes some ten seconds, and
 * nothing else that measures may go on meanwhile.
 * @throws CalibrationFailedError, CalibrationCancelledError, UndeterminedFitError; as a run for configs that cannot run here.
 */
export async function measureRates(engine: RatesEngine, options: MeasureOptions = {}): Promise<MachineRates> {
  const { configs = [], transports = true, fresh = false, store = new RatesStore(), signal, onProgress } = options
  const key = machineKey(await machineFacts(engine.installation))
  const stored = fresh ? { rates: null, note: null } : await store.read(key)
  if (stored.note !== null) onProgress?.(stored.note)
  const before = stored.rates ?? await measureCore(key, engine, options)
  const hops = transports && before.transports.length === 0 ? await measureTransports(engine, options) : before.transports
  const { attention, rings } = await calibrate(engine, configs, before, { signal, onProgress })
  if (before === stored.rates && hops === before.transports && attention === before.attention && rings === before.rings) return before
  const rates = { ...before, transports: hops, attention, rings, measuredAt: new Date().toISOString() }
  await store.write(rates)
  return rates
}
