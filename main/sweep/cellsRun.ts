import { toleranceOf } from '../../kernels/backends/tolerance.ts'
import { visitingOrder } from '../../kernels/sweep/order.ts'
import type { CellStore } from './cellStore.ts'
import { countWhile, type CounterSource } from './counters.ts'
import type { MeasuringProcess, PreparedCells } from './measuringProcess.ts'
import { cellOf, measuredCell, type MeasuredCell, type PlannedCell, type SweepFacts } from './report.ts'
import { needsMore } from './spread.ts'
import type { SweepControl } from './sweepControl.ts'
import type { ProgressFacts } from './sweepHandle.ts'
import { cellKey } from './tileKeys.ts'
import { TimeLeft } from './timeLeft.ts'

/** Measures what is not known yet: every cell checked once, then all in rounds, each round in an order of its own, wide cells again. */
export class CellsRun {
  readonly #child: MeasuringProcess
  readonly #planned: readonly PlannedCell[]
  readonly #prepared: PreparedCells
  readonly #facts: SweepFacts
  readonly #control: SweepControl
  readonly #tell: (progress: ProgressFacts) => void
  readonly #known: readonly (MeasuredCell | null)[]
  readonly #checked: (Pick<MeasuredCell, 'maxAbsError' | 'passed'> | null)[]
  readonly #durationsNs: number[][]
  readonly #counters: (MeasuredCell['counters'])[]
  readonly #time: TimeLeft
  #done = 0

  constructor(
    child: MeasuringProcess, planned: readonly PlannedCell[], prepared: PreparedCells, known: readonly (MeasuredCell | null)[],
    facts: SweepFacts, control: SweepControl, tell: (progress: ProgressFacts) => void,
  ) {
    this.#child = child
    this.#planned = planned
    this.#prepared = prepared
    this.#known = known
    this.#facts = facts
    this.#control = control
    this.#tell = tell
    this.#checked = planned.map(() => null)
    this.#durationsNs = planned.map(() => [])
    this.#counters = planned.map(() => null)
    this.#time = new TimeLeft(prepared.flops)
  }

  /** Cells with a measurement, earlier sweeps' among them. */
  get count(): number {
    return this.measured().filter((cell) => cell !== null).length
  }

  measured(): (MeasuredCell | null)[] {
    return this.#planned.map((_, cell) => this.#measuredNow(cell) ?? this.#known[cell])
  }

  #measuredNow(cell: number): MeasuredCell | null {
    const checked = this.#checked[cell]
    if (checked === null || this.#durationsNs[cell].length === 0) return null
    return { ...measuredCell(this.#durationsNs[cell], { flops: this.#prepared.flops[cell], ...checked }), counters: this.#counters[cell] }
  }

  /** Hands what was measured to the store; a cancelled sweep's half-measured cells are not for later ones. */
  keep(store: CellStore<MeasuredCell> | null): void {
    this.#planned.forEach(({ config }, cell) => {
      const measured = this.#measuredNow(cell)
      if (measured !== null && measured.passed && this.#durationsNs[cell].length >= this.#facts.repeats) store?.set(cellKey(config), measured)
    })
  }

  async run(counters: CounterSource): Promise<void> {
    const toDo = this.#planned.flatMap((_, cell) => (this.#known[cell] === null ? [cell] : []))
    this.#control.onChange(() => { this.#report() })
    this.#report()
    for (const cell of toDo) {
      await this.#control.gate()
      const startMs = performance.now()
      const { maxAbsError, maxAbsGradError } = await this.#child.check(cell)
      // One block on one rank: nothing travels, and nothing is rounded to travel.
      const tolerance = toleranceOf(this.#facts.backend, 'float32')
      this.#checked[cell] = {
        maxAbsError: Math.max(maxAbsError, maxAbsGradError ?? 0),
        passed: maxAbsError <= tolerance.output && (maxAbsGradError ?? 0) <= tolerance.gradient,
      }
      this.#done++
      this.#time.took(cell, performance.now() - startMs)
      this.#report()
    }
    for (let round = 0; ; round++) {
      const due = toDo.filter((cell) => needsMore(this.#durationsNs[cell], this.#facts.repeats))
      if (due.length === 0) break
      for (const at of visitingOrder(due.length, round)) await this.#measure(due[at])
    }
    if (counters.available) await this.#count(toDo, counters)
  }

  async #measure(cell: number): Promise<void> {
    await this.#control.gate()
    const startMs = performance.now()
    this.#durationsNs[cell].push(await this.#child.measure(cell))
    this.#done++
    this.#time.took(cell, performance.now() - startMs)
    this.#report()
  }

  /** After everything is measured: counting disturbs. */
  async #count(cells: readonly number[], { events }: Extract<CounterSource, { available: true }>): Promise<void> {
    const { pid } = this.#child
    if (pid === undefined) return
    for (const cell of cells) {
      await this.#control.gate()
      this.#counters[cell] = await countWhile(pid, events, () => this.#child.measure(cell))
    }
  }

  #report(): void {
    const { axes, repeats } = this.#facts
    // What is known to come: repeats not made yet, and one more of what is too wide so far.
    const remaining = this.#durationsNs.map((durations, cell) => {
      if (this.#known[cell] !== null) return 0
      return (this.#checked[cell] === null ? 1 : 0) + Math.max(repeats - durations.length, needsMore(durations, repeats) ? 1 : 0)
    })
    this.#tell({
      kind: 'tile', axes: [{ path: 'blockQ', values: [...new Set(this.#planned.map(({ blockQ }) => blockQ))] },
        { path: 'blockK', values: [...new Set(this.#planned.map(({ blockK }) => blockK))] }, ...axes],
      done: this.#done, total: this.#done + remaining.reduce((sum, count) => sum + count, 0), paused: this.#control.paused,
      secondsLeft: this.#time.seconds(remaining),
      cells: this.measured().flatMap((measured, at) => (measured === null ? [] : [cellOf(this.#planned[at], measured, this.#facts)])),
      ringCells: [],
    })
  }
}
