import { parentPort, workerData } from 'node:worker_threads'
import { runClock } from '../timeline/clock.ts'
import type { CommSetup, FromComm, HopOrder, ToComm } from './commMessages.ts'
import { emulatedArrival, emulatedDeparture } from './emulatedLink.ts'
import { PeerLostError } from './frames.ts'
import { HopBoard } from './hopBoard.ts'
import type { InboundLink, OutboundLink } from './links.ts'
import { listenForNext, type NextRankDoor } from './outboundSocket.ts'
import { endWithParent } from './parentWatch.ts'
import { SharedMemoryInboundLink, SharedMemoryOutboundLink } from './sharedMemoryTransport.ts'
import { SocketInboundLink, SocketOutboundLink } from './socketTransport.ts'

/** A rank's communication thread: moves K/V blocks between the arena's slots and the two neighbours. */
class CommThread {
  readonly #setup: CommSetup
  readonly #board: HopBoard
  readonly #post: (message: FromComm) => void
  #door: NextRankDoor | null = null
  #blockFile: number | null = null
  #outbound: OutboundLink | null = null
  #inbound: InboundLink | null = null

  constructor(setup: CommSetup, post: (message: FromComm) => void) {
    this.#setup = setup
    this.#board = new HopBoard(setup.board)
    this.#post = post
  }

  async listen(): Promise<void> {
    const { terms, slotDir, ownAddress } = this.#setup
    if (terms.world > 1) {
      if (slotDir !== null) this.#blockFile = SharedMemoryOutboundLink.createBlockFile(slotDir, terms)
      this.#door = await listenForNext(ownAddress)
    }
    this.#post({ type: 'listening' })
  }

  async connect(): Promise<void> {
    const { terms, originNs, previousAddress, slotDir, copyThreads } = this.#setup
    const door = this.#door
    const clock = runClock(originNs)
    if (door !== null && slotDir !== null && this.#blockFile !== null) {
      [this.#outbound, this.#inbound] = await Promise.all([
        SharedMemoryOutboundLink.accept(door, this.#blockFile, terms, clock),
        SharedMemoryInboundLink.connect(previousAddress, slotDir, copyThreads, terms, clock),
      ])
    } else if (door !== null) {
      [this.#outbound, this.#inbound] = await Promise.all([
        SocketOutboundLink.accept(door, terms, clock),
        SocketInboundLink.connect(previousAddress, terms, clock),
      ])
    }
    this.#post({ type: 'connected' })
  }

  publish(slot: number): void {
    this.#outbound?.publish(this.#slot(slot))
    this.#post({ type: 'published' })
  }

  async hop(order: HopOrder): Promise<void> {
    if (this.#outbound === null || this.#inbound === null) throw new Error('a hop was posted before the links were open')
    const { link, terms } = this.#setup
    await Promise.all([
      this.#inbound.receive({ hop: order.recvHop, owner: order.recvOwner, target: this.#slot(order.recvSlot) })
        .then((arrival) => this.#board.received(emulatedArrival(link, arrival, terms.bytesPerHop))),
      this.#outbound.send({ hop: order.sendHop, owner: order.sendOwner, bytes: this.#slot(order.sendSlot) })
        .then((departure) => this.#board.sent(emulatedDeparture(link, departure, terms.bytesPerHop))),
    ])
  }

  close(): void {
    this.#outbound?.close()
    this.#inbound?.close()
    this.#door?.close()
  }

  fail(error: unknown): void {
    this.#post({
      type: 'failed',
      message: error instanceof Error ? error.message : String(error),
      lostPeer: error instanceof PeerLostError ? error.peer : null,
    })
    this.#board.failed()
  }

  #slot(index: number): Uint8Array {
    return new Uint8Array(this.#setup.memory, this.#setup.slotByteOffsets[index], this.#setup.terms.bytesPerHop)
  }
}

if (parentPort === null) throw new Error('this is the communication thread of a rank, started by its compute thread')
const port = parentPort
const setup = workerData as CommSetup
endWithParent(setup.parentPid, setup.ownedFolders)
const comm = new CommThread(setup, (message) => port.postMessage(message))
const report = (error: unknown): void => comm.fail(error)

port.on('message', (message: ToComm) => {
  switch (message.type) {
    case 'connect':
      comm.connect().catch(report)
      break
    case 'publish':
      try {
        comm.publish(message.slot)
      } catch (error) {
        report(error)
      }
      break
    case 'hop':
      comm.hop(message).catch(report)
      break
    case 'close':
      comm.close()
      port.close()
      break
  }
})
comm.listen().catch(report)
