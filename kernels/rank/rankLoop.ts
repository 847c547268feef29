import { fillTensor } from '../attention/inputs.ts'
import type { AttentionBackend, RankArena, SpanSink } from '../backends/backend.ts'
import type { RunConfig } from '../config/runConfig.ts'
import type { SpanFacts } from '../timeline/recorder.ts'
import type { CommClient } from './commClient.ts'
import type { RankProgress } from './position.ts'
import { waitUntil } from '../timeline/preciseWait.ts'
import type { Reporter } from './reporter.ts'
import { hopNumber, type RankSchedule, type ScheduledStep } from './schedule.ts'
import { splitWait } from './splitWait.ts'

export interface RankLoopParts {
  readonly config: RunConfig
  readonly schedule: RankSchedule
  readonly arena: RankArena
  readonly backend: AttentionBackend
  readonly comm: CommClient
  readonly reporter: Reporter
  readonly now: () => number
}

/** Runs a rank's iterations: the ring schedule on a backend, with a communication thread beside it. */
export class RankLoop {
  readonly #parts: RankLoopParts
  readonly #previous: number
  readonly #next: number
  /** How much longer than measured this rank's compute is made to last: factor - 1. */
  readonly #slowdown: number
  readonly #sink: SpanSink
  #iteration = -1
  #step = -1
  #state: RankProgress['state'] = 'starting'
  #readyNs = 0

  constructor(parts: RankLoopParts) {
    const { schedule, config, reporter, now } = parts
    this.#parts = parts
    this.#previous = (schedule.rank + schedule.world - 1) % schedule.world
    this.#next = (schedule.rank + 1) % schedule.world
    this.#slowdown = (config.stragglers[String(schedule.rank)] ?? 1) - 1
    this.#sink = {
      now,
      record: (category, startNs, endNs, facts) =>
        reporter.spans.record('compute', category, startNs, endNs, { iteration: this.#iteration, step: this.#step }, facts),
    }
  }

  get position(): RankProgress {
    return { iteration: this.#iteration, step: this.#step, state: this.#state }
  }

  /** Puts the inputs in place, outside the measured window. */
  async prepare(iteration: number): Promise<void> {
    const { config, schedule, arena, comm, reporter, now } = this.#parts
    this.#iteration = iteration
    this.#step = -1
    this.#state = 'starting'
    reporter.progress(this.position)
    const { seed, batch, heads, kvHeads, headDim } = config
    const own = arena.slots[0]
    fillTensor(arena.q, seed, 'q', batch, heads, schedule.positions, headDim)
    fillTensor(own.k, seed, 'k', batch, kvHeads, schedule.positions, headDim)
    fillTensor(own.v, seed, 'v', batch, kvHeads, schedule.positions, headDim)
    if (schedule.hops > 0) await comm.publish(0)
    this.#readyNs = now()
  }

  /** One pass, from the common start time. Its spans are in the reporter's recorder. @returns its end, ns from the origin. */
  async iterate(startAtNs: number): Promise<number> {
    const { schedule, backend, reporter, now } = this.#parts
    await waitUntil(now, startAtNs)
    this.#record('barrier', this.#readyNs, Math.max(startAtNs, this.#readyNs))
    this.#state = 'computing'
    await backend.begin(this.#sink)
    for (const step of schedule.steps) {
      this.#step = step.step
      reporter.step(this.position)
      await this.#runStep(step)
    }
    this.#step = -1
    await backend.finish(this.#sink)
    this.#state = 'done'
    return now()
  }

  async #runStep(step: ScheduledStep): Promise<void> {
    const { overlap } = this.#parts.config
    if (overlap) this.#postHop(step)
    await this.#compute(step)
    if (!overlap) this.#postHop(step)
    if (step.hop !== null) await this.#awaitHop(step.step)
  }

  async #compute({ work, heldSlot }: ScheduledStep): Promise<void> {
    if (work === null) return
    const { backend, arena, now } = this.#parts
    const startNs = now()
    await backend.attend({ slot: arena.slots[heldSlot], ranges: work.ranges, flops: work.flops }, this.#sink)
    if (this.#slowdown === 0) return
    const computedNs = now()
    await waitUntil(now, computedNs + this.#slowdown * (computedNs - startNs))
    // No flops: the delay does no work, and so it can be told from work.
    this.#record('compute', computedNs, now())
  }

  #postHop({ step, hop, heldSlot }: ScheduledStep): void {
    if (hop === null) return
    const { comm, schedule } = this.#parts
    comm.postHop({
      type: 'hop', iteration: this.#iteration, step,
      sendHop: hopNumber(schedule, this.#iteration, step, schedule.rank), sendOwner: hop.sendOwner, sendSlot: heldSlot,
      recvHop: hopNumber(schedule, this.#iteration, step, this.#previous), recvOwner: hop.recvOwner, recvSlot: 1 - heldSlot,
    })
  }

  /** Both halves must be over: the received block is needed next, and the sent one's slot is written next. */
  async #awaitHop(step: number): Promise<void> {
    const { comm, reporter, now, schedule } = this.#parts
    const startNs = now()
    this.#state = 'waiting'
    reporter.step(this.position)
    const { arrival, departure } = await comm.hopDone(now)
    const endNs = now()
    this.#state = 'computing'

    const { on, movingFromNs, overNs } = splitWait(startNs, endNs, arrival, departure)
    const peer = on === 'previous' ? this.#previous : this.#next
    if (movingFromNs > startNs) this.#record('wait-peer', startNs, movingFromNs, { peer })
    if (overNs > movingFromNs) this.#record('wait-link', movingFromNs, overNs, { peer })
    const place = { iteration: this.#iteration, step }
    const bytes = schedule.bytesPerHop
    reporter.spans.record('send', 'send', departure.startNs, departure.endNs, place,
      { peer: this.#next, bytes, hop: hopNumber(schedule, this.#iteration, step, schedule.rank) })
    reporter.spans.record('recv', 'recv', arrival.startNs, arrival.endNs, place,
      { peer: this.#previous, bytes, hop: hopNumber(schedule, this.#iteration, step, this.#previous) })
  }

  #record(category: 'compute' | 'barrier' | 'wait-peer' | 'wait-link', startNs: number, endNs: number, facts?: SpanFacts): void {
    this.#parts.reporter.spans.record('compute', category, startNs, endNs,
      { iteration: this.#iteration, step: this.#step }, facts)
  }
}
