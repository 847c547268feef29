import { CHANNELS } from '../../kernels/timeline/categories.ts'
import { EventQueue } from './eventQueue.ts'
import { type HalfMove, UnworkablePlanError } from './unworkablePlan.ts'

const FIRST_CAPACITY = 4096
/**
 * A move's record is one line of a cache: an all-to-all of a thousand ranks has a million moves pending, in no order that a
 * processor foresees. Whole numbers at place * FIELDS + field, then times and bytes at place * FLOAT_FIELDS + field. A place
 * is that of a move in these records, given anew when it has begun.
 */
const RECORD_BYTES = 64
const FIELDS = RECORD_BYTES / Int32Array.BYTES_PER_ELEMENT
const FLOAT_FIELDS = RECORD_BYTES / Float64Array.BYTES_PER_ELEMENT
const HOP = 0, SENDER = 1, RECEIVER = 2, CHANNEL = 3
/** Steps at whose end the sender and the receiver settle it; -1 while that end is not posted. */
const SEND_SETTLED_AT = 4, RECV_SETTLED_AT = 5
/** Place of the move that follows on the same channel of the sender, and of the receiver; -1 for none. */
const NEXT_SEND = 6, NEXT_RECV = 7
/** How many things must happen before it can begin: both ends post it, and those before it have begun. */
const AWAITED = 8
/** Behind the whole numbers. */
const BYTES = 5, READY_NS = 6

/**
 * Moves that were posted at one end or both and have not begun. Few at a time, however long the plan: a ring's ranks have two
 * each. Places of moves that have begun are used again, so that what is read and written stays in the cache.
 */
export class PendingMoves {
  /** By hop, the place above by one; 0 for a move that is not pending. */
  readonly #placeAbove: Int32Array
  readonly #lastSend: Int32Array
  readonly #lastRecv: Int32Array
  #facts = new Int32Array(FIRST_CAPACITY * FIELDS)
  /** The same memory. */
  #floats = new Float64Array(this.#facts.buffer)
  #free: number[] = []
  #used = 0
  /** Hops of moves that nothing keeps from beginning. Of moves that are ready together the lower hop goes first. */
  readonly #ready = new EventQueue()

  constructor(world: number, hopNumbers: number) {
    this.#placeAbove = new Int32Array(hopNumbers)
    this.#lastSend = new Int32Array(world * CHANNELS.length).fill(-1)
    this.#lastRecv = new Int32Array(world * CHANNELS.length).fill(-1)
  }

  /**
   * One end posts its move.
   * @param channel its number in CHANNELS.
   * @throws UnworkablePlanError where the ends do not fit together.
   */
  post(isSend: boolean, rank: number, peer: number, channel: number, hop: number, bytes: number, step: number, settleStep: number, timeNs: number): void {
    const sender = isSend ? rank : peer
    const receiver = isSend ? peer : rank
    let place = this.#placeAbove[hop] - 1
    if (place < 0) place = this.#open(hop, sender, receiver, channel, bytes)
    const facts = this.#facts
    const at = place * FIELDS
    const settledAt = at + (isSend ? SEND_SETTLED_AT : RECV_SETTLED_AT)
    if (facts[settledAt] >= 0 || facts[at + SENDER] !== sender || facts[at + RECEIVER] !== receiver || facts[at + CHANNEL] !== channel) {
      throw new UnworkablePlanError(`hop ${hop} of rank ${rank} and rank ${peer} at step ${step} has other or more ends elsewhere`)
    }
    facts[settledAt] = settleStep
    const lasts = isSend ? this.#lastSend : this.#lastRecv
    const queue = rank * CHANNELS.length + channel
    const last = lasts[queue]
    lasts[queue] = place
    if (last >= 0) {
      facts[last * FIELDS + (isSend ? NEXT_SEND : NEXT_RECV)] = place
      facts[at + AWAITED]++
    }
    this.#happened(place, timeNs)
  }

  /** Takes out the move that is ready first. @returns its place; -1 where none is ready. */
  next(): number {
    const hop = this.#ready.pop()
    return hop < 0 ? -1 : this.#placeAbove[hop] - 1
  }

