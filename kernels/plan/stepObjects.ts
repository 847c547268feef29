import type { Channel, Payload } from '../timeline/categories.ts'
import { rankAtPosition } from './geometry.ts'
import type { Fold, Move, Place, Plan, PlannedWork, StepKind, StepPass, StepPlan, StepSink } from './plan.ts'

type PlanOfSteps = Pick<Plan, 'basis' | 'emitStep' | 'ranks'>

/** What a step is, without its moves: read after each {@link StepFacts.read}, which makes no objects. */
export class StepFacts implements StepSink {
  readonly #plan: PlanOfSteps
  step = 0
  pass: StepPass = 'forward'
  stage: StepPlan['stage'] = 'attend'
  kvOwner = -1
  queryOwner = -1
  kind: StepKind = 'none'
  pairs = 0
  #rank = 0

  constructor(plan: PlanOfSteps) {
    this.#plan = plan
  }

  read(rank: number, step: number): this {
    this.#rank = rank
    this.#plan.emitStep(rank, step, this)
    return this
  }

  block(step: number, pass: StepPass, stage: StepPlan['stage'], query: number, key: number): void {
    const { basis, ranks } = this.#plan
    const { seat } = ranks[this.#rank]
    this.step = step
    this.pass = pass
    this.stage = stage
    this.kvOwner = query < 0 ? -1 : rankAtPosition(basis.geometry, seat, key)
    this.queryOwner = query < 0 ? -1 : rankAtPosition(basis.geometry, seat, query)
    this.kind = query < 0 ? 'none' : basis.kind(seat.set, query, key)
    this.pairs = query < 0 ? 0 : basis.pairs(seat.set, query, key)
  }

  work(_work: PlannedWork): void {}

  move(_direction: 'send' | 'recv', _channel: Channel, _payload: Payload, _peer: number, _owner: number, _bytes: number, _hop: number,
    _place: Place, _settleStep: number): void {}

  fold(_fold: Fold): void {}
}

/** Makes objects of steps. */
class StepObjects extends StepFacts {
  #work: PlannedWork | null = null
  #sends: Move[] = []
  #recvs: Move[] = []
  #folds: Fold[] = []

  make(rank: number, at: number): StepPlan {
    this.#work = null
    this.#sends = []
    this.#recvs = []
    this.#folds = []
    const { step, pass, stage, kvOwner, queryOwner, kind, pairs } = this.read(rank, at)
    return { step, pass, stage, kvOwner, queryOwner, kind, pairs, work: this.#work, sends: this.#sends, recvs: this.#recvs, folds: this.#folds }
  }

  override work(work: PlannedWork): void {
    this.#work = work
  }

  override move(direction: 'send' | 'recv', channel: Channel, payload: Payload, peer: number, owner: number, bytes: number, hop: number,
    place: Place, settleStep: number): void {
    (direction === 'send' ? this.#sends : this.#recvs).push({ channel, payload, peer, owner, bytes, hop, place, settleStep })
  }

  override fold(fold: Fold): void {
    this.#folds.push(fold)
  }
}

/** The steps of one rank as objects. */
export function rankSteps(plan: PlanOfSteps, rank: number, stepCount: number): StepPlan[] {
  const objects = new StepObjects(plan)
  return Array.from({ length: stepCount }, (_, step) => objects.make(rank, step))
}
