import { totalmem } from 'node:os'
import type { ConcreteBackendId } from '../../kernels/backends/backend.ts'
import { resolveBackend } from '../../kernels/backends/create.ts'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { rankShape } from '../../kernels/rank/schedule.ts'
import { blockBytes } from '../../kernels/sweep/block.ts'
import type { PrepareRequest } from '../../kernels/sweep/protocol.ts'
import type { SweepReport } from '../../preload/contract/sweep.ts'
import { backendProbers } from '../machine/backendProbers.ts'
import { type CellStore, openCells } from './cellStore.ts'
import { CellsRun } from './cellsRun.ts'
import { findCounters } from './counters.ts'
import { SweepCancelledError } from './errors.ts'
import { cellsOf, checkGrid, describeTile, type GridCell } from './grid.ts'
import { kernelRates, type KernelRates, limitsOf, type ModelledMachine, probeKey, probesOf, workOf } from './kernelModel.ts'
import { MeasuringProcess, type PreparedCells } from './measuringProcess.ts'
import { type MeasuredCell, type PlannedCell, predictBest, sweepReport, type SweepFacts } from './report.ts'
import type { SweepControl } from './sweepControl.ts'
import type { ProgressFacts, SweepOptions, TileAsk } from './sweepHandle.ts'
import { cellKey, measuredSchema } from './tileKeys.ts'

/** Share of the machine's memory that the buffers of all shapes together may take: they are measured interleaved. */
const MEMORY_SHARE = 0.5
/** Probes are taken several times, and of each the fastest counts: the first may find the engine still cold. */
const PROBE_ROUNDS = 2

type TileBackend = PrepareRequest['backend']

/** @throws InvalidInputError */
export function checkTileAsk(ask: TileAsk): readonly GridCell[] {
  checkGrid(ask)
  if (ask.config.backend === 'modelled') {
    throw new InvalidInputError('the config of the sweep', [{
      path: 'backend', expected: 'a backend that computes', given: '"modelled"',
      hint: 'a modelled backend waits the same for every tile: sweep with "auto" or "wasm"',
    }])
  }
  return cellsOf(ask.config, ask).cells
}

/** @throws InvalidInputError where the shapes do not fit in memory together */
function checkMemory(cells: readonly GridCell[], backend: ConcreteBackendId): void {
  const shapes = Map.groupBy(cells, ({ values }) => JSON.stringify(values))
  const bytes = [...shapes.values()].reduce((sum, ofShape) => sum + blockBytes(ofShape[0].config, backend, ofShape), 0)
  const limit = MEMORY_SHARE * totalmem()
  if (bytes <= limit) return
  const gib = (of: number): string => `${(of / 2 ** 30).toFixed(1)} GiB`
  throw new InvalidInputError('the sweep\'s axes', [{
    path: '', expected: `shapes that take at most ${gib(limit)} together, half of this machine's memory`, given: gib(bytes),
    hint: 'all shapes are held ready, so that their cells can be measured interleaved: sweep fewer of them at a time, or shorter sequences',
  }])
}

/** The state of one sweep of tiles under way. */
export class TileSweep {
  readonly #ask: TileAsk
  readonly #options: SweepOptions
  readonly #control: SweepControl
  readonly #tell: (progress: ProgressFacts) => void
  readonly #warnings: string[] = []

  constructor(ask: TileAsk, options: SweepOptions, control: SweepControl, tell: (progress: ProgressFacts) => void) {
    this.#ask = ask
    this.#options = options
    this.#control = control
    this.#tell = tell
  }

