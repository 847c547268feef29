import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { CommFailure, CommSetup, FromComm, HopOrder, ToComm } from '../transport/commMessages.ts'
import { HopBoard } from '../transport/hopBoard.ts'
import type { Arrival, Departure } from '../transport/links.ts'
import { waitUntil } from '../timeline/preciseWait.ts'

/** Longest time that the event loop stands still while a hop is waited for. */
const LONGEST_SLEEP_MS = 50

/** The communication thread gave up; the run cannot go on. */
export class CommFailedError extends Error {
  override readonly name = 'CommFailedError'
  /** The neighbour that is gone, where that is why. */
  readonly lostPeer: number | null
  constructor({ message, lostPeer }: Pick<CommFailure, 'message' | 'lostPeer'>) {
    super(message)
    this.lostPeer = lostPeer
  }
}

/** The compute thread's side of its communication thread. */
export class CommClient {
  readonly #worker: Worker
  readonly #board: HopBoard
  readonly #failure = Promise.withResolvers<never>()
  #failed = false
  #closing = false
  #expected: { readonly type: FromComm['type']; readonly resolve: () => void } | null = null

  /** @param entry module of the communication thread. */
  constructor(entry: string, setup: Omit<CommSetup, 'board'>) {
    this.#board = new HopBoard()
    this.#failure.promise.catch(() => undefined)
    this.#worker = new Worker(entry, { workerData: { ...setup, board: this.#board.buffer } satisfies CommSetup })
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
    this.#post({ type: 'connect' })
    return this.#answer('connected')
  }

  /** Makes this rank's own block, in `slot`, ready to be sent. @throws CommFailedError */
  publish(slot: number): Promise<void> {
    this.#post({ type: 'publish', slot })
    return this.#answer('published')
  }

  /** Starts sending one slot and receiving into the other, and returns at once. */
  postHop(order: HopOrder): void {
    this.#board.clear()
    this.#post(order)
  }

  /** Waits until the posted hop is over in both directions, emulated time included. @throws CommFailedError */
  async hopDone(now: () => number): Promise<{ readonly arrival: Arrival; readonly departure: Departure }> {
    while (!this.#board.isComplete) {
      if (this.#failed || this.#board.hasFailed) await this.#failure.promise
      this.#board.sleep(LONGEST_SLEEP_MS)
      if (!this.#board.isComplete) await nextTurn()
    }
    const { arrival, departure } = this.#board
    await waitUntil(now, Math.max(arrival.endNs, departure.endNs))
    return { arrival, departure }
  }

  async close(): Promise<void> {
    this.#closing = true
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#post({ type: 'close' })
    await ended
  }

  #post(message: ToComm): void {
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
