import type { Seat } from '../../kernels/plan/geometry.ts'
import type { Fold, Place, Plan, PlannedWork, StepPass, StepPlan, StepSink } from '../../kernels/plan/plan.ts'
import type { Channel, Payload } from '../../kernels/timeline/categories.ts'

/** [channel, payload, peer, owner, buffer, slot, steps until it is settled]; ranks as shifts of ring positions. */
export type MoveEntry = readonly [Channel, Payload, number, number, Place['buffer'], number, number]
/** [side, K/V slot, gradient slot, whether that is overwritten]. */
export type WorkEntry = readonly [number, number, number | null, boolean]
/** [what, from, into]. */
export type FoldEntry = readonly [Fold['what'], number, number]

/** A step as any rank would read it that does the same; what is empty is left out. */
export interface StepEntry {
  readonly pass: StepPass
  /** An all-to-all of the Ulysses group, of all its members' parts. */
  readonly exchange?: Payload
  /** Shifts to the ring positions whose queries and keys meet. */
  readonly query?: number
  readonly key?: number
  readonly work?: WorkEntry
  readonly sends?: readonly MoveEntry[]
  readonly recvs?: readonly MoveEntry[]
  readonly folds?: readonly FoldEntry[]
}

/** The places of distinct texts in the order of their first appearance. */
class Distinct<Item> {
  readonly items: Item[] = []
  readonly #places = new Map<string, number>()

  placeOf(key: string, item: () => Item): number {
    let place = this.#places.get(key)
    if (place === undefined) {
      this.#places.set(key, place = this.items.length)
      this.items.push(item())
    }
    return place
  }
}

const slotOf = (place: Place): number => ('slot' in place ? place.slot : 'side' in place ? place.side : place.member)

/** Writes the steps of ranks as entries. */
class StepWriter implements StepSink {
  readonly #plan: Plan
  readonly #shiftTo: (from: Seat, position: number) => number
  #seat: Seat
  #step = 0
  #entry: { pass: StepPass; exchange?: Payload; query?: number; key?: number } = { pass: 'forward' }
  #work: WorkEntry | null = null
  #sends: MoveEntry[] = []
  #recvs: MoveEntry[] = []
  #folds: FoldEntry[] = []

  constructor(plan: Plan, shiftTo: (from: Seat, position: number) => number) {
    this.#plan = plan
    this.#shiftTo = shiftTo
    this.#seat = plan.ranks[0].seat
  }

  write(rank: number, step: number): WrittenStep {
    this.#seat = this.#plan.ranks[rank].seat
    this.#work = null
    this.#sends = []
    this.#recvs = []
    this.#folds = []
    this.#plan.emitStep(rank, step, this)
    if (this.#entry.exchange !== undefined) return { entry: this.#entry, work: null }
    return {
      work: this.#work,
      entry: {
        ...this.#entry,
        ...(this.#sends.length > 0 && { sends: this.#sends }), ...(this.#recvs.length > 0 && { recvs: this.#recvs }),
        ...(this.#folds.length > 0 && { folds: this.#folds }),
      },
    }
  }

  block(step: number, pass: StepPass, stage: StepPlan['stage'], query: number, key: number): void {
    this.#step = step
    this.#entry = query < 0 || stage === 'exchange' ? { pass } : { pass, query: this.#shiftTo(this.#seat, query), key: this.#shiftTo(this.#seat, key) }
  }

  work({ side, kvSlot, gradient }: PlannedWork): void {
    this.#work = [side, kvSlot, gradient?.slot ?? null, gradient?.fresh ?? false]
  }

  move(direction: 'send' | 'recv', channel: Channel, payload: Payload, peer: number, owner: number, _bytes: number, _hop: number,
    place: Place, settleStep: number): void {
    // What goes where in an all-to-all follows from its payload and the members.
    if (channel === 'all-to-all') this.#entry.exchange = payload
    else (direction === 'send' ? this.#sends : this.#recvs).push([
      channel, payload, this.#shiftToRank(peer), this.#shiftToRank(owner), place.buffer, slotOf(place), settleStep - this.#step,
    ])
  }

  fold(fold: Fold): void {
    // The sum of shared gradients is part of the all-to-all that brings them.
    if (fold.what !== 'shared-gradients') this.#folds.push([fold.what, fold.from, 'into' in fold ? fold.into : 0])
  }

  #shiftToRank(rank: number): number {
    return this.#shiftTo(this.#seat, this.#plan.ranks[rank].seat.position)
  }
}

/** What tells a step from others, as a flat list: making entries of a thousand ranks' steps would take many seconds. */
class StepFacts implements StepSink {
  readonly #shiftTo: (from: Seat, position: number) => number
  readonly #plan: Plan
  #seat: Seat
  #facts: (string | number)[] = []
  #work: PlannedWork | null = null
  #step = 0

