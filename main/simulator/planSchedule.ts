import type { Plan } from '../../kernels/plan/plan.ts'
import { CHANNELS } from '../../kernels/timeline/categories.ts'
import { EventQueue } from './eventQueue.ts'
import { MOVE, MOVE_FIELDS, moveNumbering, type PlanColumns, planColumns, UnworkablePlanError, WIRES } from './planColumns.ts'

/** What a rank and its outgoing links do per second. */
export interface SimulationRates {
  /** Attention rate of each rank, in GFLOP/s (one operation per ns). */
  readonly gflopsPerRank: number
  /** Null: moves take no time. */
  readonly link: { readonly bandwidthGBps: number; readonly latencyUs: number } | null
}

/** Times of one iteration, ns from its start, not rounded. */
export interface PlanSchedule {
  readonly plan: Plan
  /** Of each rank's steps, indexed by {@link PlanSchedule.at}. */
  readonly steps: {
    /** When the rank begins the step: what earlier steps settle is settled. */
    readonly enterNs: Float64Array
    /** End of the attention proper, before a straggler's delay. */
    readonly attendEndNs: Float64Array
    readonly computeEndNs: Float64Array
    /** When the moves that the step settles are over as well, and the next step begins. */
    readonly leaveNs: Float64Array
  }
  /** Of each move, indexed by {@link PlanSchedule.moveOf}. */
  readonly moves: {
    /** When both ends had posted it and those before it on the channel had begun: from here only the wire is in the way. */
    readonly readyNs: Float64Array
    /** First byte sent. */
    readonly startNs: Float64Array
    /** Last byte sent: from here the sender may write the memory that it was in. */
    readonly sentNs: Float64Array
    /** First and last byte arrived. */
    readonly arrivingNs: Float64Array
    readonly arrivedNs: Float64Array
  }
  readonly makespanNs: number
  readonly at: (rank: number, step: number) => number
  readonly moveOf: (hop: number) => number
}

/**
 * Evaluates a plan's steps and moves as events in the order of time. Ranks run free of each other:
 * a step posts its moves as it begins (without overlap: when its compute is over), computes, and is left when the moves
 * that it settles are over. A move is ready when both ends have posted it and the moves before it on that channel of the
 * sender and of the receiver have begun. From there it takes the executor's emulated wires
 * (kernels/transport/emulatedLink.ts): it leaves when the sender's wire is free, of several the one that was ready first,
 * its last byte bytes / B after its first; it arrives the latency later, one block at a time on a channel.
 * Folds and copies take no time.
 * O((steps + moves) log ranks) time.
 * @throws UnworkablePlanError for a plan that cannot be carried out.
 */
export function planSchedule(plan: Plan, rates: SimulationRates, overlap: boolean, stragglers: Readonly<Record<string, number>>): PlanSchedule {
  return new Evaluation(plan, rates, overlap, stragglers).run()
}

class Evaluation {
  readonly #plan: Plan
  readonly #overlap: boolean
  readonly #columns: PlanColumns
  /** Operations per ns, which is GFLOP/s. */
  readonly #rate: number
  /** Bytes per ns, which is GB/s; infinite where moves take no time. */
  readonly #bandwidth: number
  readonly #latencyNs: number
  readonly #slowDown: Float64Array
  readonly #enterNs: Float64Array
  readonly #attendEndNs: Float64Array
  readonly #computeEndNs: Float64Array
  /** The latest end known of what the step waits for; final when nothing is left to wait for. */
  readonly #leaveNs: Float64Array
  readonly #startNs: Float64Array
  readonly #sentNs: Float64Array
  readonly #arrivingNs: Float64Array
  readonly #arrivedNs: Float64Array
  /** The latest of what has happened of the things that a move waits for; final when it waits for none. */
  readonly #readyNs: Float64Array
  /** Moves not over that each step settles, and 1 until the rank enters it. */
  readonly #open: Int32Array
  readonly #step: Int32Array
  readonly #outletFreeNs: Float64Array
  readonly #inletFreeNs: Float64Array
  readonly #ready = new EventQueue()

  constructor(plan: Plan, rates: SimulationRates, overlap: boolean, stragglers: Readonly<Record<string, number>>) {
    const { world, stepCount } = plan
    const { link, gflopsPerRank } = rates
    this.#plan = plan
    this.#overlap = overlap
    this.#rate = gflopsPerRank
    this.#bandwidth = link === null ? Number.POSITIVE_INFINITY : link.bandwidthGBps
    this.#latencyNs = link === null ? 0 : link.latencyUs * 1000
    this.#slowDown = Float64Array.from({ length: world }, (_, rank) => stragglers[String(rank)] ?? 1)
    const ofSteps = (): Float64Array => new Float64Array(world * stepCount)
    const ofMoves = (): Float64Array => new Float64Array(moveNumbering(plan).moveNumbers)
    this.#enterNs = ofSteps()
    this.#attendEndNs = ofSteps()
    this.#computeEndNs = ofSteps()
    this.#leaveNs = ofSteps()
    this.#startNs = ofMoves()
    this.#sentNs = ofMoves()
    this.#arrivingNs = ofMoves()
    this.#arrivedNs = ofMoves()
    this.#readyNs = ofMoves()
    this.#step = new Int32Array(world).fill(-1)
    this.#outletFreeNs = new Float64Array(world * WIRES)
    this.#inletFreeNs = new Float64Array(world * CHANNELS.length)
    // Last, since it may be the first to read the plan's steps, which are made then: what is allotted after costs the garbage
    // collector a walk through all of them.
    this.#columns = planColumns(plan, !overlap)
    this.#open = this.#columns.settledBy.map((moves) => moves + 1)
  }

