import type { RunClock } from '../timeline/clock.ts'
import type { BlockFile } from './blockFile.ts'
import type { OutgoingWire } from './emulatedLink.ts'
import type { Frame } from './frames.ts'
import type { Block, Departure } from './links.ts'
import type { OutboundSocket } from './outboundSocket.ts'
import type { Route } from './routes.ts'

export interface OutboundLinkParts {
  readonly route: Pick<Route, 'channel' | 'peer'>
  readonly socket: OutboundSocket
  readonly wire: OutgoingWire
  readonly clock: RunClock
  /** `through-socket`, or over shared memory the link's own file; null where all its blocks are published ones. */
  readonly carrier: 'through-socket' | BlockFile | null
}

/**
 * The link to a rank that this one sends to, one block at a time. A hop is a rendezvous: the receiver's credit, the
 * header, the bytes.
 *
 * Over shared memory the bytes lie on tmpfs, and the receiver copies them into their place as MPI libraries do within a
 * node: K/V once published is in its owner's file (one copy a hop, where a socket needs two), whatever else travels is
 * written to the link's file first. The receiver says when it has taken a block.
 */
export class OutboundLink {
  readonly #parts: OutboundLinkParts

  constructor(parts: OutboundLinkParts) {
    this.#parts = parts
  }

  /** Waits until the receiver has posted the hop, then moves the block. @throws TransportError */
  async send(block: Block): Promise<Departure> {
    const { socket, wire, clock, carrier } = this.#parts
    await socket.credit(block.hop)
    const readyNs = clock.now()
    const wireNs = wire.take(readyNs, block.bytes)
    const header: Frame = {
      kind: 'header', channel: this.#parts.route.channel, hop: block.hop, owner: block.owner, bytes: block.bytes, ns: readyNs, wireNs,
    }
    if (carrier === 'through-socket') {
      await socket.write(header, block.parts)
      return wire.departure(readyNs, wireNs, clock.now(), block.bytes)
    }
    if (!block.published) {
      if (carrier === null) throw new Error(`no file was made for what goes to rank ${this.#parts.route.peer} on ${header.channel}`)
      carrier.write(block.parts)
    }
    socket.post(header)
    return wire.departure(readyNs, wireNs, await socket.taken(block.hop), block.bytes)
  }

  /** Harmless when closed already. */
  close(): void {
    this.#parts.socket.close()
  }
}
