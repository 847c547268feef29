import type { RunClock } from '../timeline/clock.ts'
import { decodeFrame, FRAME_BYTES, TransportError } from './frames.ts'
import { checkHeader, InboundSocket, type ByteSink } from './inboundSocket.ts'
import type { Arrival, Departure, InboundLink, IncomingBlock, OutboundLink, OutgoingBlock } from './links.ts'
import { OutboundSocket, type LinkTerms, type NextRankDoor } from './outboundSocket.ts'

/** Sends blocks through the socket itself. */
export class SocketOutboundLink implements OutboundLink {
  readonly #socket: OutboundSocket
  readonly #clock: RunClock

  private constructor(socket: OutboundSocket, clock: RunClock) {
    this.#socket = socket
    this.#clock = clock
  }

  static async accept(door: NextRankDoor, terms: LinkTerms, clock: RunClock): Promise<SocketOutboundLink> {
    return new SocketOutboundLink(await OutboundSocket.accept(door, terms), clock)
  }

  publish(): void {
    // The block is read from the arena when it is sent.
  }

  async send(block: OutgoingBlock): Promise<Departure> {
    await this.#socket.credit(block.hop)
    const startNs = this.#clock.now()
    await this.#socket.write(
      { kind: 'header', hop: block.hop, owner: block.owner, bytes: block.bytes.length, ns: startNs }, block.bytes)
    return { startNs, endNs: this.#clock.now() }
  }

  close(): void {
    this.#socket.close()
  }
}

interface Pending {
  readonly block: IncomingBlock
  readonly resolve: (arrival: Arrival) => void
  readonly reject: (error: Error) => void
}

/** Takes blocks from the socket straight into their slot: the frame's 32 bytes, then the block, are read where they belong. */
export class SocketInboundLink implements InboundLink, ByteSink {
  readonly #clock: RunClock
  readonly #header = new Uint8Array(FRAME_BYTES)
  #socket: InboundSocket | null = null
  #pending: Pending | null = null
  #lost: Error | null = null
  #headerFilled = 0
  #blockFilled = 0
  #senderStartNs = 0
  #startNs = 0

  private constructor(clock: RunClock) {
    this.#clock = clock
  }

  static async connect(address: string, terms: LinkTerms, clock: RunClock): Promise<SocketInboundLink> {
    const link = new SocketInboundLink(clock)
    link.#socket = await InboundSocket.connect(address, terms, link)
    return link
  }

  receive(block: IncomingBlock): Promise<Arrival> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== null) {
        reject(this.#lost)
        return
      }
      this.#headerFilled = 0
      this.#blockFilled = 0
      this.#pending = { block, resolve, reject }
      this.#socket?.post({ kind: 'credit', hop: block.hop, owner: block.owner, bytes: block.target.length, ns: this.#clock.now() })
    })
  }

  nextBuffer(): Uint8Array {
    return this.#pending === null || this.#headerFilled < FRAME_BYTES
      ? this.#header.subarray(this.#headerFilled % FRAME_BYTES)
      : this.#pending.block.target.subarray(this.#blockFilled)
  }

  filled(count: number): void {
    const pending = this.#pending
    if (pending === null) throw new TransportError('bytes arrived for which no slot was posted')
    const { block } = pending
    if (this.#headerFilled < FRAME_BYTES) {
      this.#headerFilled += count
      if (this.#headerFilled < FRAME_BYTES) return
      this.#startNs = this.#clock.now()
      const frame = decodeFrame(this.#header)
      checkHeader(frame, { hop: block.hop, owner: block.owner, bytes: block.target.length })
      this.#senderStartNs = frame.ns
    } else {
      this.#blockFilled += count
    }
    if (this.#blockFilled === block.target.length) {
      this.#pending = null
      this.#headerFilled = 0
      pending.resolve({ senderStartNs: this.#senderStartNs, startNs: this.#startNs, endNs: this.#clock.now() })
    }
  }

  lost(error: Error): void {
    this.#lost ??= error
    this.#pending?.reject(this.#lost)
    this.#pending = null
  }

  close(): void {
    this.#lost ??= new TransportError('the link was closed')
    this.#socket?.close()
  }
}
