import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Fold, Place, Plan, PlannedWork, StepPass, StepPlan, StepSink } from '../../kernels/plan/plan.ts'
import { StepFacts } from '../../kernels/plan/stepObjects.ts'
import { type Channel, CHANNELS, type Payload } from '../../kernels/timeline/categories.ts'
import type { ClusterModel, Disturbance, LinkModel } from '../../preload/contract/simulation.ts'
import { blockCost, type BlockCost } from './blockCost.ts'
import { Jitter } from './jitter.ts'
import { PendingMoves } from './pendingMoves.ts'
import { unworkable } from './unworkablePlan.ts'

/** Outgoing wires of a rank: to the ranks of its node, and to other nodes. */
const LEVELS = 2

const CHANNEL_CODE = Object.fromEntries(CHANNELS.map((channel, code) => [channel, code])) as Readonly<Record<Channel, number>>

/** Compute of a step, ns from the start of the iteration. The same object for every step: read it at once. */
export interface StepCompute {
  /** The step begins: what earlier steps settle is settled. */
  readonly enterNs: number
  /** The block begins: its moves are posted. */
  readonly beginNs: number
  /** End of the block, before a straggler's delay. */
  readonly attendEndNs: number
  /** End of the delay. */
  readonly blockEndNs: number
  /** End of all compute: after the last block of a pass its result is finished. */
  readonly computeEndNs: number
}

/**
 * Hears what happens in a simulated iteration. Times in ns from its start, not rounded. What is told is final; a rank's steps
 * come in order, moves in the order in which they were ready: nothing that is told later begins before that.
 */
export interface SimulationObserver {
  /** A rank enters a step, all of whose compute is known with it. */
  entered(rank: number, step: number, times: StepCompute): void
  /** What a step settles is settled. The next one begins then, or when a barrier lets it. */
  left(rank: number, step: number, leaveNs: number): void
  /**
   * A move begins. From `readyNs` on only the wire is in its way; its first byte is sent at `startNs` and its last one at
   * `sentNs`; they arrive at `arrivingNs` and `arrivedNs`.
   */
  moved(hop: number, sender: number, receiver: number, bytes: number, readyNs: number, startNs: number, sentNs: number,
    arrivingNs: number, arrivedNs: number): void
}

/** A rank that died, the step that it was about to begin, and when that was. */
export interface SimulatedDeath {
  readonly rank: number
  readonly step: number
  readonly timeNs: number
}

export interface Evaluated {
  /** End of the last thing that is known to happen. */
  readonly makespanNs: number
  /** Set where a rank died, as the disturbance says. */
  readonly death: SimulatedDeath | null
}

/** What goes its way where and how, beside the plan. */
export interface Circumstances {
  readonly cluster: ClusterModel
  readonly disturbance: Disturbance
  readonly overlap: boolean
  /** Factors on compute by rank. */
  readonly stragglers: RunConfig['stragglers']
}

/**
 * Carries out one iteration of a plan on a cluster, as events in the order of time, and tells an observer.
 *
 * A rank posts the moves of a step as it begins (without overlap: when its compute is over), computes, and leaves the step when
 * the moves that it settles are over. Ranks run free of each other, or begin every step together. A move is ready when both
 * ends have posted it and the moves before it on that channel of the sender and of the receiver have begun. From there (a
 * runtime's rendezvous later) it takes wires as the executor emulates them (kernels/transport/emulatedLink.ts): it leaves when the sender's wire of its level
 * (within the node, or to another one) is free, of several the one that was ready first, its last byte bytes / B after its first; it arrives
 * the latency later, one block at a time on a channel. Folds and copies take no time.
 *
 * A rank that dies posts nothing any more, and what was posted but not ready at its death never begins. What was on its way arrives.
 *
 * Time O((steps + moves) log ranks); memory O(ranks · (steps + moves under way)), of which steps and hop numbers take a few bytes each.
 * @throws UnworkablePlanError for a plan that cannot be carried out.
 * @throws InvalidInputError where the cluster's tiles cannot be counted.
 */
