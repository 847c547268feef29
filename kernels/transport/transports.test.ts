import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runClock } from '../timeline/clock.ts'
import { PeerLostError, TransportError } from './frames.ts'
import type { InboundLink, OutboundLink } from './links.ts'
import { listenForNext } from './outboundSocket.ts'
import { SharedMemoryInboundLink, SharedMemoryOutboundLink } from './sharedMemoryTransport.ts'
import { SocketInboundLink, SocketOutboundLink } from './socketTransport.ts'

const clock = runClock(process.hrtime.bigint())
let folder = ''
let open: (OutboundLink | InboundLink)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'links-'))
  open = []
})
afterEach(() => {
  for (const link of open) link.close()
  rmSync(folder, { recursive: true })
})

interface Terms { readonly bytesPerHop: number; readonly receiverBytesPerHop?: number; readonly threads?: number }

/** Both ends of a link from rank 0 to rank 1 of 2. */
async function linkOver(kind: string, { bytesPerHop, receiverBytesPerHop, threads }: Terms): Promise<{ outbound: OutboundLink; inbound: InboundLink }> {
  const address = process.platform === 'win32' ? `\\\\.\\pipe\\${folder.replaceAll(/\W/g, '-')}` : join(folder, 's')
  const sender = { rank: 0, world: 2, bytesPerHop }
  const receiver = { rank: 1, world: 2, bytesPerHop: receiverBytesPerHop ?? bytesPerHop }
  const file = kind === 'socket' ? null : SharedMemoryOutboundLink.createBlockFile(folder, sender)
  if (file !== null) SharedMemoryOutboundLink.createBlockFile(folder, receiver)
  const door = await listenForNext(address)
  const [outbound, inbound] = await Promise.all([
    file === null ? SocketOutboundLink.accept(door, sender, clock) : SharedMemoryOutboundLink.accept(door, file, sender, clock),
    file === null
      ? SocketInboundLink.connect(address, receiver, clock)
      : SharedMemoryInboundLink.connect(address, folder, threads ?? 0, receiver, clock),
  ])
  open.push(outbound, inbound)
  return { outbound, inbound }
}

/** A block in shared memory, as the arena's slots are. */
function block(bytes: number, fill: (at: number) => number = () => 0): Uint8Array {
  const view = new Uint8Array(new SharedArrayBuffer(bytes))
  for (let at = 0; at < bytes; at++) view[at] = fill(at)
  return view
}

// Shared memory needs a folder, not tmpfs: these run everywhere.
describe.each(['socket', 'shared-memory'])('over %s', (kind) => {
  it.each([4, 1000, 3 * 2 ** 20 + 12])('a block of %d bytes arrives whole in the slot named for it', async (bytes) => {
    const { outbound, inbound } = await linkOver(kind, { bytesPerHop: bytes, threads: 2 })
    for (let hop = 0; hop < 3; hop++) {
      const sent = block(bytes, (at) => (at * 31 + hop) % 251)
      outbound.publish(sent)
      const target = block(bytes)
      const [departure, arrival] = await Promise.all([
        outbound.send({ hop, owner: 0, bytes: sent }), inbound.receive({ hop, owner: 0, target }),
      ])
      expect(Buffer.compare(target, sent)).toBe(0)
      expect(arrival.senderStartNs).toBe(departure.startNs)
      expect(arrival.startNs).toBeGreaterThanOrEqual(departure.startNs)
      expect(arrival.endNs).toBeGreaterThanOrEqual(arrival.startNs)
    }
  })

  it('nothing is sent before the slot is posted', async () => {
    const { outbound, inbound } = await linkOver(kind, { bytesPerHop: 64 })
    const sending = outbound.send({ hop: 1, owner: 0, bytes: block(64) })
    await new Promise((resolve) => setTimeout(resolve, 20))
    const postedNs = clock.now()
    await inbound.receive({ hop: 1, owner: 0, target: block(64) })
    expect((await sending).startNs).toBeGreaterThanOrEqual(postedNs)
  })

  it('a receiver and a sender that are at different hops both say so', async () => {
    const { outbound, inbound } = await linkOver(kind, { bytesPerHop: 64 })
    const receiving = inbound.receive({ hop: 7, owner: 0, target: block(64) }).catch((error: unknown) => error)
    await expect(outbound.send({ hop: 6, owner: 0, bytes: block(64) })).rejects.toThrow(/hop 6 .*hop 7/)
    outbound.close()
    expect(await receiving).toBeInstanceOf(TransportError)
  })

  it('a header that names another block is refused', async () => {
    const { outbound, inbound } = await linkOver(kind, { bytesPerHop: 64 })
    const sending = outbound.send({ hop: 1, owner: 1, bytes: block(64) }).catch((error: unknown) => error)
    await expect(inbound.receive({ hop: 1, owner: 0, target: block(64) })).rejects.toThrow(/block of rank 0 .*block of rank 1/)
    inbound.close()
    await sending
  })

  it('a peer that goes away in mid-hop is reported as lost, at both ends', async () => {
    const first = await linkOver(kind, { bytesPerHop: 64 })
    const receiving = first.inbound.receive({ hop: 1, owner: 0, target: block(64) })
    first.outbound.close()
    await expect(receiving).rejects.toBeInstanceOf(PeerLostError)
    await expect(receiving).rejects.toMatchObject({ peer: 0 })
  })

  it('a sender learns that its receiver is gone', async () => {
    const { outbound, inbound } = await linkOver(kind, { bytesPerHop: 64 })
    const sending = outbound.send({ hop: 1, owner: 0, bytes: block(64) })
    inbound.close()
    await expect(sending).rejects.toMatchObject({ name: 'PeerLostError', peer: 1 })
  })
})

it('a peer that expects other blocks is turned away', async () => {
  await expect(linkOver('socket', { bytesPerHop: 64, receiverBytesPerHop: 128 })).rejects.toThrow(/hops of 64 bytes.*hops of 128/)
})
