import type { RankArena } from '../backends/arena.ts'
import type { AttentionBackend, SpanSink } from '../backends/backend.ts'
import { copyOwnPart } from '../backends/segments.ts'
import type { RunConfig } from '../config/runConfig.ts'
import type { Fold, PlannedWork, StepPass } from '../plan/plan.ts'
import { waitUntil } from '../timeline/preciseWait.ts'
import { addGradient, addInto, sumSharedGradients } from './folds.ts'
import type { RankSchedule, ScheduledStep } from './schedule.ts'

export interface StepArithmeticParts {
  readonly config: RunConfig
  readonly schedule: RankSchedule
  readonly arena: RankArena
  readonly backend: AttentionBackend
}

/**
 * What a rank computes in a step: its block on the backend, and the sums that no backend makes. Where compute is
 * modelled, tensors hold nothing and nothing is summed: an iteration lasts as long as its blocks and transfers.
 */
export class StepArithmetic {
  readonly #parts: StepArithmeticParts
  readonly #spans: SpanSink
  /** How much longer than measured this rank's compute is made to last: factor - 1. */
  readonly #slowdown: number

  constructor({ config, schedule, arena, backend }: StepArithmeticParts, spans: SpanSink) {
    this.#parts = { config, schedule, arena, backend }
    this.#spans = spans
    this.#slowdown = (config.stragglers[String(schedule.rank)] ?? 1) - 1
  }

  /** Begins a pass over the rank's own queries. */
  async begin(pass: StepPass): Promise<void> {
    const { backend, arena: { sides: [own] } } = this.#parts
    if (pass === 'forward') await backend.begin(own, this.#spans)
    else await backend.beginBackward(own, this.#spans)
  }

  async finish(pass: StepPass): Promise<void> {
    const { backend, arena: { sides: [own] } } = this.#parts
    if (pass === 'forward') await backend.finish(own, this.#spans)
    else await backend.finishBackward(own, this.#spans)
  }

  async compute({ plan, work }: ScheduledStep): Promise<void> {
    if (plan.stage === 'exchange') {
      this.#copyOwnPart(plan.sends.at(0)?.payload)
      return
    }
    if (plan.work === null) return
    if (work === null) {
      this.#clearGradient(plan.work)
      return
    }
    const startNs = this.#spans.now()
    await this.#attend(plan.work, work)
    if (this.#slowdown === 0) return
    const computedNs = this.#spans.now()
    await waitUntil(() => this.#spans.now(), computedNs + this.#slowdown * (computedNs - startNs))
    // No flops: the delay does no work, and so it can be told from work.
    this.#spans.record('compute', computedNs, this.#spans.now())
  }

  async fold(fold: Fold): Promise<void> {
    const { arena, backend } = this.#parts
    switch (fold.what) {
      case 'partial':
        await backend.merge(arena.sides[0], arena.sides[fold.from], this.#spans)
        break
      case 'gradient':
        this.#sum(() => addGradient(arena.dkv[fold.into], arena.dkv[fold.from]))
        break
      case 'dq':
        this.#sum(() => addInto(arena.sides[0].dq, arena.sides[fold.from].dq))
        break
      case 'shared-gradients':
        this.#sum(() => sumSharedGradients(arena))
        break
    }
  }

  /** A block of another rank's queries is a whole pass over them. */
  async #attend({ side: sideIndex, kvSlot, gradient }: PlannedWork, { ranges, flops }: NonNullable<ScheduledStep['work']>): Promise<void> {
    const { arena, backend } = this.#parts
    const side = arena.sides[sideIndex]
    const block = { side, slot: arena.kv[kvSlot], ranges, flops }
    const isOwn = sideIndex === 0
    if (gradient === null) {
      if (!isOwn) await backend.begin(side, this.#spans)
      await backend.attend(block, this.#spans)
      if (!isOwn) await backend.finish(side, this.#spans)
    } else {
      if (!isOwn) await backend.beginBackward(side, this.#spans)
      await backend.attendBackward({ ...block, gradient: arena.dkv[gradient.slot], fresh: gradient.fresh }, this.#spans)
      if (!isOwn) await backend.finishBackward(side, this.#spans)
    }
  }

  /** A block without pairs has a gradient all the same: its owner's sum passes through the slot. */
  #clearGradient({ gradient }: PlannedWork): void {
    if (gradient?.fresh !== true) return
    const { dk, dv } = this.#parts.arena.dkv[gradient.slot]
    this.#sum(() => {
      dk.fill(0)
      dv.fill(0)
    })
  }

  #copyOwnPart(payload: string | undefined): void {
    const { arena, schedule } = this.#parts
    if (payload !== 'qkv' && payload !== 'out' && payload !== 'dout' && payload !== 'dqkv') return
    this.#sum(() => copyOwnPart(arena, payload, schedule.plan.seat.member))
  }

  #sum(arithmetic: () => void): void {
    if (!this.#parts.backend.computes) return
    const startNs = this.#spans.now()
    arithmetic()
    this.#spans.record('merge', startNs, this.#spans.now())
  }
}
