import { createServer, type Server, type Socket } from 'node:net'
import { PeerLostError, TransportError, type Frame } from './frames.ts'
import { OutboundSocket } from './outboundSocket.ts'
import { routeKey, type Route } from './routes.ts'

interface Guest extends PromiseWithResolvers<OutboundSocket> {
  readonly route: Route
  hasCome: boolean
}

/** More ranks than these rarely knock at the same moment; Node's own default. */
const LEAST_BACKLOG = 511

/**
 * Where a rank listens for those that it sends to. A receiver connects once for each channel and says who it is; it may
 * knock before anybody waits for it. When all have come, nobody else finds the door open.
 */
export class Door {
  readonly #server: Server
  readonly #world: number
  readonly #guests: ReadonlyMap<string, Guest>
  readonly #sockets = new Set<Socket>()

  private constructor(world: number, routes: readonly Route[]) {
    this.#world = world
    this.#guests = new Map(routes.map((route) => {
      const guest = { ...Promise.withResolvers<OutboundSocket>(), route, hasCome: false }
      // Nobody may be waiting yet.
      guest.promise.catch(() => undefined)
      return [routeKey(route), guest]
    }))
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      this.#greet(new OutboundSocket(socket)).catch((error: unknown) => {
        socket.destroy()
        // Who leaves without a word is missed by whoever waits for it, and its end is noticed elsewhere.
        if (error instanceof PeerLostError) return
        for (const { reject } of this.#guests.values()) reject(error)
      })
    })
  }

  /** @param routes one for each link by which this rank sends. @throws the system's error when the address cannot be bound. */
  static async open(address: string, world: number, routes: readonly Route[]): Promise<Door> {
    const door = new Door(world, routes)
    await new Promise<void>((resolve, reject) => {
      door.#server.once('error', reject)
      door.#server.listen({ path: address, backlog: Math.max(LEAST_BACKLOG, routes.length) }, () => {
        door.#server.off('error', reject)
        resolve()
      })
    })
    return door
  }

  /** The connection of a route's receiver. @throws TransportError when another one, or one with another idea of the run, knocked. */
  connection(route: Pick<Route, 'channel' | 'peer'>): Promise<OutboundSocket> {
    const guest = this.#guests.get(routeKey(route))
    if (guest === undefined) throw new RangeError(`nobody is expected from rank ${route.peer} for ${route.channel}`)
    return guest.promise
  }

  /** Ends every connection that came through the door as well. */
  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  async #greet(caller: OutboundSocket): Promise<void> {
    const guest = this.#guestOf(await caller.hello())
    guest.hasCome = true
    guest.resolve(caller)
    if ([...this.#guests.values()].every(({ hasCome }) => hasCome)) this.#server.close()
  }

  /** Who of those expected says hello. @throws TransportError when it is none, or expects another run. */
  #guestOf({ channel, hop: peer, owner: world, bytes }: Frame): Guest {
    const guest = this.#guests.get(routeKey({ channel, peer }))
    if (guest !== undefined && !guest.hasCome && world === this.#world && bytes === guest.route.largestBytes) return guest
    const expected = guest === undefined ? 'which nobody expects' : guest.hasCome ? 'for the second time'
      : `expected a world of ${this.#world} and blocks of ${guest.route.largestBytes} bytes at most`
    throw new TransportError(`rank ${peer} of ${world} connects for ${channel} with blocks of ${bytes} bytes at most: ${expected}`)
  }
}