export function evaluate(plan: Plan, circumstances: Circumstances, observer: SimulationObserver): Evaluated {
  return new Evaluation(plan, circumstances, observer).run()
}

/** 1 for the steps after whose block a pass is finished: the last ones that attend, before an exchange or the end. */
function finishingSteps(plan: Plan): Float64Array {
  const facts = new StepFacts(plan)
  const passes = Array.from({ length: plan.stepCount }, (_, at) => {
    const { pass, stage } = facts.read(0, at)
    return stage === 'attend' ? pass : null
  })
  return Float64Array.from(passes, (pass, at) => (pass !== null && passes.at(at + 1) !== pass ? 1 : 0))
}

class Evaluation implements StepSink {
  readonly #plan: Plan
  readonly #observer: SimulationObserver
  readonly #overlap: boolean
  readonly #costs: Readonly<Record<StepPass, BlockCost>>
  readonly #computeJitter: Jitter
  readonly #linkJitter: Jitter
  readonly #slowDown: Float64Array
  readonly #nodeOf: Int32Array
  /** By level: bytes per ns, which is GB/s, infinite where transfers take no time; and latency. */
  readonly #bandwidth: Float64Array
  readonly #latencyNs: Float64Array
  readonly #outletFreeNs: Float64Array
  readonly #inletFreeNs: Float64Array
  readonly #moves: PendingMoves
  /** The step that each rank is in; the number of steps when it has finished. */
  readonly #step: Int32Array
  /** By step * world + rank: moves not over that the step settles, and the latest end known of what it waits for. */
  readonly #open: Int32Array
  readonly #leaveNs: Float64Array
  readonly #barrier: boolean
  #atBarrier = 0
  #barrierNs = 0
  readonly #mortal: { readonly rank: number; readonly step: number } | null
  #death: SimulatedDeath | null = null
  #finished = 0
  #latestNs = 0
  /** Idle time before a step's block, and that before the first one's. */
  readonly #stepNs: number
  readonly #startNs: number
  /** What finishing a pass takes after each step: 0 but after its last block. */
  readonly #finishNs: Float64Array
  readonly #rendezvousNs: number
  readonly #stepJitter: Jitter
  readonly #startJitter: Jitter
  readonly #rendezvousJitter: Jitter
  // Of the step that is being told.
  #rank = 0
  #postNs = 0
  readonly #times = { enterNs: 0, beginNs: 0, attendEndNs: 0, blockEndNs: 0, computeEndNs: 0 }

