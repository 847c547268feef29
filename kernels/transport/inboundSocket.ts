import { connect, type Socket } from 'node:net'
import { encodeFrame, PeerLostError, TransportError, type Frame } from './frames.ts'
import type { LinkTerms } from './outboundSocket.ts'

/** Decides where the next bytes go and hears how many came. */
export interface ByteSink {
  /** Where the next read may write; asked anew after every read. Never empty. */
  nextBuffer(): Uint8Array
  /** `count` bytes are at the start of the buffer last given out. @throws TransportError */
  filled(count: number): void
  /** The connection is gone; called once. */
  lost(error: Error): void
}

/** The receiver's end of a connection: reads straight into the buffers its sink names, writes hello and credits. */
export class InboundSocket {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Connects to the previous rank. @throws PeerLostError when nobody listens there. */
  static async connect(address: string, terms: LinkTerms, sink: ByteSink): Promise<InboundSocket> {
    const peer = (terms.rank + terms.world - 1) % terms.world
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
    inbound.post({ kind: 'hello', hop: terms.rank, owner: terms.world, bytes: terms.bytesPerHop, ns: 0 })
    return inbound
  }

  post(frame: Frame): void {
    this.#socket.write(encodeFrame(frame))
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** The header of the block that is expected, and nothing else. @throws TransportError */
export function checkHeader(frame: Frame, expected: { hop: number; owner: number; bytes: number }): void {
  if (frame.kind !== 'header' || frame.hop !== expected.hop || frame.owner !== expected.owner || frame.bytes !== expected.bytes) {
    throw new TransportError(`expected hop ${expected.hop} with the block of rank ${expected.owner} (${expected.bytes} bytes), ` +
      `got a ${frame.kind} of hop ${frame.hop} with the block of rank ${frame.owner} (${frame.bytes} bytes)`)
  }
}
