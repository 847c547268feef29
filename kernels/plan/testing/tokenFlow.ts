import type { RunConfig } from '../../config/runConfig.ts'
import { type Geometry, rankAt } from '../geometry.ts'
import type { Fold, Move, Place, Plan, RankPlan, StepPlan } from '../plan.ts'

/** A plan that cannot be carried out as it says. */
export class FlowError extends Error {
  override readonly name = 'FlowError'
}

/** What a region of memory holds: whose tokens, for which member's heads, and which ranks' blocks have gone into it. */
interface Content {
  readonly owner: number
  readonly heads: number
  readonly of: ReadonlySet<number>
}

type Direction = 'send' | 'recv'
interface Posted { readonly move: Move; readonly direction: Direction; readonly pass: StepPlan['pass']; done: boolean }

const NOTHING: ReadonlySet<number> = new Set()

/** One rank that carries out its plan on labels in place of numbers. */
class FlowRank {
  readonly #plan: RankPlan
  readonly #geometry: Geometry
  readonly #config: RunConfig
  readonly #contents = new Map<string, Content>()
  /** Regions that a move reads (count) or writes (-1) at the moment. */
  readonly #locks = new Map<string, number>()
  /** In the order in which each channel must carry them. */
  readonly queues = new Map<string, Posted[]>()
  step = -1
  hops = 0

  constructor(plan: RankPlan, geometry: Geometry, config: RunConfig) {
    this.#plan = plan
    this.#geometry = geometry
    this.#config = config
    const own = { owner: plan.rank, heads: plan.seat.member, of: NOTHING }
    for (const region of geometry.degree === 1 ? ['q0', 'dOut0', 'kv0'] : []) this.#contents.set(region, own)
    for (let heads = 0; geometry.degree > 1 && heads < geometry.degree; heads++) {
      for (const payload of ['qkv', 'dout']) this.#contents.set(`home ${payload} ${heads}`, { ...own, heads })
    }
  }

  fail(message: string): never {
    throw new FlowError(`rank ${this.#plan.rank} step ${this.step}: ${message}`)
  }