  constructor(plan: Plan, { cluster, disturbance, overlap, stragglers }: Circumstances, observer: SimulationObserver) {
    const { world, stepCount } = plan
    const { intra, inter, ranksPerNode, runtime } = cluster
    this.#plan = plan
    this.#observer = observer
    this.#overlap = overlap
    this.#costs = { forward: blockCost(plan, cluster, 'forward'), backward: blockCost(plan, cluster, 'backward') }
    this.#computeJitter = new Jitter('compute', Math.hypot(disturbance.computeJitter, cluster.runtime?.jitter?.compute ?? 0), disturbance.seed)
    this.#linkJitter = new Jitter('link', disturbance.linkJitter, disturbance.seed)
    this.#slowDown = Float64Array.from({ length: world }, (_, rank) => stragglers[String(rank)] ?? 1)
    this.#nodeOf = Int32Array.from({ length: world }, (_, rank) => (ranksPerNode === null ? 0 : Math.floor(rank / ranksPerNode)))
    const levels: (LinkModel | null)[] = [intra, inter]
    this.#bandwidth = Float64Array.from(levels, (link) => link?.bandwidthGBps ?? Number.POSITIVE_INFINITY)
    this.#latencyNs = Float64Array.from(levels, (link) => (link?.latencyUs ?? 0) * 1000)
    const rowItems = plan.computeTokens * plan.geometry.batch * (plan.basis.config.heads / plan.geometry.degree)
    this.#stepNs = (runtime?.stepUs ?? 0) * 1000
    this.#startNs = (runtime?.startUs ?? 0) * 1000 + (runtime?.startRowNs ?? 0) * rowItems
    this.#finishNs = finishingSteps(plan).map((finishes) => finishes * rowItems * (runtime?.finishRowNs ?? 0))
    this.#rendezvousNs = (runtime?.rendezvousUs ?? 0) * 1000
    this.#stepJitter = new Jitter('step', runtime?.jitter?.step ?? 0, disturbance.seed)
    this.#startJitter = new Jitter('start', runtime?.jitter?.start ?? 0, disturbance.seed)
    this.#rendezvousJitter = new Jitter('rendezvous', runtime?.jitter?.rendezvous ?? 0, disturbance.seed)
    this.#outletFreeNs = new Float64Array(world * LEVELS)
    this.#inletFreeNs = new Float64Array(world * CHANNELS.length)
    this.#moves = new PendingMoves(world, plan.hopNumbers)
    this.#step = new Int32Array(world)
    this.#open = new Int32Array(world * stepCount)
    this.#leaveNs = new Float64Array(world * stepCount)
    this.#barrier = disturbance.progress === 'barrier'
    this.#mortal = disturbance.death
  }

