import type { RankArena } from '../../backends/arena.ts'
import { segmentsOf, type Segment } from '../../backends/segments.ts'
import type { Move, StepPass } from '../../plan/plan.ts'
import { decodeSegments, encodeOwnKv } from '../../transport/bfloat16.ts'
import type { Mover, PostedMoves, SettledMove } from '../mover.ts'
import type { RankSchedule } from '../schedule.ts'

/** A plan or a loop that breaks the rules of moves. */
export class MoveRuleError extends Error {
  override readonly name = 'MoveRuleError'
}

/** What unwritten memory holds: NaN in every type that travels. */
const POISON = 0xff

interface NetworkRank {
  readonly schedule: RankSchedule
  readonly arena: RankArena
}

/** A move that is posted. */
interface PostedMove {
  readonly rank: number
  readonly iteration: number
  readonly direction: 'send' | 'recv'
  readonly move: Move
  readonly segments: readonly Segment[]
  /** What a send's block held when it was posted. */
  readonly snapshot: Uint8Array | null
  delivered: boolean
}

/** A block that was carried. */
export interface DeliveredMove {
  readonly from: number
  readonly pass: StepPass
  readonly move: Move
}

interface Extent {
  readonly byteOffset: number
  readonly byteLength: number
}

const overlaps = (a: Extent, b: Extent): boolean =>
  a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength

/** Everything that a segment touches: its bytes, and the floats that they stand for. */
const extentsOf = (segments: readonly Segment[]): Extent[] => segments.flatMap(({ byteOffset, bytes, floatsByteOffset }) => [
  { byteOffset, byteLength: bytes },
  ...(floatsByteOffset === null ? [] : [{ byteOffset: floatsByteOffset, byteLength: 2 * bytes }]),
])

const nameOf = ({ rank, direction, iteration, move: { channel, payload, peer, hop, bytes } }: PostedMove): string =>
  `rank ${rank}: ${direction} of hop ${hop} (${payload}, ${bytes} B) on ${channel} ${direction === 'send' ? 'to' : 'from'} rank ${peer}, iteration ${iteration}`

/**
 * Carries blocks between ranks of one process by the rules of {@link Mover}, as late as they allow: a block is copied when
 * the first of its two ends settles. Until then its target is poisoned, so that whoever reads it computes NaN, and both
 * ends are watched: a source that changes or a target that is written under way is an error, as are ends that disagree,
 * channels whose two ends have different orders, and ranks that wait for each other.
 */
export class MemoryNetwork {
  readonly delivered: DeliveredMove[] = []
  readonly #ranks: readonly NetworkRank[]
  readonly #passes: readonly ReadonlyMap<Move, StepPass>[]
  /** By rank, channel and direction, in the order of posting; delivered ones leave. */
  readonly #queues = new Map<string, PostedMove[]>()
  /** Posted and not settled, by rank. */
  readonly #outstanding: PostedMove[][]
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>()
  readonly #finished = new Set<number>()
  #failure: Error | null = null

