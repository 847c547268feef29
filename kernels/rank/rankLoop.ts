import { fillTensor } from '../attention/inputs.ts'
import type { RankArena } from '../backends/arena.ts'
import type { AttentionBackend, SpanSink } from '../backends/backend.ts'
import type { RunConfig } from '../config/runConfig.ts'
import type { StepPass } from '../plan/plan.ts'
import { laneOf, type SpanCategory } from '../timeline/categories.ts'
import { waitUntil } from '../timeline/preciseWait.ts'
import type { SpanFacts } from '../timeline/recorder.ts'
import type { Mover, SettledMove } from './mover.ts'
import type { RankProgress } from './position.ts'
import type { Reporter } from './reporter.ts'
import { hopNumber, type RankSchedule, type ScheduledStep } from './schedule.ts'
import { splitWait } from './splitWait.ts'
import { StepArithmetic } from './stepArithmetic.ts'

export interface RankLoopParts {
  readonly config: RunConfig
  readonly schedule: RankSchedule
  readonly arena: RankArena
  readonly backend: AttentionBackend
  readonly mover: Mover
  readonly reporter: Pick<Reporter, 'spans' | 'step' | 'progress'>
  readonly now: () => number
}

/**
 * Runs a rank's iterations: the steps of its plan on a backend, with a mover beside it. It only ever waits by promises, so
 * that several loops can share a thread.
 */
export class RankLoop {
  readonly #parts: RankLoopParts
  readonly #arithmetic: StepArithmetic
  /** Steps before which a pass over the rank's own queries begins, and after which it is finished. */
  readonly #passes: Readonly<Record<StepPass, { readonly first: number; readonly last: number }>>
  #iteration = -1
  #step = -1
  /** Of the spans that are recorded: -1 where they belong to a pass as a whole. */
  #spanStep = -1
  #state: RankProgress['state'] = 'starting'
  #readyNs = 0

  constructor(parts: RankLoopParts) {
    const { schedule, reporter, now } = parts
    this.#parts = parts
    const spans: SpanSink = {
      now,
      record: (category, startNs, endNs, facts) =>
        reporter.spans.record('compute', category, startNs, endNs, { iteration: this.#iteration, step: this.#spanStep }, facts),
    }
    this.#arithmetic = new StepArithmetic(parts, spans)
    this.#passes = { forward: attendSteps(schedule, 'forward'), backward: attendSteps(schedule, 'backward') }
  }

  get position(): RankProgress {
    return { iteration: this.#iteration, step: this.#step, state: this.#state }
  }

  /** Puts the inputs in place, outside the measured window. */
  async prepare(iteration: number): Promise<void> {
    const { config, schedule, arena: { home }, mover, reporter, now } = this.#parts
    this.#iteration = iteration
    this.#step = -1
    this.#state = 'starting'
    reporter.progress(this.position)
    const { seed, heads, kvHeads, headDim } = config
    const { shape: { batch }, homePositions, firstItem } = schedule
    fillTensor(home.q, seed, 'q', batch, heads, homePositions, headDim, firstItem)
    fillTensor(home.k, seed, 'k', batch, kvHeads, homePositions, headDim, firstItem)
    fillTensor(home.v, seed, 'v', batch, kvHeads, homePositions, headDim, firstItem)
    if (config.pass === 'forward-backward') fillTensor(home.dOut, seed, 'dout', batch, heads, homePositions, headDim, firstItem)
    await mover.publish()
    this.#readyNs = now()
  }

  /** All passes, from the common start time. Their spans are in the reporter's recorder. @returns the end, ns from the origin. */
  async iterate(startAtNs: number): Promise<number> {
    const { schedule, now } = this.#parts
    await waitUntil(now, startAtNs)
    this.#record('barrier', this.#readyNs, Math.max(startAtNs, this.#readyNs))
    this.#state = 'computing'
    for (const step of schedule.steps) await this.#runStep(step)
    this.#step = -1
    this.#state = 'done'
    return now()
  }

  async #runStep(scheduled: ScheduledStep): Promise<void> {
    const { config: { overlap }, reporter } = this.#parts
    const { step, pass, folds } = scheduled.plan
    this.#step = step
    reporter.step(this.position)
    if (step === this.#passes[pass].first) await this.#arithmetic.begin(pass)
    this.#spanStep = step
    if (overlap) this.#post(scheduled)
    await this.#arithmetic.compute(scheduled)
    if (!overlap) this.#post(scheduled)
    // Without overlap nothing is under way during compute: what was posted is waited for, whenever it is needed.
    await this.#settle(overlap ? step : Number.POSITIVE_INFINITY)
    for (const fold of folds) await this.#arithmetic.fold(fold)
    this.#spanStep = -1
    if (step === this.#passes[pass].last) await this.#arithmetic.finish(pass)
  }

  #post({ plan: { sends, recvs } }: ScheduledStep): void {
    if (sends.length + recvs.length > 0) this.#parts.mover.post({ iteration: this.#iteration, sends, recvs })
  }

  /** What was received is needed next, and what was sent is written next. */
  async #settle(upToStep: number): Promise<void> {
    const { mover, reporter, now } = this.#parts
    const startNs = now()
    this.#state = 'waiting'
    reporter.step(this.position)
    const [first, ...others] = await mover.settle(upToStep, now)
    const endNs = now()
    this.#state = 'computing'
    if (first === undefined) return

    for (const { category, move: { peer, payload }, ...part } of splitWait(startNs, endNs, [first, ...others])) {
      this.#record(category, part.startNs, part.endNs, { peer, payload })
    }
    for (const settled of [first, ...others]) this.#recordMove(settled)
  }

  #recordMove({ direction, move: { channel, peer, bytes, hop, payload }, times }: SettledMove): void {
    const { reporter, schedule } = this.#parts
    reporter.spans.record(laneOf(channel, direction), direction, times.startNs, times.endNs, { iteration: this.#iteration, step: this.#spanStep },
      { peer, bytes, payload, hop: hopNumber(schedule, this.#iteration, hop) })
  }

  #record(category: Extract<SpanCategory, 'barrier' | 'wait-peer' | 'wait-link'>, startNs: number, endNs: number, facts?: SpanFacts): void {
    this.#parts.reporter.spans.record('compute', category, startNs, endNs, { iteration: this.#iteration, step: this.#spanStep }, facts)
  }
}

/** The first and the last step of a pass that attend, whether or not they compute; -1 where there are none. */
function attendSteps({ steps }: RankSchedule, pass: StepPass): { readonly first: number; readonly last: number } {
  const attending = steps.filter(({ plan }) => plan.pass === pass && plan.stage === 'attend').map(({ plan }) => plan.step)
  return { first: attending.at(0) ?? -1, last: attending.at(-1) ?? -1 }
}
