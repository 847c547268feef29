import { type Channel, CHANNELS } from '../timeline/categories.ts'

/**
 * Control frames on the socket between a sender and a receiver, both transports: 40 bytes, little endian:
 * magic u32, kind u16, channel u16, hop i32, owner i32, bytes f64, ns f64, wireNs f64.
 */
export const FRAME_BYTES = 40

const MAGIC = 0x52_53_43_50

export const FRAME_KINDS = ['hello', 'credit', 'header', 'taken'] as const
/**
 * `hello`: first frame of a connection, `hop` is the rank that connects, `owner` its world size, `bytes` those of the
 * largest block it expects.
 * `credit`: the receiver's place for `hop` is posted.
 * `header`: the sender begins `hop`: whose block, how many bytes, when it began, and when the wire took it (ns from the
 * run's origin; different where an emulated wire was busy).
 * `taken`: `hop` is with the receiver since `ns`; sent back where the bytes do not go through the socket.
 */
export type FrameKind = (typeof FRAME_KINDS)[number]

export interface Frame {
  readonly kind: FrameKind
  readonly channel: Channel
  readonly hop: number
  readonly owner: number
  readonly bytes: number
  readonly ns: number
  readonly wireNs: number
}

/** What arrived or happened on a link is not what the schedule says; the run cannot go on. */
export class TransportError extends Error {
  override readonly name: string = 'TransportError'
}

/** The other end of the connection is gone: most likely it ended, and is itself the reason to look for. */
export class PeerLostError extends TransportError {
  override readonly name = 'PeerLostError'
  readonly peer: number
  constructor(peer: number, what: string) {
    super(`rank ${peer} is gone: ${what}`)
    this.peer = peer
  }
}

/** Writes a frame at `offset` of `target`. */
export function encodeFrame(frame: Frame, target: Uint8Array = new Uint8Array(FRAME_BYTES), offset = 0): Uint8Array {
  const view = new DataView(target.buffer, target.byteOffset + offset, FRAME_BYTES)
  view.setUint32(0, MAGIC, true)
  view.setUint16(4, FRAME_KINDS.indexOf(frame.kind), true)
  view.setUint16(6, CHANNELS.indexOf(frame.channel), true)
  view.setInt32(8, frame.hop, true)
  view.setInt32(12, frame.owner, true)
  view.setFloat64(16, frame.bytes, true)
  view.setFloat64(24, frame.ns, true)
  view.setFloat64(32, frame.wireNs, true)
  return target
}

/** @throws TransportError when the bytes are no frame. */
export function decodeFrame(source: Uint8Array, offset = 0): Frame {
  const view = new DataView(source.buffer, source.byteOffset + offset, FRAME_BYTES)
  const magic = view.getUint32(0, true)
  const kind = FRAME_KINDS[view.getUint16(4, true)] as FrameKind | undefined
  const channel = CHANNELS[view.getUint16(6, true)] as Channel | undefined
  if (magic !== MAGIC || kind === undefined || channel === undefined) {
    throw new TransportError(`expected a frame, got bytes starting 0x${magic.toString(16).padStart(8, '0')}`)
  }
  return {
    kind, channel, hop: view.getInt32(8, true), owner: view.getInt32(12, true),
    bytes: view.getFloat64(16, true), ns: view.getFloat64(24, true), wireNs: view.getFloat64(32, true),
  }
}

/** Puts frames together from however many bytes arrive at a time. */
export class FrameAssembler {
  readonly #partial = new Uint8Array(FRAME_BYTES)
  #filled = 0

  /** Calls `onFrame` for each frame that `bytes` completes. @throws TransportError */
  push(bytes: Uint8Array, onFrame: (frame: Frame) => void): void {
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(FRAME_BYTES - this.#filled, bytes.length - at)
      this.#partial.set(bytes.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled === FRAME_BYTES) {
        this.#filled = 0
        onFrame(decodeFrame(this.#partial))
      }
    }
  }
}