  constructor(ranks: readonly NetworkRank[]) {
    this.#ranks = ranks
    this.#passes = ranks.map(({ schedule }) => new Map(schedule.steps.flatMap(({ plan: { pass, sends, recvs } }) =>
      [...sends, ...recvs].map((move) => [move, pass] as const))))
    this.#outstanding = ranks.map(() => [])
  }

  mover(rank: number): Mover {
    return {
      publish: () => {
        if (this.#passes[rank].size > 0) encodeOwnKv(this.#ranks[rank].arena.home)
        return Promise.resolve()
      },
      post: (moves) => { this.#post(rank, moves) },
      settle: (step, now) => this.#settle(rank, step, now),
    }
  }

  /** Before an iteration of all ranks. */
  start(): void {
    this.#finished.clear()
  }

  /** When a rank's iteration is over. @throws MoveRuleError for moves that it posted and never settled */
  finish(rank: number): void {
    const [left] = this.#outstanding[rank]
    if (left !== undefined) throw new MoveRuleError(`never settled: ${nameOf(left)}`)
    this.#finished.add(rank)
    this.#checkDeadlock()
  }

  /** Ends everybody's wait. */
  fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
    this.#wakeAll()
  }

  /** @throws MoveRuleError when a rank that computes touches memory that is under way */
  checkAccess(rank: number, what: string, reads: readonly Extent[], writes: readonly Extent[]): void {
    for (const posted of this.#outstanding[rank]) {
      const under = extentsOf(posted.segments)
      const touched = posted.direction === 'recv' ? [...reads, ...writes] : writes
      if (touched.some((extent) => under.some((other) => extent.byteLength > 0 && overlaps(extent, other)))) {
        throw new MoveRuleError(`${what} touches a block under way: ${nameOf(posted)}`)
      }
    }
  }

  #bytes(rank: number): Uint8Array {
    return new Uint8Array(this.#ranks[rank].arena.memory.buffer)
  }

  #read({ rank, segments }: Pick<PostedMove, 'rank' | 'segments'>): Uint8Array {
    const memory = this.#bytes(rank)
    const block = new Uint8Array(segments.reduce((sum, { bytes }) => sum + bytes, 0))
    let at = 0
    for (const { byteOffset, bytes } of segments) {
      block.set(memory.subarray(byteOffset, byteOffset + bytes), at)
      at += bytes
    }
    return block
  }

  #queue({ rank, move: { channel }, direction }: Pick<PostedMove, 'rank' | 'move' | 'direction'>): PostedMove[] {
    const key = `${rank} ${channel} ${direction}`
    const queue = this.#queues.get(key) ?? []
    this.#queues.set(key, queue)
    return queue
  }

  #post(rank: number, { iteration, sends, recvs }: PostedMoves): void {
    const { arena } = this.#ranks[rank]
    for (const [direction, moves] of [['recv', recvs], ['send', sends]] as const) {
      for (const move of moves) {
        const pass = this.#passes[rank].get(move)
        if (pass === undefined) throw new MoveRuleError(`rank ${rank} posted hop ${move.hop}, which is not in its plan`)
        const segments = segmentsOf(arena, move.place, move.payload, pass)
        const snapshot = direction === 'send' ? this.#read({ rank, segments }) : null
        const posted: PostedMove = { rank, iteration, direction, move, segments, snapshot, delivered: false }
        const held = segments.reduce((sum, { bytes }) => sum + bytes, 0)
        if (held !== move.bytes) throw new MoveRuleError(`a block of ${held} B lies there: ${nameOf(posted)}`)
        const target = extentsOf(segments)
        for (const other of this.#outstanding[rank]) {
          if (direction === 'send' && other.direction === 'send') continue
          if (extentsOf(other.segments).some((extent) => target.some((own) => overlaps(own, extent)))) {
            throw new MoveRuleError(`two moves share memory: ${nameOf(posted)}; ${nameOf(other)}`)
          }
        }
        if (direction === 'recv') {
          for (const { byteOffset, byteLength } of target) this.#bytes(rank).fill(POISON, byteOffset, byteOffset + byteLength)
        }
        this.#queue(posted).push(posted)
        this.#outstanding[rank].push(posted)
      }
    }
    this.#wakeAll()
  }

  async #settle(rank: number, step: number, now: () => number): Promise<SettledMove[]> {
    const due = this.#outstanding[rank].filter(({ move }) => move.settleStep <= step)
    this.#throwFailure()
    while (!this.#deliver(due)) {
      const turn = Promise.withResolvers<void>()
      this.#waiting.set(rank, turn)
      this.#checkDeadlock()
      await turn.promise
      this.#throwFailure()
    }
    this.#outstanding[rank] = this.#outstanding[rank].filter((posted) => !due.includes(posted))
    for (const posted of due) this.#checkSource(posted)
    const atNs = now()
    return due.map(({ direction, move }): SettledMove => direction === 'send'
      ? { direction, move, times: { startNs: atNs, endNs: atNs } }
      : { direction, move, times: { senderStartNs: atNs, startNs: atNs, endNs: atNs } })
  }

  /** Carries what is wanted and can be, with what goes before it on its channels. @returns whether all of it is over */
  #deliver(wanted: readonly PostedMove[]): boolean {
    const needed = new Set(wanted.filter(({ delivered }) => !delivered))
    for (const posted of needed) {
      const queue = this.#queue(posted)
      for (const earlier of queue.slice(0, queue.indexOf(posted))) needed.add(earlier)
      const other = this.#otherEnd(posted)
      if (other !== undefined) needed.add(other)
    }
    for (let carried = true; carried;) {
      carried = false
      for (const sent of needed) {
        if (sent.delivered || sent.direction === 'recv' || this.#queue(sent)[0] !== sent) continue
        const received = this.#otherEnd(sent)
        if (received === undefined || this.#queue(received)[0] !== received) continue
        this.#carry(sent, received)
        carried = true
      }
    }
    return wanted.every(({ delivered }) => delivered)
  }

  #otherEnd({ direction, move: { channel, peer, hop }, iteration }: PostedMove): PostedMove | undefined {
    const other = direction === 'send' ? 'recv' : 'send'
    return this.#queues.get(`${peer} ${channel} ${other}`)?.find((posted) => posted.move.hop === hop && posted.iteration === iteration)
  }

  #carry(sent: PostedMove, received: PostedMove): void {
    const agree = sent.move.peer === received.rank && received.move.peer === sent.rank && sent.move.payload === received.move.payload &&
      sent.move.bytes === received.move.bytes && sent.move.owner === received.move.owner
    if (!agree) throw new MoveRuleError(`two ends disagree: ${nameOf(sent)}; ${nameOf(received)}`)
    this.#checkSource(sent)
    const memory = this.#bytes(received.rank)
    for (const { byteOffset, byteLength } of extentsOf(received.segments)) {
      if (memory.subarray(byteOffset, byteOffset + byteLength).some((byte) => byte !== POISON)) {
        throw new MoveRuleError(`its place was written while it was under way: ${nameOf(received)}`)
      }
    }
    const block = this.#read(sent)
    let at = 0
    for (const { byteOffset, bytes } of received.segments) {
      memory.set(block.subarray(at, at + bytes), byteOffset)
      at += bytes
    }
    decodeSegments(memory.buffer, received.segments)
    for (const posted of [sent, received]) {
      posted.delivered = true
      this.#queue(posted).shift()
    }
    this.delivered.push({ from: sent.rank, pass: this.#passes[sent.rank].get(sent.move) ?? 'forward', move: sent.move })
    this.#wakeAll()
  }

  #checkSource(posted: PostedMove): void {
    if (posted.snapshot === null) return
    if (Buffer.compare(this.#read(posted), posted.snapshot) !== 0) throw new MoveRuleError(`its block changed while it was under way: ${nameOf(posted)}`)
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure
  }

  #wakeAll(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { resolve } of waiting) resolve()
  }

  #checkDeadlock(): void {
    if (this.#waiting.size === 0 || this.#waiting.size + this.#finished.size < this.#ranks.length) return
    const stuck = this.#outstanding.flat().filter(({ delivered }) => !delivered).map(nameOf)
    this.fail(new MoveRuleError(`every rank waits for another: ${stuck.join('; ')}`))
  }
}