  constructor(plan: Plan, shiftTo: (from: Seat, position: number) => number) {
    this.#plan = plan
    this.#shiftTo = shiftTo
    this.#seat = plan.ranks[0].seat
  }

  read(rank: number, step: number): { readonly facts: readonly (string | number)[]; readonly work: PlannedWork | null } {
    this.#seat = this.#plan.ranks[rank].seat
    this.#facts = []
    this.#work = null
    this.#plan.emitStep(rank, step, this)
    return { facts: this.#facts, work: this.#work }
  }

  block(step: number, pass: StepPass, stage: StepPlan['stage'], query: number, key: number): void {
    this.#step = step
    if (query < 0) this.#facts.push(pass, stage)
    else this.#facts.push(pass, stage, this.#shiftTo(this.#seat, query), this.#shiftTo(this.#seat, key))
  }

  work(work: PlannedWork): void {
    this.#work = work
  }

  move(direction: 'send' | 'recv', channel: Channel, payload: Payload, peer: number, owner: number, _bytes: number, _hop: number,
    place: Place, settleStep: number): void {
    // Members of a group differ in whom they exchange with, and all do the same.
    if (channel === 'all-to-all') this.#facts[2] = payload
    else this.#facts.push(direction, channel, payload, this.#shiftToRank(peer), this.#shiftToRank(owner), place.buffer, slotOf(place), settleStep - this.#step)
  }

  fold(fold: Fold): void {
    this.#facts.push(fold.what, 'from' in fold ? fold.from : 0, 'into' in fold ? fold.into : 0)
  }

  #shiftToRank(rank: number): number {
    return this.#shiftTo(this.#seat, this.#plan.ranks[rank].seat.position)
  }
}

const sameFacts = (a: readonly (string | number)[], b: readonly (string | number)[]): boolean =>
  a.length === b.length && a.every((fact, at) => fact === b[at])

const sameWork = (a: PlannedWork | null, b: PlannedWork | null): boolean =>
  a === b || (a !== null && b !== null && a.side === b.side && a.kvSlot === b.kvSlot && a.gradient?.slot === b.gradient?.slot && a.gradient?.fresh === b.gradient?.fresh)

export interface Programs {
  readonly steps: readonly StepEntry[]
  readonly programs: readonly (readonly number[])[]
  readonly programOf: readonly number[]
}

/**
 * The programs of all ranks. A forward step that has no pairs to compute on some rank and has on another is the same entry:
 * who runs it finds that its mask leaves nothing.
 */
export function programsOf(plan: Plan, window: number): Programs {
  const shiftTo = shifts(plan.geometry.ringSize, window)
  const writer = new StepWriter(plan, shiftTo)
  const reader = new StepFacts(plan, shiftTo)
  const steps = new Distinct<WrittenStep>()
  const programs = new Distinct<readonly number[]>()
  /** Of the rank before, by step: most ranks do the same as it. */
  const before: { facts: readonly (string | number)[]; work: PlannedWork | null; place: number }[] = []
  const placeOf = (rank: number, step: number): number => {
    const { facts, work } = reader.read(rank, step)
    const known = before.at(step)
    const isForward = facts[0] === 'forward'
    if (known !== undefined && sameFacts(known.facts, facts) && (sameWork(known.work, work) || (isForward && work === null))) return known.place
    const written = writer.write(rank, step)
    const key = JSON.stringify(written.entry)
    const place = isForward ? placeOfForward(steps, key, written) : steps.placeOf(`${key}${JSON.stringify(written.work)}`, () => written)
    before[step] = { facts, work, place }
    return place
  }
  const programOf = plan.ranks.map(({ rank }) => {
    const program = Array.from({ length: plan.stepCount }, (_, step) => placeOf(rank, step))
    return programs.placeOf(program.join(), () => program)
  })
  return {
    programs: programs.items, programOf,
    steps: steps.items.map(({ entry, work }) => (work === null ? entry : { ...entry, work })),
  }
}

/** A step without its work, and the work: ranks that do alike may have work in different steps. */
interface WrittenStep {
  readonly entry: StepEntry
  work: WorkEntry | null
}

function placeOfForward(steps: Distinct<WrittenStep>, key: string, written: WrittenStep): number {
  for (let variant = 0; ; variant++) {
    const place = steps.placeOf(`${key}#${variant}`, () => written)
    const known = steps.items[place]
    if (known.work === null) known.work = written.work
    if (written.work === null || JSON.stringify(known.work) === JSON.stringify(written.work)) return place
  }
}

/** The shift from a seat to a ring position. */
const shifts = (ringSize: number, window: number) => ({ position: own }: Seat, position: number): number => {
  const windows = ringSize / window
  const outer = (Math.floor(position / window) - Math.floor(own / window) + windows) % windows
  return outer * window + (position - own + ringSize) % window
}
