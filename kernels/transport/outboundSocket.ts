import { createServer, type Server, type Socket } from 'node:net'
import { encodeFrame, FrameAssembler, PeerLostError, TransportError, type Frame, type FrameKind } from './frames.ts'

/** A door for the next rank, and the first that came through it: it may knock before anybody waits for it. */
export interface NextRankDoor {
  readonly connection: Promise<Socket>
  close(): void
}

/** Listens where the next rank will connect. @throws the system's error when the address cannot be bound. */
export async function listenForNext(address: string): Promise<NextRankDoor> {
  const server: Server = createServer()
  const connection = new Promise<Socket>((resolve) => {
    server.once('connection', (socket) => {
      // One neighbour, one connection: nobody else is to find the door open.
      server.close()
      resolve(socket)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return { connection, close: () => server.close() }
}

/** What both ends of a connection must agree on. */
export interface LinkTerms {
  readonly rank: number
  readonly world: number
  readonly bytesPerHop: number
}

/** The sender's end of a connection: hands out the receiver's credits and writes frames and blocks. */
export class OutboundSocket {
  readonly #socket: Socket
  readonly #peer: number
  readonly #frames = new FrameAssembler()
  /** The receiver's answers that nobody has waited for yet: at most a credit. */
  readonly #answers: Frame[] = []
  #waiting: { readonly resolve: (answer: Frame) => void; readonly reject: (error: Error) => void } | null = null
  #lost: Error | null = null
  #greeted: (() => void) | null = null

  private constructor(socket: Socket, peer: number) {
    this.#socket = socket
    this.#peer = peer
  }

  /**
   * Takes the next rank's connection and checks that it is the one the schedule names.
   * @throws TransportError when another rank, or one with another idea of the run, connects.
   */
  static async accept(door: NextRankDoor, terms: LinkTerms): Promise<OutboundSocket> {
    const peer = (terms.rank + 1) % terms.world
    const socket = await door.connection
    const outbound = new OutboundSocket(socket, peer)
    await new Promise<void>((resolve, reject) => {
      outbound.#greeted = resolve
      outbound.#waiting = { resolve: () => undefined, reject }
      socket.on('data', (bytes) => outbound.#take(bytes, terms))
      socket.on('error', (error) => outbound.#fail(new PeerLostError(peer, error.message)))
      socket.on('close', () => outbound.#fail(new PeerLostError(peer, 'it closed its connection')))
    })
    outbound.#waiting = null
    return outbound
  }

  /** Resolves once the receiver has posted its slot for `hop`. @throws TransportError when it wants another hop. */
  async credit(hop: number): Promise<void> {
    await this.#answer('credit', hop)
  }

  /** When the receiver had taken `hop` in whole, ns from the run's origin. @throws TransportError */
  async taken(hop: number): Promise<number> {
    return (await this.#answer('taken', hop)).ns
  }

  /** Writes a frame and goes on. */
  post(frame: Frame): void {
    this.#socket.write(encodeFrame(frame))
  }

  /** Writes a frame and a block behind it; resolves when the system has taken the last byte. */
  async write(frame: Frame, block: Uint8Array): Promise<void> {
    if (this.#lost !== null) throw this.#lost
    await new Promise<void>((resolve, reject) => {
      this.#socket.cork()
      this.#socket.write(encodeFrame(frame))
      this.#socket.write(block, (error) => {
        if (error) reject(new PeerLostError(this.#peer, error.message))
        else resolve()
      })
      this.#socket.uncork()
    })
  }

  close(): void {
    this.#lost ??= new TransportError('the link was closed')
    this.#socket.destroy()
  }

  async #answer(kind: FrameKind, hop: number): Promise<Frame> {
    if (this.#lost !== null) throw this.#lost
    const frame = this.#answers.shift() ?? await new Promise<Frame>((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
    if (frame.kind !== kind || frame.hop !== hop) {
      throw new TransportError(`expected a ${kind} of hop ${hop} from rank ${this.#peer}, got a ${frame.kind} of hop ${frame.hop}`)
    }
    return frame
  }

  #take(bytes: Uint8Array, terms: LinkTerms): void {
    try {
      this.#frames.push(bytes, (frame) => this.#onFrame(frame, terms))
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #onFrame(frame: Frame, terms: LinkTerms): void {
    if (frame.kind === 'hello') {
      if (frame.hop !== this.#peer || frame.owner !== terms.world || frame.bytes !== terms.bytesPerHop) {
        throw new TransportError(`expected rank ${this.#peer} of ${terms.world} with hops of ${terms.bytesPerHop} bytes, ` +
          `got rank ${frame.hop} of ${frame.owner} with hops of ${frame.bytes}`)
      }
      this.#greeted?.()
      this.#greeted = null
    } else if (this.#waiting === null) {
      this.#answers.push(frame)
    } else {
      this.#waiting.resolve(frame)
      this.#waiting = null
    }
  }

  #fail(error: Error): void {
    this.#lost ??= error
    this.#waiting?.reject(this.#lost)
    this.#socket.destroy()
  }
}
