import { flopsPerPairIn, type Move, type Plan } from '../../kernels/plan/plan.ts'
import { type Channel, CHANNELS } from '../../kernels/timeline/categories.ts'
import { wireClassOf } from '../../kernels/transport/emulatedLink.ts'

/** Outgoing wires of a rank: one for each class of channels. */
export const WIRES = 2

/** Place of a channel among a rank's channels, and of the wire that it leaves by among its wires. */
const CHANNEL_CODE = Object.fromEntries(CHANNELS.map((channel, code) => [channel, code])) as Readonly<Record<Channel, number>>
const WIRE_CODE = Object.fromEntries(CHANNELS.map((channel) => [channel, wireClassOf(channel) === 'inner' ? 0 : 1])) as Readonly<Record<Channel, number>>

/** Fields of a move in {@link PlanColumns.moves}. What refers to a step or a move is one more than its number: 0 is none. */
export const MOVE = {
  /** The wire by which it leaves: sender * WIRES + class. */
  outlet: 0,
  /** The channel by which it arrives: receiver * CHANNELS.length + channel. */
  inlet: 1,
  /** Steps at whose end the sender and the receiver settle it. */
  sendSettledAt: 2, recvSettledAt: 3,
  /** The move that follows on the same channel of the sender, and of the receiver. */
  nextSend: 4, nextRecv: 5,
  /** How many things must happen before it can begin: both ends post it, and those before it have begun. */
  awaited: 6,
} as const
export const MOVE_FIELDS = 8

/**
 * A plan as arrays: objects read in the order of events cost more than all else. Steps are numbered rank * stepCount + step,
 * moves by {@link moveNumbering}.
 */
export interface PlanColumns {
  /** Floating point operations of a step. */
  readonly flops: Float64Array
  /** The moves that a step posts are `posted[postedFrom[step]]` up to `posted[postedFrom[step + 1] - 1]`. */
  readonly postedFrom: Int32Array
  readonly posted: Int32Array
  /** Number of move ends that a step settles. */
  readonly settledBy: Int32Array
  readonly moveOf: (hop: number) => number
  /** Bytes of a move. */
  readonly bytes: Float64Array
  /** The other facts of a move, at move * MOVE_FIELDS + field. */
  readonly moves: Int32Array
}

/** A plan whose moves do not fit together, or wait for each other in a circle. */
export class UnworkablePlanError extends Error {
  override readonly name = 'UnworkablePlanError'
}

/**
 * Numbers moves by their hops, in another order: hop numbers count senders fastest, and a sender's moves a memory page from
 * each other take several times as long to read and write as ones side by side. Right for any hop numbers.
 */
export function moveNumbering({ world, hopNumbers }: Plan): { readonly moveOf: (hop: number) => number; readonly moveNumbers: number } {
  const perSender = Math.ceil(hopNumbers / world)
  return { moveOf: (hop) => (hop % world) * perSender + Math.floor(hop / world), moveNumbers: perSender * world }
}

const emptyColumns = (plan: Plan, { world, stepCount } = plan, { moveOf, moveNumbers } = moveNumbering(plan)): PlanColumns => ({
  moveOf,
  flops: new Float64Array(world * stepCount), postedFrom: new Int32Array(world * stepCount + 1),
  posted: new Int32Array(2 * moveNumbers), settledBy: new Int32Array(world * stepCount),
  bytes: new Float64Array(moveNumbers), moves: new Int32Array(moveNumbers * MOVE_FIELDS),
})

/**
 * Reads a plan into columns, both ends of every move together.
 * @param settleAtOnce without overlap moves are settled in the step that posts them, whatever the plan says.
 * @throws UnworkablePlanError where a move has not exactly one end at each of its ranks.
 */
export function planColumns(plan: Plan, settleAtOnce: boolean): PlanColumns {
  const { stepCount } = plan
  const columns = emptyColumns(plan)
  const { flops, postedFrom, posted, settledBy, bytes, moves, moveOf } = columns
  const lastSend = new Int32Array(CHANNELS.length)
  const lastRecv = new Int32Array(CHANNELS.length)
  let count = 0

  /** Takes in one end of a move. */
  const post = (rank: number, step: number, move: Move, sends: boolean): void => {
    const { channel, peer, hop, settleStep } = move
    const [sender, receiver] = sends ? [rank, peer] : [peer, rank]
    const index = moveOf(hop)
    const at = index * MOVE_FIELDS
    const outlet = sender * WIRES + WIRE_CODE[channel]
    const inlet = receiver * CHANNELS.length + CHANNEL_CODE[channel]
    const settledAt = at + (sends ? MOVE.sendSettledAt : MOVE.recvSettledAt)
    const isNew = moves[at + MOVE.awaited] === 0
    if (moves[settledAt] !== 0 || (!isNew && (moves[at + MOVE.outlet] !== outlet || moves[at + MOVE.inlet] !== inlet))) {
      throw new UnworkablePlanError(`hop ${hop} of rank ${rank} and rank ${peer} at step ${step} has other or more ends elsewhere`)
    }
    moves[at + MOVE.outlet] = outlet
    moves[at + MOVE.inlet] = inlet
    const settling = rank * stepCount + (settleAtOnce ? step : settleStep)
    moves[settledAt] = settling + 1
    settledBy[settling]++
    posted[count++] = index
    const last = sends ? lastSend : lastRecv
    const before = last[CHANNEL_CODE[channel]]
    last[CHANNEL_CODE[channel]] = index + 1
    moves[at + MOVE.awaited] += before === 0 ? 1 : 2
    if (before !== 0) moves[(before - 1) * MOVE_FIELDS + (sends ? MOVE.nextSend : MOVE.nextRecv)] = index + 1
  }

  for (const { rank, steps } of plan.ranks) {
    lastSend.fill(0)
    lastRecv.fill(0)
    for (const { step, pass, pairs, sends, recvs } of steps) {
      const at = rank * stepCount + step
      flops[at] = pairs * flopsPerPairIn(plan, pass)
      for (const move of sends) {
        bytes[moveOf(move.hop)] = move.bytes
        post(rank, step, move, true)
      }
      for (const move of recvs) post(rank, step, move, false)
      postedFrom[at + 1] = count
    }
  }
  for (let index = 0; index < count; index++) {
    const at = posted[index] * MOVE_FIELDS
    if (moves[at + MOVE.sendSettledAt] !== 0 && moves[at + MOVE.recvSettledAt] !== 0) continue
    const sender = Math.floor(moves[at + MOVE.outlet] / WIRES)
    const receiver = Math.floor(moves[at + MOVE.inlet] / CHANNELS.length)
    throw new UnworkablePlanError(moves[at + MOVE.sendSettledAt] === 0
      ? `rank ${receiver} expects a block from rank ${sender}, which does not send it`
      : `rank ${sender} sends a block to rank ${receiver}, which does not expect it`)
  }
  return columns
}
