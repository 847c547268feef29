import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runClock } from '../timeline/clock.ts'
import { BlockFile, publishedPath, stagedPath } from './blockFile.ts'
import { Door } from './door.ts'
import { IncomingWire, OutgoingWire } from './emulatedLink.ts'
import { encodeFrame, FRAME_BYTES, PeerLostError, TransportError } from './frames.ts'
import { InboundLink } from './inboundLink.ts'
import { bytesOf, type IncomingBlock } from './links.ts'
import { OutboundLink } from './outboundLink.ts'
import type { Route } from './routes.ts'

const clock = runClock(process.hrtime.bigint())
let folder = ''
let open: { close(): void }[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'links-'))
  open = []
})
afterEach(() => {
  for (const each of open) each.close()
  rmSync(folder, { recursive: true })
})

const opened = <Closable extends { close(): void }>(each: Closable): Closable => {
  open.push(each)
  return each
}

const address = (): string => (process.platform === 'win32' ? `\\\\.\\pipe\\${folder.replaceAll(/\W/g, '-')}` : join(folder, 's'))
const route = (peer: number, bytes: number): Route => ({ channel: 'dkv', peer, largestBytes: bytes, stagedBytes: bytes })

interface Terms { readonly bytes: number; readonly receiverBytes?: number; readonly threads?: number }
interface Ends { readonly outbound: OutboundLink; readonly inbound: InboundLink; readonly published: BlockFile | null }

/** Both ends of a link from rank 0 to rank 1 of 2. */
async function linkOver(kind: string, { bytes, receiverBytes, threads }: Terms): Promise<Ends> {
  const door = opened(await Door.open(address(), 2, [route(1, bytes)]))
  const published = kind === 'socket' ? null : opened(BlockFile.create(publishedPath(folder, 0), bytes))
  const staged = kind === 'socket' ? null : opened(BlockFile.create(stagedPath(folder, 'dkv', 0, 1), bytes))
  const accepted = door.connection(route(1, bytes)).then((socket) => opened(new OutboundLink({
    route: route(1, bytes), socket, wire: new OutgoingWire(null), clock, carrier: staged ?? 'through-socket',
  })))
  const [outbound, inbound] = await Promise.all([accepted, InboundLink.connect(address(), {
    rank: 1, world: 2, route: route(0, receiverBytes ?? bytes), wire: new IncomingWire(null), clock,
    carrier: published === null ? 'through-socket' : {
      published: new Map([[0, opened(BlockFile.open(publishedPath(folder, 0)))]]),
      staged: opened(BlockFile.open(stagedPath(folder, 'dkv', 0, 1))), threads: threads ?? 0,
    },
  })])
  return { outbound, inbound: opened(inbound), published }
}

/** Parts in shared memory, as the arena's are, with something between them. */
function partsOf(sizes: readonly number[], fill: (at: number) => number = () => 0): Uint8Array[] {
  const memory = new SharedArrayBuffer(sizes.reduce((sum, size) => sum + size + 64, 0))
  let at = 0
  let byte = 0
  return sizes.map((size) => {
    const part = new Uint8Array(memory, at, size)
    for (let index = 0; index < size; index++) part[index] = fill(byte++)
    at += size + 64
    return part
  })
}

const blockOf = (parts: readonly Uint8Array[], { hop = 1, owner = 0, published = false } = {}): IncomingBlock =>
  ({ hop, owner, parts, bytes: bytesOf(parts), published, decode: () => undefined })
const small = (facts: { hop?: number; owner?: number } = {}): IncomingBlock => blockOf(partsOf([40, 24]), facts)
const contents = (parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts.map((part) => Uint8Array.from(part)))

