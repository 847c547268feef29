import { connect, type Socket } from 'node:net'
import { encodeFrame, PeerLostError, type Frame } from './frames.ts'

/** Decides where the next bytes go and hears how many came. */
export interface ByteSink {
  /** Where the next read may write; asked anew after every read. Never empty. */
  nextBuffer(): Uint8Array
  /** `count` bytes are at the start of the buffer last given out. @throws TransportError */
  filled(count: number): void
  /** The connection is gone; called once. */
  lost(error: Error): void
}

/** The receiver's end of a connection: reads straight into the buffers its sink names, writes hello and answers. */
export class InboundSocket {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /**
   * Connects to a sender's door.
   * @param hello what the sender is to know about this end.
   * @throws PeerLostError when nobody listens there.
   */
  static async connect(address: string, peer: number, hello: Frame, sink: ByteSink): Promise<InboundSocket> {
    let lost = false
    const fail = (error: Error): void => {
      if (lost) return
      lost = true
      sink.lost(error)
    }
    const socket = connect({
      path: address,
      onread: {
        buffer: () => sink.nextBuffer(),
        callback: (count) => {
          try {
            sink.filled(count)
          } catch (error) {
            fail(error as Error)
            socket.destroy()
          }
          return true
        },
      },
    })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', (error) => reject(new PeerLostError(peer, error.message)))
    })
    socket.on('error', (error) => fail(new PeerLostError(peer, error.message)))
    socket.on('close', () => fail(new PeerLostError(peer, 'it closed its connection')))
    const inbound = new InboundSocket(socket)
    inbound.post(hello)
    return inbound
  }

  post(frame: Frame): void {
    this.#socket.write(encodeFrame(frame))
  }

  close(): void {
    this.#socket.destroy()
  }
}
