import type { Socket } from 'node:net'
import { encodeFrame, FrameAssembler, PeerLostError, TransportError, type Frame, type FrameKind } from './frames.ts'

/** The sender's end of a connection: hands out what the receiver says and writes frames and blocks. */
export class OutboundSocket {
  readonly #socket: Socket
  readonly #frames = new FrameAssembler()
  /** What the receiver said and nobody has waited for yet. */
  readonly #heard: Frame[] = []
  #peer = -1
  #waiting: { readonly resolve: (answer: Frame) => void; readonly reject: (error: Error) => void } | null = null
  #lost: Error | null = null

  /** @param socket just connected; its end is known by name once it has said {@link hello}. */
  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes) => this.#take(bytes))
    socket.on('error', (error) => this.#fail(new PeerLostError(this.#peer, error.message)))
    socket.on('close', () => this.#fail(new PeerLostError(this.#peer, 'it closed its connection')))
  }

  /** The receiver's first frame. @throws TransportError when that is something else, PeerLostError when there is none. */
  async hello(): Promise<Frame> {
    const frame = await this.#next()
    if (frame.kind !== 'hello') throw new TransportError(`a connection begins with a ${frame.kind} instead of a hello`)
    this.#peer = frame.hop
    return frame
  }

  /** Resolves once the receiver has posted its place for `hop`. @throws TransportError when it wants another hop. */
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

  /** Writes a frame and a block's parts behind it in one go; resolves when the system has taken the last byte. */
  async write(frame: Frame, parts: readonly Uint8Array[]): Promise<void> {
    if (this.#lost !== null) throw this.#lost
    await new Promise<void>((resolve, reject) => {
      this.#socket.cork()
      this.#socket.write(encodeFrame(frame))
      parts.forEach((part, index) => {
        if (index < parts.length - 1) this.#socket.write(part)
        else {
          this.#socket.write(part, (error) => {
            if (error) reject(new PeerLostError(this.#peer, error.message))
            else resolve()
          })
        }
      })
      this.#socket.uncork()
    })
  }

  close(): void {
    this.#fail(new TransportError('the link was closed'))
  }

  async #answer(kind: FrameKind, hop: number): Promise<Frame> {
    const frame = await this.#next()
    if (frame.kind !== kind || frame.hop !== hop) {
      throw new TransportError(`expected a ${kind} of hop ${hop} from rank ${this.#peer}, got a ${frame.kind} of hop ${frame.hop}`)
    }
    return frame
  }

  async #next(): Promise<Frame> {
    const heard = this.#heard.shift()
    if (heard !== undefined) return heard
    if (this.#lost !== null) throw this.#lost
    return await new Promise<Frame>((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  #take(bytes: Uint8Array): void {
    try {
      this.#frames.push(bytes, (frame) => {
        if (this.#waiting === null) this.#heard.push(frame)
        else this.#waiting.resolve(frame)
        this.#waiting = null
      })
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #fail(error: Error): void {
    this.#lost ??= error
    this.#waiting?.reject(this.#lost)
    this.#waiting = null
    this.#socket.destroy()
  }
}