// Shared memory needs a folder, not tmpfs: these run everywhere.
describe.each(['socket', 'shared-memory'])('over %s', (kind) => {
  it.each([
    ['one part', [1000], [1000]],
    ['parts cut elsewhere by the receiver', [4, 1000, 16, 2 ** 16], [1016, 2 ** 16, 4]],
    ['thousands of parts', Array.from({ length: 3000 }, () => 32), Array.from({ length: 1500 }, () => 64)],
    ['megabytes', [2 ** 20 + 12, 2 ** 21], [3 * 2 ** 20, 12]],
  ])('a block of %s arrives whole where its parts belong', async (_, sizes, targetSizes) => {
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    const { outbound, inbound } = await linkOver(kind, { bytes, threads: 2 })
    for (let hop = 0; hop < 3; hop++) {
      const source = partsOf(sizes, (at) => (at * 31 + hop) % 251)
      const target = partsOf(targetSizes)
      let decoded = false
      const [departure, arrival] = await Promise.all([
        outbound.send(blockOf(source, { hop })),
        inbound.receive({ ...blockOf(target, { hop }), decode: () => { decoded = Buffer.compare(contents(target), contents(source)) === 0 } }),
      ])
      expect(Buffer.compare(contents(target), contents(source))).toBe(0)
      expect(decoded).toBe(true)
      expect(arrival.senderStartNs).toBe(departure.startNs)
      expect(arrival.startNs).toBeGreaterThanOrEqual(departure.startNs)
      expect(arrival.endNs).toBeGreaterThanOrEqual(arrival.startNs)
      expect(departure.endNs).toBeGreaterThan(departure.startNs)
    }
  })

  it('nothing is sent before the place is posted', async () => {
    const { outbound, inbound } = await linkOver(kind, { bytes: 64 })
    const sending = outbound.send(small())
    await new Promise((resolve) => setTimeout(resolve, 20))
    const postedNs = clock.now()
    await inbound.receive(small())
    expect((await sending).startNs).toBeGreaterThanOrEqual(postedNs)
  })

  it('a receiver and a sender that are at different hops both say so', async () => {
    const { outbound, inbound } = await linkOver(kind, { bytes: 64 })
    const receiving = inbound.receive(small({ hop: 7 })).catch((error: unknown) => error)
    await expect(outbound.send(small({ hop: 6 }))).rejects.toThrow(/hop 6 .*hop 7/)
    outbound.close()
    expect(await receiving).toBeInstanceOf(TransportError)
  })

  it('a header that names another block is refused', async () => {
    const { outbound, inbound } = await linkOver(kind, { bytes: 64 })
    const sending = outbound.send(small({ owner: 1 })).catch((error: unknown) => error)
    await expect(inbound.receive(small())).rejects.toThrow(/block of rank 0 .*block of rank 1/)
    inbound.close()
    await sending
  })

  it('a peer that goes away in mid-hop is reported as lost, at both ends', async () => {
    const first = await linkOver(kind, { bytes: 64 })
    const receiving = first.inbound.receive(small())
    first.outbound.close()
    await expect(receiving).rejects.toBeInstanceOf(PeerLostError)
    await expect(receiving).rejects.toMatchObject({ peer: 0 })
    await expect(first.inbound.receive(small({ hop: 2 }))).rejects.toMatchObject({ peer: 0 })
  })

  it('a sender learns that its receiver is gone', async () => {
    const { outbound, inbound } = await linkOver(kind, { bytes: 64 })
    const sending = outbound.send(small())
    inbound.close()
    await expect(sending).rejects.toMatchObject({ name: 'PeerLostError', peer: 1 })
  })
})

describe('a peer that dies in the middle of a block', () => {
  const bytes = 8 * 2 ** 20
  const frame = { channel: 'dkv', hop: 1, owner: 0, bytes, ns: 0, wireNs: 0 } as const

  it('is lost to its receiver', async () => {
    const sender = createServer((socket) => {
      let heard = 0
      socket.on('data', (answer) => {
        heard += answer.length
        // A hello and a credit. The header and half of the block, then nothing any more.
        if (heard === 2 * FRAME_BYTES) socket.write(Buffer.concat([encodeFrame({ ...frame, kind: 'header' }), new Uint8Array(bytes / 2)]), () => socket.destroy())
      })
    })
    opened(sender)
    await new Promise<void>((resolve) => { sender.listen(address(), resolve) })
    const inbound = opened(await InboundLink.connect(address(), {
      rank: 1, world: 2, route: route(0, bytes), wire: new IncomingWire(null), clock, carrier: 'through-socket',
    }))
    await expect(inbound.receive(blockOf(partsOf([bytes])))).rejects.toMatchObject({ name: 'PeerLostError', peer: 0 })
  })

  it.each(['socket', 'shared-memory'])('is lost to its sender over %s', async (kind) => {
    const door = opened(await Door.open(address(), 2, [route(1, bytes)]))
    const receiver = opened({ socket: connect(address()), close() { this.socket.destroy() } }).socket
    receiver.write(Buffer.concat([encodeFrame({ ...frame, kind: 'hello', owner: 2 }), encodeFrame({ ...frame, kind: 'credit' })]))
    // The header has come, of the block as little as fits one read.
    receiver.once('data', () => receiver.destroy())
    const outbound = opened(new OutboundLink({
      route: route(1, bytes), socket: await door.connection(route(1, bytes)), wire: new OutgoingWire(null), clock,
      carrier: kind === 'socket' ? 'through-socket' : opened(BlockFile.create(stagedPath(folder, 'dkv', 0, 1), bytes)),
    }))
    await expect(outbound.send(blockOf(partsOf([bytes])))).rejects.toMatchObject({ name: 'PeerLostError', peer: 1 })
  })
})

