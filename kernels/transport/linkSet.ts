import type { RunClock } from '../timeline/clock.ts'
import { type Channel, CHANNELS } from '../timeline/categories.ts'
import { BlockFile, publishedPath, stagedPath } from './blockFile.ts'
import type { CommSetup } from './commMessages.ts'
import { Door } from './door.ts'
import { IncomingWire, OutgoingWire, wireClassOf, type WireClass } from './emulatedLink.ts'
import { InboundLink, type BlockFiles } from './inboundLink.ts'
import { OutboundLink } from './outboundLink.ts'
import { isPublished, routeKey, routesOf, type Route } from './routes.ts'

/** All links of a rank: one for each channel and rank that its plan sends to or receives from. */
export class LinkSet {
  readonly #setup: CommSetup
  readonly #clock: RunClock
  readonly #sending: readonly Route[]
  readonly #receiving: readonly Route[]
  readonly #outbound = new Map<string, OutboundLink>()
  readonly #inbound = new Map<string, InboundLink>()
  /** Published K/V of those that this rank gets it of, by owner. */
  readonly #published = new Map<number, BlockFile>()
  /** Its own; null over sockets and where nobody gets it. */
  readonly #own: BlockFile | null
  /** What else leaves, by link. */
  readonly #staged: ReadonlyMap<string, BlockFile>
  readonly #opened: BlockFile[] = []
  readonly #door: Door | null

  private constructor(setup: CommSetup, clock: RunClock, sending: readonly Route[], door: Door | null) {
    const { moves, degree, slotDir, rank } = setup
    this.#setup = setup
    this.#clock = clock
    this.#sending = sending
    this.#receiving = routesOf(moves.filter(({ direction }) => direction === 'recv').map(({ move }) => move), degree)
    this.#door = door
    const published = moves.find(({ direction, move }) => direction === 'send' && isPublished(move, degree))
    this.#own = slotDir === null || published === undefined ? null
      : BlockFile.create(publishedPath(slotDir, rank), published.move.bytes)
    this.#staged = new Map(slotDir === null ? [] : sending.filter(({ stagedBytes }) => stagedBytes > 0).map((route) =>
      [routeKey(route), BlockFile.create(stagedPath(slotDir, route.channel, rank, route.peer), route.stagedBytes)]))
  }

  /** Makes this rank's files and opens its door. @throws the system's error */
  static async listen(setup: CommSetup, clock: RunClock): Promise<LinkSet> {
    const sending = routesOf(setup.moves.filter(({ direction }) => direction === 'send').map(({ move }) => move), setup.degree)
    const door = sending.length === 0 ? null : await Door.open(setup.ownAddress, setup.world, sending)
    try {
      return new LinkSet(setup, clock, sending, door)
    } catch (error) {
      door?.close()
      throw error
    }
  }

  /** Connects to all senders and lets all receivers in; every rank must be listening. @throws TransportError */
  async connect(): Promise<void> {
    const { link, slotDir, moves, degree } = this.#setup
    if (slotDir !== null) {
      for (const { direction, move } of moves) {
        if (direction === 'send' || !isPublished(move, degree) || this.#published.has(move.owner)) continue
        this.#published.set(move.owner, this.#open(publishedPath(slotDir, move.owner)))
      }
    }
    const outgoing: Record<WireClass, OutgoingWire> = { inner: new OutgoingWire(link), outer: new OutgoingWire(link) }
    const incoming = Object.fromEntries(CHANNELS.map((channel) => [channel, new IncomingWire(link)])) as Record<Channel, IncomingWire>
    await Promise.all([
      ...this.#sending.map((route) => this.#accept(route, outgoing[wireClassOf(route.channel)])),
      ...this.#receiving.map((route) => this.#reach(route, incoming[route.channel])),
    ])
  }

  /** Puts this rank's own K/V where others read it; over sockets it is read from the arena when it is sent. */
  publish(parts: readonly Uint8Array[]): void {
    this.#own?.write(parts)
  }

  outbound(to: Pick<Route, 'channel' | 'peer'>): OutboundLink {
    return linkOf(this.#outbound, to, 'to')
  }

  inbound(from: Pick<Route, 'channel' | 'peer'>): InboundLink {
    return linkOf(this.#inbound, from, 'from')
  }

  close(): void {
    for (const link of [...this.#outbound.values(), ...this.#inbound.values()]) link.close()
    for (const file of [...this.#opened, ...this.#staged.values()]) file.close()
    this.#own?.close()
    this.#door?.close()
  }

  async #accept(route: Route, wire: OutgoingWire): Promise<void> {
    if (this.#door === null) throw new Error('a rank that sends to others has a door')
    const socket = await this.#door.connection(route)
    const carrier = this.#setup.slotDir === null ? 'through-socket' : this.#staged.get(routeKey(route)) ?? null
    this.#outbound.set(routeKey(route), new OutboundLink({ route, socket, wire, clock: this.#clock, carrier }))
  }

  async #reach(route: Route, wire: IncomingWire): Promise<void> {
    const { rank, world, senderAddresses, slotDir, copyThreads } = this.#setup
    const address = senderAddresses.get(route.peer)
    if (address === undefined) throw new Error(`rank ${rank} was not told where rank ${route.peer} listens`)
    const carrier: 'through-socket' | BlockFiles = slotDir === null ? 'through-socket' : {
      published: this.#published,
      staged: route.stagedBytes === 0 ? null : this.#open(stagedPath(slotDir, route.channel, route.peer, rank)),
      threads: copyThreads,
    }
    this.#inbound.set(routeKey(route), await InboundLink.connect(address, { rank, world, route, wire, clock: this.#clock, carrier }))
  }

  #open(path: string): BlockFile {
    const file = BlockFile.open(path)
    this.#opened.push(file)
    return file
  }
}

function linkOf<Link>(links: ReadonlyMap<string, Link>, route: Pick<Route, 'channel' | 'peer'>, way: string): Link {
  const link = links.get(routeKey(route))
  if (link === undefined) throw new Error(`there is no open link ${way} rank ${route.peer} for ${route.channel}`)
  return link
}