  #check(condition: boolean, message: () => string): void {
    if (!condition) this.fail(message())
  }

  read(region: string): Content {
    this.#check((this.#locks.get(region) ?? 0) >= 0, () => `reads ${region} while something arrives in it`)
    return this.#contents.get(region) ?? this.fail(`reads ${region}, which holds nothing`)
  }

  #write(region: string, content: Content): void {
    this.#check((this.#locks.get(region) ?? 0) === 0, () => `writes ${region} while it is being moved`)
    this.#contents.set(region, content)
  }

  #regions(place: Place, payload: Move['payload'], pass: StepPlan['pass']): string[] {
    const { kvSlots, dkvSlots, sides } = this.#plan
    switch (place.buffer) {
      case 'kv':
      case 'dkv':
        this.#check(place.slot < (place.buffer === 'kv' ? kvSlots : dkvSlots), () => `has no ${place.buffer} slot ${place.slot}`)
        return [`${place.buffer}${place.slot}`]
      case 'query':
      case 'partial':
      case 'dq': {
        this.#check(place.side < sides, () => `has no side ${place.side}`)
        const names = { query: pass === 'forward' ? ['q'] : ['q', 'dOut', 'lse', 'delta'], partial: ['out', 'lse'], dq: ['dq'] }[place.buffer]
        return names.map((name) => `${name}${place.side}`)
      }
      case 'home':
      case 'spread': return [`${place.buffer} ${payload} ${place.member}`]
    }
  }

  #post(step: StepPlan): Posted[] {
    const post = (move: Move, direction: Direction): Posted => {
      this.#check(move.settleStep >= step.step, () => 'a move settles before it is posted')
      for (const region of this.#regions(move.place, move.payload, step.pass)) {
        const lock = this.#locks.get(region) ?? 0
        if (direction === 'send') {
          const { owner } = this.read(region)
          this.#check(owner === move.owner, () => `sends ${move.payload} of rank ${move.owner}, ${region} holds that of ${owner}`)
          this.#locks.set(region, lock + 1)
        } else {
          this.#check(lock === 0, () => `receives into ${region} while it is being moved`)
          this.#locks.set(region, -1)
        }
      }
      const posted: Posted = { move, direction, pass: step.pass, done: false }
      const queue = `${direction} ${move.channel}`
      this.queues.set(queue, [...this.queues.get(queue) ?? [], posted])
      return posted
    }
    this.hops += step.sends.length
    return [...step.recvs.map((move) => post(move, 'recv')), ...step.sends.map((move) => post(move, 'send'))]
  }

  #release({ move, direction, pass }: Posted): void {
    for (const region of this.#regions(move.place, move.payload, pass)) {
      this.#locks.set(region, direction === 'send' ? (this.#locks.get(region) ?? 0) - 1 : 0)
    }
  }

  /** What a move carries, at the end that sends it. */
  outgoing({ move, pass }: Posted): Content[] {
    return this.#regions(move.place, move.payload, pass).map((region) => this.#contents.get(region) ?? this.fail(`${region} is empty`))
  }

  /** Puts down what arrived; it may be used only once the move is settled. */
  incoming({ move, pass }: Posted, contents: readonly Content[]): void {
    this.#regions(move.place, move.payload, pass).forEach((region, index) => this.#contents.set(region, contents[index]))
  }

  #join(into: string, more: Content): void {
    const sum = this.read(into)
    this.#check(sum.owner === more.owner, () => `adds what belongs to rank ${more.owner} to ${into}, which belongs to ${sum.owner}`)
    for (const rank of more.of) this.#check(!sum.of.has(rank), () => `counts rank ${rank} twice in ${into}`)
    this.#write(into, { ...sum, of: new Set([...sum.of, ...more.of]) })
  }

  #compute({ work, pass, pairs, kvOwner, queryOwner }: StepPlan): void {
    if (work === null) {
      this.#check(pairs === 0, () => `has ${pairs} pairs and computes nothing`)
      return
    }
    const { side, kvSlot, gradient } = work
    const kv = this.read(`kv${kvSlot}`)
    const query = this.read(`q${side}`)
    this.#check(kv.owner === kvOwner, () => `attends to K/V of rank ${kvOwner}, slot ${kvSlot} holds that of ${kv.owner}`)
    this.#check(query.owner === queryOwner, () => `computes queries of rank ${queryOwner}, side ${side} holds those of ${query.owner}`)
    const seen: Content = { owner: queryOwner, heads: this.#plan.seat.member, of: new Set(pairs > 0 ? [kvOwner] : []) }
    if (pass === 'forward') {
      if (side === 0) this.#join('accumulator', seen)
      else for (const region of [`out${side}`, `lse${side}`]) this.#write(region, seen)
      return
    }
    for (const name of ['dOut', 'lse', 'delta']) {
      const { owner } = this.read(`${name}${side}`)
      this.#check(owner === queryOwner, () => `${name} of side ${side} is that of rank ${owner}`)
    }
    if (side === 0) this.#join('dq0', seen)
    else this.#write(`dq${side}`, seen)
    if (gradient === null) this.fail('a backward step without a place for its gradient')
    const given: Content = { owner: kvOwner, heads: seen.heads, of: new Set(pairs > 0 ? [queryOwner] : []) }
    if (gradient.fresh) this.#write(`dkv${gradient.slot}`, given)
    else this.#join(`dkv${gradient.slot}`, given)
  }

  #fold(fold: Fold, pass: StepPlan['pass']): void {
    switch (fold.what) {
      case 'gradient': return this.#join(`dkv${fold.into}`, this.read(`dkv${fold.from}`))
      case 'partial':
        this.read(`lse${fold.from}`)
        return this.#join('accumulator', this.read(`out${fold.from}`))
      case 'dq': return this.#join('dq0', this.read(`dq${fold.from}`))
      case 'shared-gradients': this.#check(pass === 'backward' && this.#config.kvHeads < this.#geometry.degree, () => 'shares no gradients')
    }
  }

  /** Before an all-to-all: its sources are made, and the own part is copied. After it: what came together is there. */
  #exchange(payload: string, when: 'before' | 'after'): void {
    const { rank, seat } = this.#plan
    const { degree } = this.#geometry
    const members = Array.from({ length: degree }, (_, member) => member)
    const tokensOf = (member: number): number => rankAt(this.#geometry, { ...seat, member })
    const spreads = payload === 'qkv' || payload === 'dout'
    if (when === 'before') {
      if (!spreads) {
        const of = this.read(payload === 'out' ? 'out0' : 'dq0').of
        if (payload === 'dqkv') this.read(`dkv${this.#plan.ownGradientSlot}`)
        for (const member of members) this.#write(`spread ${payload} ${member}`, { owner: tokensOf(member), heads: seat.member, of })
      }
      const [from, to] = spreads ? ['home', 'spread'] : ['spread', 'home']
      this.#write(`${to} ${payload} ${seat.member}`, this.read(`${from} ${payload} ${seat.member}`))
      return
    }
    for (const member of members) {
      const { owner, heads } = this.read(`${spreads ? 'spread' : 'home'} ${payload} ${member}`)
      const expected = spreads ? [tokensOf(member), seat.member] : [rank, member]
      this.#check(owner === expected[0] && heads === expected[1], () => `${payload} of member ${member} holds heads ${heads} of rank ${owner}`)
    }
    const arrived = { owner: rank, heads: seat.member, of: NOTHING }
    for (const region of payload === 'qkv' ? ['q0', 'kv0'] : payload === 'dout' ? ['dOut0'] : []) this.#write(region, arrived)
  }

  /** Carries out the plan; yields where it waits for a move. */
  *run(): Generator<void, void> {
    const { steps, rank, seat } = this.#plan
    const posted: Posted[] = []
    const attends = (pass: StepPlan['pass']): StepPlan[] => steps.filter((step) => step.pass === pass && step.stage === 'attend')
    const [forward, backward] = [attends('forward'), attends('backward')]
    const cleared: Content = { owner: rank, heads: seat.member, of: NOTHING }
    let exchanges = 0
    for (const step of steps) {
      this.step++
      this.#check(step.step === this.step, () => `is numbered ${step.step}`)
      const payload = step.stage === 'exchange' ? ['qkv', 'out', 'dout', 'dqkv'][exchanges++] : null
      if (step === forward[0]) this.#write('accumulator', { ...cleared, owner: this.read('q0').owner })
      if (step === backward[0]) {
        this.read('dOut0')
        for (const region of ['dq0', 'delta0']) this.#write(region, cleared)
      }
      if (payload !== null) this.#exchange(payload, 'before')
      if (this.#config.overlap) posted.push(...this.#post(step))
      this.#compute(step)
      if (!this.#config.overlap) posted.push(...this.#post(step))
      const due = posted.filter(({ move }) => !this.#config.overlap || move.settleStep <= step.step)
      while (due.some(({ done }) => !done)) yield
      for (const move of due) this.#release(move)
      posted.splice(0, posted.length, ...posted.filter((move) => !due.includes(move)))
      for (const fold of step.folds) this.#fold(fold, step.pass)
      if (payload !== null) this.#exchange(payload, 'after')
      if (step === forward.at(-1)) for (const region of ['out0', 'lse0']) this.#write(region, this.read('accumulator'))
    }
    this.#check(posted.length === 0, () => 'ends with moves that are not settled')
  }

  /** Whose K/V the output of these heads holds, and for gradients whose K/V and whose queries, when all is done. */
  result(): FlowResult {
    const backward = this.#config.pass === 'forward-backward'
    const slot = this.#plan.ownGradientSlot
    if (this.#geometry.degree > 1) {
      for (let heads = 0; heads < this.#geometry.degree; heads++) {
        for (const payload of backward ? ['out', 'dqkv'] : ['out']) this.read(`home ${payload} ${heads}`)
      }
    }
    const gradient = slot === null ? null : this.read(`dkv${slot}`)
    this.#check(gradient === null || gradient.owner === this.#plan.rank, () => `ends with the gradient of rank ${gradient?.owner}`)
    return { out: this.read('out0').of, dq: backward ? this.read('dq0').of : null, dkv: gradient?.of ?? null, hops: this.hops }
  }
}

export interface FlowResult {
  readonly out: ReadonlySet<number>
  readonly dq: ReadonlySet<number> | null
  readonly dkv: ReadonlySet<number> | null
  readonly hops: number
}

/** Hands over whatever is at the head of its channel at both ends. True when something moved. */
function moveHeads(ranks: readonly FlowRank[]): boolean {
  let moved = false
  ranks.forEach((sender, rank) => {
    for (const [name, queue] of sender.queues) {
      const [sent] = queue
      if (!name.startsWith('send') || sent === undefined) continue
      const receiver = ranks[sent.move.peer]
      const incoming = receiver.queues.get(`recv ${sent.move.channel}`) ?? []
      const [received] = incoming
      if (received === undefined || received.move.peer !== rank) continue
      for (const field of ['channel', 'payload', 'owner', 'bytes', 'hop'] as const) {
        if (received.move[field] !== sent.move[field]) {
          receiver.fail(`expects ${field} ${received.move[field]} from rank ${rank}, which sends ${sent.move[field]}`)
        }
      }
      receiver.incoming(received, sender.outgoing(sent))
      for (const end of [sent, received]) end.done = true
      queue.shift()
      incoming.shift()
      moved = true
    }
  })
  return moved
}

/**
 * Carries out a plan with labels in place of numbers: every rank its steps, moves as rendezvous in the order of each channel,
 * regions locked from the moment a move is posted until it is settled.
 * @throws FlowError for anything that a real run would get wrong: a block that is not there, not the right one, counted twice
 *   or overwritten under way, ends of a hop that do not match, a deadlock.
 */
export function followTokens(plan: Plan, config: RunConfig): FlowResult[] {
  const ranks = plan.ranks.map((rank) => new FlowRank(rank, plan.geometry, config))
  const hops = plan.ranks.flatMap(({ steps }) => steps.flatMap(({ sends }) => sends.map(({ hop }) => hop)))
  if (new Set(hops).size !== hops.length) throw new FlowError('two moves have the same hop number')
  if (hops.some((hop) => hop < 0 || hop >= plan.hopNumbers)) throw new FlowError('a hop number out of bounds')
  let running = ranks.map((rank) => rank.run())
  for (;;) {
    const before = ranks.map(({ step }) => step)
    running = running.filter((run) => run.next().done !== true)
    if (running.length === 0) break
    if (!moveHeads(ranks) && ranks.every(({ step }, rank) => step === before[rank])) {
      throw new FlowError(`deadlock at steps ${before.join(', ')}`)
    }
  }
  for (const rank of ranks) if ([...rank.queues.values()].some((queue) => queue.length > 0)) rank.fail('a move is left over')
  return ranks.map((rank) => rank.result())
}