  async run(): Promise<SweepReport> {
    const { config, axes, repeats } = this.#ask
    const { installation, rankHost, machine } = this.#options
    const { cells, warnings } = cellsOf(config, this.#ask)
    const resolved = await resolveBackend(config.backend, backendProbers(installation, rankHost))
    if (resolved.id === 'modelled') throw new RangeError('a modelled backend was resolved for a sweep')
    const backend = resolved.id
    this.#warnings.push(...resolved.warnings, ...warnings)
    checkMemory(cells, backend)
    const [found, counters] = await Promise.all([machine.caches(backend), findCounters()])
    const caches = this.#ask.l2 === undefined ? found : { ...found, l2: this.#ask.l2 }
    await this.#control.gate()
    const modelled = await this.#machineOf(cells, backend, caches)
    await this.#control.gate()

    const { store, warnings: leftOut } = await openCells(this.#options.machine, 'tile', backend, measuredSchema)
    this.#warnings.push(...leftOut)
    const known = cells.map((cell) => this.#reusable(store, cell.config))
    const child = new MeasuringProcess(rankHost, installation, backend, config, (cell) => describeTile(cells[cell]))
    this.#control.abort = () => { child.abort() }
    try {
      const { planned, prepared, predicted } = await this.#prepare(child, cells, backend, modelled, caches.l2)
      const facts: SweepFacts = {
        config, backend, device: prepared.device, machine: caches, axes, repeats, roofline: modelled?.roofline ?? null, countersFrom: counters.from,
        warnings: this.#warnings,
      }
      const cellsRun = new CellsRun(child, planned, prepared, known, facts, this.#control, this.#tell)
      try {
        await cellsRun.run(counters)
      } catch (error) {
        if (!(error instanceof SweepCancelledError) || cellsRun.count === 0) throw error
        this.#warnings.push(`cancelled: ${cellsRun.count} of ${cells.length} cells were measured, some of them fewer times than asked`)
      } finally {
        cellsRun.keep(store)
        this.#warnings.push(...await store?.save() ?? [])
      }
      return sweepReport(planned, cellsRun.measured(), predicted, facts)
    } finally {
      this.#control.abort = null
      await child.end()
    }
  }

  /** Null where cells cannot be explained: no roofline, no cache sizes, or a kernel on a GPU. */
  async #machineOf(cells: readonly GridCell[], backend: ConcreteBackendId, caches: SweepFacts['machine']): Promise<ModelledMachine | null> {
    if (workOf(cells[0].config, backend) === null) return null
    if (caches.l2 === null) {
      this.#warnings.push('this machine does not tell the size of its L2, so no tile is predicted: give it with --l2')
      return null
    }
    const cancelled = new AbortController()
    this.#control.abort = () => { cancelled.abort() }
    const measured = await this.#options.machine.roofline(cancelled.signal)
    this.#control.abort = null
    if (measured.roofline !== null) return { roofline: measured.roofline, caches }
    this.#warnings.push(`no tile is explained: ${measured.reason}`)
    return null
  }

  /** What an earlier sweep knows as surely as this one would. */
  #reusable(store: CellStore<MeasuredCell> | null, config: RunConfig): MeasuredCell | null {
    if (this.#ask.fresh) return null
    const known = store?.get(cellKey(config)) ?? null
    if (known === null || known.spread.noisy || known.spread.repeats < this.#ask.repeats) return null
    return { ...known, spread: { ...known.spread, reused: true } }
  }

  async #prepare(child: MeasuringProcess, cells: readonly GridCell[], backend: TileBackend, machine: ModelledMachine | null, l2: number | null): Promise<{
    planned: PlannedCell[]; prepared: PreparedCells; predicted: PlannedCell | null
  }> {
    const shapes = new Map(cells.map(({ config }) => [probeKey(config), config]))
    const probes = machine === null ? [] : [...shapes].map(([key, config]) => ({ key, probes: probesOf(config, backend, machine.caches) }))
    const flat = probes.flatMap((of) => of.probes)
    const prepared = await child.prepare({
      backend, kernelsDir: this.#options.installation.kernelsDir, configs: cells.map(({ config }) => config),
      probes: Array.from({ length: PROBE_ROUNDS }, () => flat).flat(),
    })
    const rates = new Map<string, KernelRates | null>()
    let at = 0
    for (const { key, probes: ofShape } of probes) {
      const fastest = ofShape.map((_, index) => Math.min(...Array.from({ length: PROBE_ROUNDS }, (_round, round) => prepared.probeNs[round * flat.length + at + index])))
      rates.set(key, kernelRates(ofShape, backend, fastest))
      at += ofShape.length
    }
    const planned = cells.map((cell): PlannedCell => {
      const own = rates.get(probeKey(cell.config)) ?? null
      const work = own === null ? null : workOf(cell.config, backend)
      return { ...cell, shape: rankShape(cell.config), limits: own === null || work === null || machine === null ? null : limitsOf(work, own, machine) }
    })
    return { planned, prepared, predicted: predictBest(planned, prepared.flops, backend, l2) }
  }
}
