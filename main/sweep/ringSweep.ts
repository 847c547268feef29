import { z } from 'zod'
import { resolveBackend } from '../../kernels/backends/create.ts'
import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { visitingOrder } from '../../kernels/sweep/order.ts'
import type { RingCell, RingSweepReport } from '../../preload/contract/sweep.ts'
import { startRun } from '../executor/executor.ts'
import { backendProbers } from '../machine/backendProbers.ts'
import { minShardTokens } from '../planner/hideCondition.ts'
import { planningRates } from '../planner/rates.ts'
import { checkAxes, configsOf, describeValues, type SweptConfig } from './axes.ts'
import { type CellStore, digestOf, openCells } from './cellStore.ts'
import { SweepCancelledError, SweepFailedError } from './errors.ts'
import { checkRepeats } from './grid.ts'
import { ringCell, type RingRun, ringRun } from './ringRun.ts'
import { isTooWide, mostMeasurements } from './spread.ts'
import type { SweepControl } from './sweepControl.ts'
import type { ProgressFacts, RingAsk, SweepOptions } from './sweepHandle.ts'
import type { HidingRates } from './sweepMachine.ts'
import { TimeLeft } from './timeLeft.ts'

const amount = z.number().nonnegative()
const runSchema: z.ZodType<RingRun> = z.object({
  makespansMs: z.array(z.number().positive()).min(1), overlapRatio: z.number().nullable(), idleFraction: z.number(), exposedMs: amount,
  waitLinkMs: amount, waitPeerMs: amount, hopMs: amount.nullable(), stepComputeMs: amount, maxAbsError: amount.nullable(), passed: z.boolean().nullable(),
})
const knownSchema = z.object({ device: z.string(), modelled: z.boolean(), runs: z.array(runSchema).min(1) })
type KnownRing = z.output<typeof knownSchema>

/** What the runs of a config depend on, beside machine and kernels: all but its name and how often it is measured. */
function cellKey(config: RunConfig): string {
  const { name: _name, seed: _seed, iterations: _iterations, warmup: _warmup, ...rest } = config
  return digestOf(rest)
}

/** @throws InvalidInputError */
export function checkRingAsk(ask: RingAsk): readonly SweptConfig[] {
  checkRepeats(ask.repeats)
  checkAxes(ask.axes)
  return configsOf(ask.config, ask.axes)
}

interface CellState {
  readonly cell: SweptConfig
  readonly earlier: KnownRing | null
  readonly runs: RingRun[]
  predictedMs: number | null
}

const makespans = (runs: readonly RingRun[]): number[] => runs.flatMap((run) => run.makespansMs)

/** The state of one sweep of whole rings under way: real runs, one after the other. */
export class RingSweep {
  readonly #ask: RingAsk
  readonly #options: SweepOptions
  readonly #control: SweepControl
  readonly #tell: (progress: ProgressFacts) => void
  readonly #states: CellState[] = []
  readonly #warnings: string[] = []
  readonly #runWarnings = new Set<string>()
  #device = ''
  /** Measured ones; null where nothing was predicted. */
  #rates: HidingRates | null = null
  #modelled = false
  #time = new TimeLeft([])
  #done = 0

  constructor(ask: RingAsk, options: SweepOptions, control: SweepControl, tell: (progress: ProgressFacts) => void) {
    this.#ask = ask
    this.#options = options
    this.#control = control
    this.#tell = tell
  }

