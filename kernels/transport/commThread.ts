import type { Segment } from '../backends/segments.ts'
import { runClock, type RunClock } from '../timeline/clock.ts'
import { decodeSegments } from './bfloat16.ts'
import type { CommSetup, FromComm, MoveOrder, RegisteredMove } from './commMessages.ts'
import { PeerLostError } from './frames.ts'
import { LinkSet } from './linkSet.ts'
import type { Block } from './links.ts'
import { MoveBoard } from './moveBoard.ts'
import { isPublished } from './routes.ts'

/** A rank's communication thread: moves blocks between its arena and other ranks'. */
export class CommThread {
  readonly #setup: CommSetup
  readonly #board: MoveBoard
  readonly #post: (message: FromComm) => void
  readonly #clock: RunClock
  /** The last move posted on each channel in each direction: the next one starts when it is over. */
  readonly #last = new Map<string, Promise<void>>()
  #links: LinkSet | null = null

  /** @param post tells the compute thread. */
  constructor(setup: CommSetup, post: (message: FromComm) => void) {
    this.#setup = setup
    this.#board = new MoveBoard(setup.moves.length, setup.board)
    this.#post = post
    this.#clock = runClock(setup.originNs)
  }

  async listen(): Promise<void> {
    this.#links = await LinkSet.listen(this.#setup, this.#clock)
    this.#post({ type: 'listening' })
  }

  async connect(): Promise<void> {
    await this.#opened().connect()
    this.#post({ type: 'connected' })
  }

  publish(): void {
    this.#opened().publish(this.#views(this.#setup.ownKv))
    this.#post({ type: 'published' })
  }

  /** Queues moves on their channels. A failure is reported once the move's turn has come. */
  post(orders: readonly MoveOrder[]): void {
    for (const order of orders) {
      const registered = this.#setup.moves[order.index]
      const lane = `${registered.direction} ${registered.move.channel}`
      const before = this.#last.get(lane) ?? Promise.resolve()
      const carried = before.then(() => this.#carry(order, registered))
      this.#last.set(lane, carried)
      carried.catch((error: unknown) => this.fail(error))
    }
  }

  close(): void {
    this.#links?.close()
  }

  fail(error: unknown): void {
    this.#post({
      type: 'failed',
      message: error instanceof Error ? error.message : String(error),
      lostPeer: error instanceof PeerLostError ? error.peer : null,
    })
    this.#board.failed()
  }

  async #carry({ index, hop }: MoveOrder, { direction, move, segments }: RegisteredMove): Promise<void> {
    const { degree, memory } = this.#setup
    const block: Block = { hop, owner: move.owner, parts: this.#views(segments), bytes: move.bytes, published: isPublished(move, degree) }
    if (direction === 'send') {
      const { readyNs, startNs, endNs } = await this.#opened().outbound(move).send(block)
      this.#board.over(index, readyNs ?? startNs, startNs, endNs)
    } else {
      const { senderStartNs, startNs, endNs } = await this.#opened().inbound(move)
        .receive({ ...block, decode: () => decodeSegments(memory, segments) })
      this.#board.over(index, senderStartNs, startNs, endNs)
    }
  }

  #views(segments: readonly Segment[]): Uint8Array[] {
    return segments.filter(({ bytes }) => bytes > 0).map(({ byteOffset, bytes }) => new Uint8Array(this.#setup.memory, byteOffset, bytes))
  }

  #opened(): LinkSet {
    if (this.#links === null) throw new Error('the communication thread is not listening yet')
    return this.#links
  }
}