  hop(place: number): number {
    return this.#facts[place * FIELDS + HOP]
  }

  sender(place: number): number {
    return this.#facts[place * FIELDS + SENDER]
  }

  receiver(place: number): number {
    return this.#facts[place * FIELDS + RECEIVER]
  }

  /** The channel by which it arrives: receiver * CHANNELS.length + channel. */
  inlet(place: number): number {
    return this.#facts[place * FIELDS + RECEIVER] * CHANNELS.length + this.#facts[place * FIELDS + CHANNEL]
  }

  sendSettledAt(place: number): number {
    return this.#facts[place * FIELDS + SEND_SETTLED_AT]
  }

  recvSettledAt(place: number): number {
    return this.#facts[place * FIELDS + RECV_SETTLED_AT]
  }

  bytes(place: number): number {
    return this.#floats[place * FLOAT_FIELDS + BYTES]
  }

  /** When both ends had posted it and those before it had begun. */
  readyNs(place: number): number {
    return this.#floats[place * FLOAT_FIELDS + READY_NS]
  }

  /** A move begins: those behind it on its channels no longer wait for it, and its place is free. */
  begin(place: number): void {
    const facts = this.#facts
    const at = place * FIELDS
    const readyNs = this.readyNs(place)
    const channel = facts[at + CHANNEL]
    const sends = facts[at + SENDER] * CHANNELS.length + channel
    const recvs = facts[at + RECEIVER] * CHANNELS.length + channel
    if (this.#lastSend[sends] === place) this.#lastSend[sends] = -1
    if (this.#lastRecv[recvs] === place) this.#lastRecv[recvs] = -1
    const nextSend = facts[at + NEXT_SEND]
    const nextRecv = facts[at + NEXT_RECV]
    this.#placeAbove[facts[at + HOP]] = 0
    this.#free.push(place)
    if (nextSend >= 0) this.#happened(nextSend, readyNs)
    if (nextRecv >= 0) this.#happened(nextRecv, readyNs)
  }

  /** Moves of which one end was posted. */
  * halves(): Generator<HalfMove> {
    for (const above of this.#placeAbove) {
      if (above === 0) continue
      const place = above - 1
      const [sent, awaited] = [this.sendSettledAt(place) >= 0, this.recvSettledAt(place) >= 0]
      if (sent && !awaited) yield { hop: this.hop(place), direction: 'send', rank: this.sender(place), peer: this.receiver(place) }
      if (awaited && !sent) yield { hop: this.hop(place), direction: 'recv', rank: this.receiver(place), peer: this.sender(place) }
    }
  }

  #open(hop: number, sender: number, receiver: number, channel: number, bytes: number): number {
    const place = this.#free.pop() ?? this.#used++
    if (place * FIELDS === this.#facts.length) this.#grow()
    const facts = this.#facts
    const at = place * FIELDS
    facts[at + HOP] = hop
    facts[at + SENDER] = sender
    facts[at + RECEIVER] = receiver
    facts[at + CHANNEL] = channel
    facts[at + SEND_SETTLED_AT] = -1
    facts[at + RECV_SETTLED_AT] = -1
    facts[at + NEXT_SEND] = -1
    facts[at + NEXT_RECV] = -1
    facts[at + AWAITED] = 2
    this.#floats[place * FLOAT_FIELDS + BYTES] = bytes
    this.#floats[place * FLOAT_FIELDS + READY_NS] = 0
    this.#placeAbove[hop] = place + 1
    return place
  }

  /** Something that a move waits for is so from a time on. */
  #happened(place: number, timeNs: number): void {
    const readyAt = place * FLOAT_FIELDS + READY_NS
    if (timeNs > this.#floats[readyAt]) this.#floats[readyAt] = timeNs
    const at = place * FIELDS
    if (--this.#facts[at + AWAITED] === 0) this.#ready.push(this.#floats[readyAt], this.#facts[at + HOP])
  }

  #grow(): void {
    const facts = new Int32Array(2 * this.#facts.length)
    facts.set(this.#facts)
    this.#facts = facts
    this.#floats = new Float64Array(facts.buffer)
  }
}
