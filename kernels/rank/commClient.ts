import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { RankArena } from '../backends/arena.ts'
import { segmentsOf } from '../backends/segments.ts'
import type { Move } from '../plan/plan.ts'
import { encodeOwnKv } from '../transport/bfloat16.ts'
import type { CommFailure, CommSetup, FromComm, MoveOrder, RegisteredMove, ToComm } from '../transport/commMessages.ts'
import { MoveBoard } from '../transport/moveBoard.ts'
import { waitUntil } from '../timeline/preciseWait.ts'
import type { Mover, PostedMoves, SettledMove } from './mover.ts'
import { hopNumber, type RankSchedule } from './schedule.ts'

/** Longest time that the event loop stands still while moves are waited for. */
const LONGEST_SLEEP_MS = 50

/** The communication thread gave up; the run cannot go on. */
export class CommFailedError extends Error {
  override readonly name = 'CommFailedError'
  /** The rank at the other end that is gone, where that is why. */
  readonly lostPeer: number | null
  constructor({ message, lostPeer }: Pick<CommFailure, 'message' | 'lostPeer'>) {
    super(message)
    this.lostPeer = lostPeer
  }
}

/** A plan whose blocks do not have the bytes that it says. */
export class MoveSizeError extends Error {
  override readonly name = 'MoveSizeError'
}

interface PlannedMove {
  readonly direction: 'send' | 'recv'
  readonly move: Move
}

export type CommClientSetup =
  Pick<CommSetup, 'originNs' | 'link' | 'ownAddress' | 'senderAddresses' | 'slotDir' | 'copyThreads' | 'parentPid' | 'ownedFolders'>

/** The compute thread's side of its communication thread. */
export class CommClient implements Mover {
  readonly #worker: Worker
  readonly #arena: RankArena
  readonly #schedule: RankSchedule
  readonly #board: MoveBoard
  readonly #moves: readonly PlannedMove[]
  /** Lines of the board. */
  readonly #indexOf: ReadonlyMap<Move, number>
  readonly #failure = Promise.withResolvers<never>()
  /** Lines of the moves that are posted and not given out, in the order of posting. */
  #outstanding: number[] = []
  #failed = false
  #closing = false
  #expected: { readonly type: FromComm['type']; readonly resolve: () => void } | null = null