  async run(): Promise<RingSweepReport> {
    const { installation, rankHost } = this.#options
    const resolved = await resolveBackend(this.#ask.config.backend, backendProbers(installation, rankHost))
    this.#warnings.push(...resolved.warnings)
    await this.#control.gate()
    const { store, warnings: leftOut } = await openCells(this.#options.machine, 'ring', resolved.id, knownSchema)
    this.#warnings.push(...leftOut)
    for (const cell of checkRingAsk(this.#ask)) this.#states.push({ cell, earlier: this.#reusable(store, cell.config), runs: [], predictedMs: null })
    await this.#predict()
    this.#time = new TimeLeft(this.#states.map(({ cell }) => planRun(cell.config).totalPairs))
    try {
      await this.#runAll()
    } catch (error) {
      if (!(error instanceof SweepCancelledError) || this.#cells().length === 0) throw error
      this.#warnings.push(`cancelled: ${this.#cells().length} of ${this.#states.length} cells were run, some of them fewer times than asked`)
    } finally {
      for (const { cell, runs } of this.#states) {
        if (runs.length < this.#ask.repeats || runs.some(({ passed }) => passed === false)) continue
        store?.set(cellKey(cell.config), { device: this.#device, modelled: this.#modelled, runs })
      }
      this.#warnings.push(...await store?.save() ?? [])
    }
    return this.#report(resolved.id)
  }

  /** Before anything is run. What cannot be predicted is said once. */
  async #predict(): Promise<void> {
    const cancelled = new AbortController()
    this.#control.abort = () => { cancelled.abort() }
    for (const state of this.#states) {
      const predicted = await this.#options.machine.predictRing(state.cell.config, cancelled.signal)
      await this.#control.gate()
      state.predictedMs = predicted.ms
      if (predicted.ms !== null) {
        this.#rates = predicted.rates
        continue
      }
      this.#warnings.push(`no time is predicted: ${predicted.reason}`)
      break
    }
    this.#control.abort = null
  }

  #reusable(store: CellStore<KnownRing> | null, config: RunConfig): KnownRing | null {
    const known = this.#ask.fresh ? null : store?.get(cellKey(config)) ?? null
    return known === null || known.runs.length < this.#ask.repeats || isTooWide(makespans(known.runs)) ? null : known
  }

  /** Runs that a cell is still to have: those asked for, then more while its iterations differ too much. */
  #needsMore({ earlier, runs }: CellState): boolean {
    if (earlier !== null) return false
    return runs.length < this.#ask.repeats || (isTooWide(makespans(runs)) && runs.length < mostMeasurements(this.#ask.repeats) / 2)
  }

  async #runAll(): Promise<void> {
    this.#control.onChange(() => { this.#progress() })
    this.#progress()
    for (let round = 0; ; round++) {
      const due = this.#states.flatMap((state, at) => (this.#needsMore(state) ? [at] : []))
      if (due.length === 0) return
      for (const at of visitingOrder(due.length, round)) await this.#runOne(due[at])
    }
  }

  async #runOne(at: number): Promise<void> {
    await this.#control.gate()
    const { cell, runs } = this.#states[at]
    const startMs = performance.now()
    const handle = startRun(cell.config, this.#options)
    this.#control.abort = () => { handle.cancel() }
    const timeline = await handle.finished.finally(() => { this.#control.abort = null })
    const { run } = timeline
    if (run === null) throw new TypeError('a run without a record')
    if (run.failure?.kind === 'cancelled') throw new SweepCancelledError()
    const where = describeValues(cell.values)
    if (run.failure !== null) throw new SweepFailedError(`the run of ${where} failed: ${run.failure.message}`, where)
    this.#device = run.device
    this.#modelled = run.modelled
    for (const warning of run.warnings) this.#runWarnings.add(warning)
    runs.push(ringRun(timeline, run))
    this.#done++
    this.#time.took(at, performance.now() - startMs)
    this.#progress()
  }

  #cells(): RingCell[] {
    return this.#states.flatMap(({ cell, earlier, runs, predictedMs }): RingCell[] => {
      const made = earlier?.runs ?? runs
      if (made.length === 0) return []
      return [{ ...ringCell(cell.config, cell.values, made, predictedMs), reused: earlier !== null }]
    })
  }

  #progress(): void {
    const remaining = this.#states.map((state) =>
      (state.earlier !== null ? 0 : Math.max(this.#ask.repeats - state.runs.length, this.#needsMore(state) ? 1 : 0)))
    this.#tell({
      kind: 'ring', axes: this.#ask.axes, done: this.#done, total: this.#done + remaining.reduce((sum, count) => sum + count, 0),
      paused: this.#control.paused, secondsLeft: this.#time.seconds(remaining), cells: [], ringCells: this.#cells(),
    })
  }

  /** By the shards of the cells, where they have different ones. */
  #hideThreshold(cells: readonly RingCell[]): RingSweepReport['hideThreshold'] {
    if (new Set(cells.map(({ shardTokens }) => shardTokens)).size < 2) return null
    const { config } = this.#ask
    const hidden = cells.filter((cell) => cell.hidden && cells.every((other) => other.shardTokens < cell.shardTokens || other.hidden))
    return {
      measuredShardTokens: hidden.length === 0 ? null : Math.min(...hidden.map(({ shardTokens }) => shardTokens)),
      predictedShardTokens: minShardTokens(config, planRun(config), 'forward', this.#rates ?? planningRates(config)),
    }
  }

  #report(backend: string): RingSweepReport {
    const { config, axes, repeats } = this.#ask
    const cells = this.#cells()
    const earlier = this.#states.find((state) => state.earlier !== null)?.earlier
    const right = cells.filter(({ passed }) => passed !== false)
    const best = (right.length > 0 ? right : cells).reduce((a, b) => (b.tokensPerSecond > a.tokensPerSecond ? b : a))
    return {
      kind: 'ring', config, backend, device: this.#device === '' ? earlier?.device ?? '' : this.#device,
      modelled: this.#modelled || earlier?.modelled === true, axes, repeats, cells,
      best: { values: best.values, tokensPerSecond: best.tokensPerSecond },
      hideThreshold: this.#hideThreshold(cells),
      reusedCells: cells.filter(({ reused }) => reused).length,
      warnings: [...this.#warnings, ...this.#runWarnings],
    }
  }
}