  run(): Evaluated {
    const { world } = this.#plan
    for (let rank = 0; rank < world; rank++) this.#enter(rank, 0, 0)
    for (;;) {
      if (this.#atBarrier === world) {
        this.#openBarrier()
        continue
      }
      const move = this.#moves.next()
      if (move < 0) break
      this.#begin(move)
    }
    if (this.#finished < world && this.#death === null) {
      const rank = this.#step.findIndex((step) => step < this.#plan.stepCount)
      throw unworkable(this.#plan, this.#moves.halves(), { rank, step: this.#step[rank] })
    }
    return { makespanNs: this.#latestNs, death: this.#death }
  }

  block(step: number, pass: StepPass, _stage: StepPlan['stage'], query: number, key: number): void {
    const rank = this.#rank
    const costNs = query < 0 ? 0 : this.#costs[pass](this.#plan.ranks[rank].seat.set, query, key)
    const attendNs = costNs * this.#computeJitter.factor(rank, step)
    const times = this.#times
    // The first step's moves are posted once the rank has made itself ready.
    const readyNs = times.enterNs + (step === 0 ? this.#startNs * this.#startJitter.factor(rank, 0) : 0)
    times.beginNs = readyNs + this.#stepNs * this.#stepJitter.factor(rank, step)
    times.attendEndNs = times.beginNs + attendNs
    times.blockEndNs = times.beginNs + attendNs * this.#slowDown[rank]
    times.computeEndNs = times.blockEndNs + this.#finishNs[step]
    this.#postNs = this.#overlap ? readyNs : times.computeEndNs
  }

  work(_work: PlannedWork): void {}

  fold(_fold: Fold): void {}

  move(direction: 'send' | 'recv', channel: Channel, _payload: Payload, peer: number, _owner: number, bytes: number, hop: number,
    _place: Place, settleStep: number): void {
    const rank = this.#rank
    const step = this.#step[rank]
    const settling = this.#overlap ? settleStep : step
    this.#open[settling * this.#plan.world + rank]++
    this.#moves.post(direction === 'send', rank, peer, CHANNEL_CODE[channel], hop, bytes, step, settling, this.#postNs)
  }

  /** Takes a rank into a step and on to the first that has to wait for something not known yet. */
  #enter(rank: number, firstStep: number, firstNs: number): void {
    const { world, stepCount } = this.#plan
    let enterNs = firstNs
    for (let step = firstStep; ; step++) {
      this.#step[rank] = step
      if (step === stepCount) {
        this.#finished++
        return
      }
      if (this.#mortal !== null && this.#mortal.rank === rank && this.#mortal.step === step) {
        this.#death = { rank, step, timeNs: enterNs }
        return
      }
      this.#rank = rank
      this.#times.enterNs = enterNs
      this.#plan.emitStep(rank, step, this)
      this.#observer.entered(rank, step, this.#times)
      const { computeEndNs } = this.#times
      if (computeEndNs > this.#latestNs) this.#latestNs = computeEndNs
      const at = step * world + rank
      if (computeEndNs > this.#leaveNs[at]) this.#leaveNs[at] = computeEndNs
      if (this.#open[at] > 0 || !this.#leave(rank, step)) return
      enterNs = this.#leaveNs[at]
    }
  }

  /** @returns whether the rank goes on at once; else it waits for the others at the barrier. */
  #leave(rank: number, step: number): boolean {
    const leaveNs = this.#leaveNs[step * this.#plan.world + rank]
    this.#observer.left(rank, step, leaveNs)
    if (!this.#barrier || step === this.#plan.stepCount - 1) return true
    this.#atBarrier++
    if (leaveNs > this.#barrierNs) this.#barrierNs = leaveNs
    return false
  }

  /** Not where the last rank arrives at it, but when that is dealt with: every rank may come and go many times in one event. */
  #openBarrier(): void {
    const [step, timeNs] = [this.#step[0] + 1, this.#barrierNs]
    this.#atBarrier = 0
    this.#barrierNs = 0
    for (let rank = 0; rank < this.#plan.world; rank++) this.#enter(rank, step, timeNs)
  }

  #isLost(sender: number, receiver: number, readyNs: number): boolean {
    const death = this.#death
    return death !== null && readyNs >= death.timeNs && (sender === death.rank || receiver === death.rank)
  }

  /** Nothing else can be ready before it any more: the move takes its wire, and its times are known. */
  #begin(move: number): void {
    const moves = this.#moves
    const hop = moves.hop(move)
    const sender = moves.sender(move)
    const receiver = moves.receiver(move)
    const readyNs = moves.readyNs(move)
    const bytes = moves.bytes(move)
    if (this.#isLost(sender, receiver, readyNs)) return
    const level = this.#nodeOf[sender] === this.#nodeOf[receiver] ? 0 : 1
    const outlet = sender * LEVELS + level
    const inlet = moves.inlet(move)
    const factor = this.#linkJitter.factor(hop, 0)
    const wireNs = (bytes / this.#bandwidth[level]) * factor
    const startNs = Math.max(readyNs + this.#rendezvousNs * this.#rendezvousJitter.factor(hop, 0), this.#outletFreeNs[outlet])
    const sentNs = startNs + wireNs
    const arrivingNs = Math.max(startNs + this.#latencyNs[level] * factor, this.#inletFreeNs[inlet])
    const arrivedNs = arrivingNs + wireNs
    this.#outletFreeNs[outlet] = sentNs
    this.#inletFreeNs[inlet] = arrivedNs
    if (arrivedNs > this.#latestNs) this.#latestNs = arrivedNs
    this.#observer.moved(hop, sender, receiver, bytes, readyNs, startNs, sentNs, arrivingNs, arrivedNs)
    const sendSettledAt = moves.sendSettledAt(move)
    const recvSettledAt = moves.recvSettledAt(move)
    moves.begin(move)
    this.#settle(sender, sendSettledAt, sentNs)
    this.#settle(receiver, recvSettledAt, arrivedNs)
  }

  #settle(rank: number, step: number, timeNs: number): void {
    const at = step * this.#plan.world + rank
    if (timeNs > this.#leaveNs[at]) this.#leaveNs[at] = timeNs
    if (--this.#open[at] > 0 || this.#step[rank] !== step || this.#death?.rank === rank && this.#death.step === step) return
    if (this.#leave(rank, step)) this.#enter(rank, step + 1, this.#leaveNs[at])
  }
}
