import type { RunClock } from '../timeline/clock.ts'
import type { BlockFile } from './blockFile.ts'
import type { IncomingWire } from './emulatedLink.ts'
import { decodeFrame, FRAME_BYTES, TransportError, type Frame } from './frames.ts'
import { InboundSocket, type ByteSink } from './inboundSocket.ts'
import type { Arrival, IncomingBlock } from './links.ts'
import type { Route } from './routes.ts'

/** Where a receiver finds blocks over shared memory. */
export interface BlockFiles {
  /** Published K/V, by owner. */
  readonly published: ReadonlyMap<number, BlockFile>
  /** The link's own; null where all its blocks are published ones. */
  readonly staged: BlockFile | null
  /** Helper threads that may copy one block's pieces at the same time; 0 copies on this thread. */
  readonly threads: number
}

export interface InboundLinkParts {
  readonly rank: number
  readonly world: number
  readonly route: Route
  readonly wire: IncomingWire
  readonly clock: RunClock
  readonly carrier: 'through-socket' | BlockFiles
}

interface Pending {
  readonly block: IncomingBlock
  readonly resolve: (arrival: Arrival) => void
  readonly reject: (error: Error) => void
}

/**
 * The link from a rank that sends to this one, one block at a time: credit, header, then the bytes, read straight into
 * the parts of the block whether they come through the socket or from a file.
 */
export class InboundLink implements ByteSink {
  readonly #parts: InboundLinkParts
  readonly #header = new Uint8Array(FRAME_BYTES)
  #socket: InboundSocket | null = null
  #pending: Pending | null = null
  #lost: Error | null = null
  #headerFilled = 0
  /** The part that is being filled, and how far. */
  #part = 0
  #partFilled = 0
  #frame: Frame | null = null
  #startNs = 0

  private constructor(parts: InboundLinkParts) {
    this.#parts = parts
  }

  /** @throws PeerLostError when the sender is not there. */
  static async connect(address: string, parts: InboundLinkParts): Promise<InboundLink> {
    const link = new InboundLink(parts)
    const { rank, world, route: { peer, channel, largestBytes } } = parts
    link.#socket = await InboundSocket.connect(address, peer,
      { kind: 'hello', channel, hop: rank, owner: world, bytes: largestBytes, ns: 0, wireNs: 0 }, link)
    return link
  }

  /** Tells the sender that the place is posted, then takes the block in. @throws TransportError */
  receive(block: IncomingBlock): Promise<Arrival> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== null) {
        reject(this.#lost)
        return
      }
      this.#headerFilled = 0
      this.#frame = null
      this.#part = 0
      this.#partFilled = 0
      this.#pending = { block, resolve, reject }
      this.#answer('credit', block, this.#parts.clock.now())
    })
  }

  nextBuffer(): Uint8Array {
    return this.#pending === null || this.#frame === null || this.#parts.carrier !== 'through-socket'
      ? this.#header.subarray(this.#headerFilled % FRAME_BYTES)
      : this.#pending.block.parts[this.#part].subarray(this.#partFilled)
  }

  filled(count: number): void {
    const pending = this.#pending
    if (pending === null || (this.#frame !== null && this.#parts.carrier !== 'through-socket')) {
      throw new TransportError(`rank ${this.#parts.route.peer} sent bytes for which no place was posted`)
    }
    const { block } = pending
    if (this.#frame !== null) {
      this.#partFilled += count
      if (this.#partFilled < block.parts[this.#part].length) return
      this.#partFilled = 0
      if (++this.#part === block.parts.length) this.#finish(pending, this.#frame, null)
      return
    }
    this.#headerFilled += count
    if (this.#headerFilled < FRAME_BYTES) return
    this.#startNs = this.#parts.clock.now()
    const frame = decodeFrame(this.#header)
    this.#check(frame, block)
    this.#frame = frame
    if (this.#parts.carrier === 'through-socket') return
    this.#copy(pending, frame, this.#parts.carrier).catch((error: Error) => this.lost(error))
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

  async #copy(pending: Pending, frame: Frame, files: BlockFiles): Promise<void> {
    const { block } = pending
    const file = block.published ? files.published.get(block.owner) : files.staged
    if (file == null) throw new Error(`rank ${this.#parts.route.peer} sends on ${frame.channel} what no file was made for`)
    await file.read(block.parts, files.threads)
    this.#finish(pending, frame, this.#parts.clock.now())
  }

  /** @param takenNs when the sender's file was read; null where it knows by itself. */
  #finish({ block, resolve }: Pending, frame: Frame, takenNs: number | null): void {
    this.#pending = null
    this.#headerFilled = 0
    this.#frame = null
    if (takenNs !== null) this.#answer('taken', block, takenNs)
    block.decode()
    const real = { senderStartNs: frame.ns, startNs: this.#startNs, endNs: this.#parts.clock.now() }
    resolve(this.#parts.wire.arrival(real, frame.wireNs, block.bytes))
  }

  #answer(kind: 'credit' | 'taken', { hop, owner, bytes }: IncomingBlock, ns: number): void {
    this.#socket?.post({ kind, channel: this.#parts.route.channel, hop, owner, bytes, ns, wireNs: ns })
  }

  /** The header of the block that is expected, and nothing else. @throws TransportError */
  #check(frame: Frame, { hop, owner, bytes }: IncomingBlock): void {
    const { channel } = this.#parts.route
    if (frame.kind !== 'header' || frame.channel !== channel || frame.hop !== hop || frame.owner !== owner || frame.bytes !== bytes) {
      throw new TransportError(`expected hop ${hop} on ${channel} with the block of rank ${owner} (${bytes} bytes), ` +
        `got a ${frame.kind} of hop ${frame.hop} on ${frame.channel} with the block of rank ${frame.owner} (${frame.bytes} bytes)`)
    }
  }
}