  /**
   * @param entry module of the communication thread.
   * @throws MoveSizeError
   */
  constructor(entry: string, setup: CommClientSetup, schedule: RankSchedule, arena: RankArena) {
    this.#arena = arena
    this.#schedule = schedule
    this.#moves = schedule.steps.flatMap(({ plan: { sends, recvs } }): PlannedMove[] => [
      ...recvs.map((move) => ({ direction: 'recv', move }) as const), ...sends.map((move) => ({ direction: 'send', move }) as const),
    ])
    this.#indexOf = new Map(this.#moves.map(({ move }, index) => [move, index]))
    this.#board = new MoveBoard(this.#moves.length)
    this.#failure.promise.catch(() => undefined)
    this.#worker = new Worker(entry, {
      workerData: {
        ...setup, rank: schedule.rank, world: schedule.world, degree: arena.spec.degree,
        // The arena's memory is made shared; its declared type leaves that open.
        memory: arena.memory.buffer as unknown as SharedArrayBuffer,
        moves: registered(schedule, arena),
        board: this.#board.buffer,
        ownKv: segmentsOf(arena, { buffer: 'kv', slot: 0 }, 'kv', 'forward'),
      } satisfies CommSetup,
    })
    this.#worker.on('message', (message: FromComm) => this.#take(message))
    this.#worker.on('error', (error: Error) => this.#fail({ message: `its communication thread broke: ${error.message}`, lostPeer: null }))
    this.#worker.on('exit', (code) => {
      if (!this.#closing) this.#fail({ message: `its communication thread ended (${code})`, lostPeer: null })
    })
  }

  /** Rejects with CommFailedError when the thread gives up; never resolves. */
  get failure(): Promise<never> {
    return this.#failure.promise
  }

  /** @throws CommFailedError */
  listening(): Promise<void> {
    return this.#answer('listening')
  }

  /** @throws CommFailedError */
  connect(): Promise<void> {
    this.#tell({ type: 'connect' })
    return this.#answer('connected')
  }

  /** @throws CommFailedError */
  async publish(): Promise<void> {
    if (this.#moves.length === 0) return
    encodeOwnKv(this.#arena.home)
    this.#tell({ type: 'publish' })
    await this.#answer('published')
  }

  post({ iteration, sends, recvs }: PostedMoves): void {
    const orders = [...recvs, ...sends].map((move): MoveOrder => {
      const index = this.#indexOf.get(move)
      if (index === undefined) throw new RangeError(`hop ${move.hop} on ${move.channel} is not in this rank's plan`)
      this.#board.clear(index)
      this.#outstanding.push(index)
      return { index, hop: hopNumber(this.#schedule, iteration, move.hop) }
    })
    this.#tell({ type: 'post', orders })
  }

  /** @throws CommFailedError */
  async settle(step: number, now: () => number): Promise<readonly SettledMove[]> {
    const due = this.#outstanding.filter((index) => this.#moves[index].move.settleStep <= step)
    if (due.length === 0) return []
    // Those before it are over, so that each is looked at once.
    let over = 0
    const allOver = (): boolean => {
      while (over < due.length && this.#board.isOver(due[over])) over++
      return over === due.length
    }
    while (!allOver()) {
      if (this.#failed || this.#board.hasFailed) await this.#failure.promise
      this.#board.sleep(allOver, LONGEST_SLEEP_MS)
      if (!allOver()) await nextTurn()
    }
    const settled = due.map((index) => this.#settled(index))
    this.#outstanding = this.#outstanding.filter((index) => this.#moves[index].move.settleStep > step)
    await waitUntil(now, Math.max(...settled.map(({ times }) => times.endNs)))
    return settled
  }

  async close(): Promise<void> {
    this.#closing = true
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#tell({ type: 'close' })
    await ended
  }

  #settled(index: number): SettledMove {
    const { direction, move } = this.#moves[index]
    const { readyNs, startNs, endNs } = this.#board.times(index)
    return direction === 'send'
      ? { direction, move, times: { readyNs, startNs, endNs } }
      : { direction, move, times: { senderStartNs: readyNs, startNs, endNs } }
  }

  #tell(message: ToComm): void {
    this.#worker.postMessage(message)
  }

  #answer(type: FromComm['type']): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      this.#expected = { type, resolve }
    })
    return Promise.race([answered, this.#failure.promise])
  }

  #take(message: FromComm): void {
    if (message.type === 'failed') this.#fail(message)
    else if (this.#expected?.type === message.type) this.#expected.resolve()
  }

  #fail(failure: Pick<CommFailure, 'message' | 'lostPeer'>): void {
    this.#failed = true
    this.#failure.reject(new CommFailedError(failure))
  }
}

/** Where every move's block lies. @throws MoveSizeError */
function registered(schedule: RankSchedule, arena: RankArena): RegisteredMove[] {
  return schedule.steps.flatMap(({ plan: { pass, recvs, sends } }) =>
    ([['recv', recvs], ['send', sends]] as const).flatMap(([direction, moves]) => moves.map((move): RegisteredMove => {
      const { channel, payload, peer, owner, bytes, hop, place } = move
      const segments = segmentsOf(arena, place, payload, pass)
      const held = segments.reduce((sum, segment) => sum + segment.bytes, 0)
      if (held !== bytes) {
        throw new MoveSizeError(`hop ${hop} on ${channel} is planned with ${bytes} bytes and its ${payload} block has ${held}`)
      }
      return { direction, move: { channel, payload, peer, owner, bytes, hop }, segments }
    })))
}