describe('over shared memory', () => {
  it('a published block is read from its owner\'s file, whatever its sender holds', async () => {
    const { outbound, inbound, published } = await linkOver('shared-memory', { bytes: 64 })
    published?.write(partsOf([10, 54], (at) => at + 1))
    const target = partsOf([64])
    await Promise.all([
      outbound.send(blockOf(partsOf([64], () => 0xee), { published: true })), inbound.receive(blockOf(target, { published: true })),
    ])
    expect([...target[0]]).toEqual(Array.from({ length: 64 }, (_, at) => at + 1))
  })

  it.each([0, 2])('a file that is too short is an error, with %d helper threads', async (threads) => {
    const bytes = 2 * 2 ** 20
    const { outbound, inbound } = await linkOver('shared-memory', { bytes, threads })
    truncateSync(publishedPath(folder, 0), bytes - 8)
    const sending = outbound.send(blockOf(partsOf([bytes]), { published: true })).catch((error: unknown) => error)
    await expect(inbound.receive(blockOf(partsOf([bytes]), { published: true }))).rejects.toThrow(/ends at byte 2097144 of the block's 2097152/)
    inbound.close()
    await sending
  })

  it('a file has its full size from the start, and is nobody else\'s', () => {
    const path = stagedPath(folder, 'dkv', 0, 1)
    opened(BlockFile.create(path, 2 ** 20 + 5))
    expect(statSync(path)).toMatchObject({ size: 2 ** 20 + 5 })
    expect(() => BlockFile.create(path, 8)).toThrow(/EEXIST/)
    expect(() => BlockFile.open(stagedPath(folder, 'kv', 0, 1))).toThrow(/ENOENT/)
  })
})

describe('a door', () => {
  it('turns a peer away that expects other blocks', async () => {
    await expect(linkOver('socket', { bytes: 64, receiverBytes: 128 })).rejects.toThrow(/blocks of 128 bytes at most.*blocks of 64/)
  })

  const knock = (frame: Parameters<typeof encodeFrame>[0] | null): void => {
    const socket = opened({ socket: connect(address()), close() { this.socket.destroy() } }).socket
    socket.on('error', () => undefined)
    if (frame === null) socket.end()
    else socket.write(encodeFrame(frame))
  }
  const hello = { kind: 'hello', channel: 'dkv', hop: 1, owner: 2, bytes: 64, ns: 0, wireNs: 0 } as const

  it.each([
    ['a rank that is not expected', { ...hello, hop: 3 }, /rank 3 .*nobody expects/],
    ['a channel that is not expected', { ...hello, channel: 'kv' } as const, /connects for kv/],
    ['a rank of another world', { ...hello, owner: 5 }, /world of 2/],
    ['something else than a hello', { ...hello, kind: 'credit' } as const, /credit instead of a hello/],
  ])('says no to %s', async (_, frame, why) => {
    const door = opened(await Door.open(address(), 2, [route(1, 64)]))
    knock(frame)
    await expect(door.connection(route(1, 64))).rejects.toThrow(why)
  })

  it('takes each receiver once, in any order, and does not mind one that leaves without a word', async () => {
    const door = opened(await Door.open(address(), 2, [route(1, 64), { ...route(1, 8), channel: 'kv' }]))
    knock(null)
    knock({ ...hello, channel: 'kv', bytes: 8 })
    knock(hello)
    const [kv, dkv] = await Promise.all([door.connection({ channel: 'kv', peer: 1 }), door.connection(route(1, 64))])
    expect(kv).not.toBe(dkv)
  })

  it('finds out when a rank comes twice', async () => {
    const door = opened(await Door.open(address(), 3, [route(1, 64), route(2, 64)]))
    knock({ ...hello, owner: 3 })
    await door.connection(route(1, 64))
    knock({ ...hello, owner: 3 })
    await expect(door.connection(route(2, 64))).rejects.toThrow(/second time/)
  })
})