  run(): PlanSchedule {
    const { world, stepCount } = this.#plan
    for (let rank = 0; rank < world; rank++) this.#enter(rank, 0, 0)
    for (let move = this.#ready.pop(); move >= 0; move = this.#ready.pop()) this.#begin(move)
    let makespanNs = 0
    for (let rank = 0; rank < world; rank++) {
      const step = this.#step[rank]
      if (step < stepCount) throw new UnworkablePlanError(`rank ${rank} waits at step ${step} for moves that can never begin`)
      makespanNs = Math.max(makespanNs, this.#leaveNs[(rank + 1) * stepCount - 1])
    }
    return {
      plan: this.#plan,
      steps: { enterNs: this.#enterNs, attendEndNs: this.#attendEndNs, computeEndNs: this.#computeEndNs, leaveNs: this.#leaveNs },
      moves: {
        readyNs: this.#readyNs, startNs: this.#startNs, sentNs: this.#sentNs,
        arrivingNs: this.#arrivingNs, arrivedNs: this.#arrivedNs,
      },
      makespanNs,
      at: (rank, step) => rank * stepCount + step,
      moveOf: this.#columns.moveOf,
    }
  }

  /** Takes a rank into a step and on to the first that has to wait for something not known yet. */
  #enter(rank: number, firstStep: number, firstNs: number): void {
    const { stepCount } = this.#plan
    const { flops, postedFrom, posted } = this.#columns
    let step = firstStep
    let enterNs = firstNs
    for (; step < stepCount; step++) {
      const at = rank * stepCount + step
      const attendNs = flops[at] / this.#rate
      const computeEndNs = enterNs + attendNs * this.#slowDown[rank]
      this.#enterNs[at] = enterNs
      this.#attendEndNs[at] = enterNs + attendNs
      this.#computeEndNs[at] = computeEndNs
      const postNs = this.#overlap ? enterNs : computeEndNs
      for (let index = postedFrom[at]; index < postedFrom[at + 1]; index++) this.#happened(posted[index], postNs)
      if (!this.#isSettled(at, computeEndNs)) break
      enterNs = this.#leaveNs[at]
    }
    this.#step[rank] = step
  }

  /** Something that a step waits for is over at a time. @returns whether it was the last. */
  #isSettled(at: number, timeNs: number): boolean {
    if (timeNs > this.#leaveNs[at]) this.#leaveNs[at] = timeNs
    return --this.#open[at] === 0
  }

  /** Something that a move waits for is so from a time on. */
  #happened(move: number, timeNs: number): void {
    if (timeNs > this.#readyNs[move]) this.#readyNs[move] = timeNs
    if (--this.#columns.moves[move * MOVE_FIELDS + MOVE.awaited] === 0) this.#ready.push(this.#readyNs[move], move)
  }

  /** Nothing else can be ready before it any more: the move takes its wire, and its times are known. */
  #begin(move: number): void {
    const { bytes, moves } = this.#columns
    const at = move * MOVE_FIELDS
    const outlet = moves[at + MOVE.outlet]
    const inlet = moves[at + MOVE.inlet]
    const readyNs = this.#readyNs[move]
    const wireNs = bytes[move] / this.#bandwidth
    const startNs = Math.max(readyNs, this.#outletFreeNs[outlet])
    const sentNs = startNs + wireNs
    const arrivingNs = Math.max(startNs + this.#latencyNs, this.#inletFreeNs[inlet])
    const arrivedNs = arrivingNs + wireNs
    this.#outletFreeNs[outlet] = sentNs
    this.#inletFreeNs[inlet] = arrivedNs
    this.#startNs[move] = startNs
    this.#sentNs[move] = sentNs
    this.#arrivingNs[move] = arrivingNs
    this.#arrivedNs[move] = arrivedNs
    const nextSend = moves[at + MOVE.nextSend]
    const nextRecv = moves[at + MOVE.nextRecv]
    if (nextSend > 0) this.#happened(nextSend - 1, readyNs)
    if (nextRecv > 0) this.#happened(nextRecv - 1, readyNs)
    this.#settle(moves[at + MOVE.sendSettledAt] - 1, sentNs)
    this.#settle(moves[at + MOVE.recvSettledAt] - 1, arrivedNs)
  }

  #settle(at: number, timeNs: number): void {
    if (!this.#isSettled(at, timeNs)) return
    const { stepCount } = this.#plan
    this.#enter(Math.floor(at / stepCount), at % stepCount + 1, this.#leaveNs[at])
  }
}
