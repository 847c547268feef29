import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Segment } from '../backends/segments.ts'
import type { Channel, Payload } from '../timeline/categories.ts'
import { encodeBfloat16 } from './bfloat16.ts'
import type { CommSetup, FromComm, RegisteredMove } from './commMessages.ts'
import { CommThread } from './commThread.ts'
import type { LinkModel } from './emulatedLink.ts'
import { MoveBoard } from './moveBoard.ts'

const MEMORY_BYTES = 1 << 16
const originNs = process.hrtime.bigint()

let folder = ''
let threads: CommThread[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'comm-'))
  threads = []
})
afterEach(() => {
  for (const thread of threads) thread.close()
  rmSync(folder, { recursive: true })
})

/** Where a block lies in a rank's memory: a block is as long as the place it is in. */
const at = (byteOffset: number, bytes: number, floatsByteOffset: number | null = null): Segment => ({ byteOffset, bytes, floatsByteOffset })

interface Transfer {
  readonly channel: Channel
  readonly payload: Payload
  readonly from: number
  readonly to: number
  readonly owner?: number
  readonly source: readonly Segment[]
  readonly target: readonly Segment[]
}

interface Ranks {
  readonly bytes: readonly Uint8Array[]
  /** What each rank's thread said. */
  readonly said: readonly FromComm[][]
  /** Posts transfers in this order at one end. */
  order(rank: number, transfers: readonly number[]): void
  /** The same, and resolves when they are over there. */
  post(rank: number, transfers: readonly number[]): Promise<void>
  /** Times of a transfer at one end. */
  times(rank: number, transfer: number): ReturnType<MoveBoard['times']>
}

interface Options { readonly kind: string; readonly link?: LinkModel; readonly degree?: number; readonly ownKv?: readonly Segment[] }

/** Communication threads of several ranks, all in this one, whose whole plan are the given transfers. */
async function ranksWith(world: number, transfers: readonly Transfer[], { kind, link, degree = 1, ownKv = [] }: Options): Promise<Ranks> {
  const address = (rank: number): string => (process.platform === 'win32' ? `\\\\.\\pipe\\${folder.replaceAll(/\W/g, '-')}-${rank}` : join(folder, `r${rank}`))
  const said: FromComm[][] = Array.from({ length: world }, () => [])
  const bytesOf = (segments: readonly Segment[]): number => segments.reduce((sum, { bytes }) => sum + bytes, 0)
  const ends = Array.from({ length: world }, (_, rank) => {
    const registered = transfers.flatMap(({ channel, payload, from, to, owner = from, source, target }, hop): RegisteredMove[] => [
      ...(from === rank ? [{ direction: 'send', segments: source, move: { channel, payload, peer: to, owner, bytes: bytesOf(source), hop } } as const] : []),
      ...(to === rank ? [{ direction: 'recv', segments: target, move: { channel, payload, peer: from, owner, bytes: bytesOf(target), hop } } as const] : []),
    ])
    const board = new MoveBoard(registered.length)
    const memory = new SharedArrayBuffer(MEMORY_BYTES)
    const setup: CommSetup = {
      rank, world, degree, originNs, memory, moves: registered, board: board.buffer, ownKv, link: link ?? null,
      ownAddress: address(rank), senderAddresses: new Map(transfers.map(({ from }) => [from, address(from)])),
      slotDir: kind === 'socket' ? null : folder, copyThreads: 0, parentPid: process.pid, ownedFolders: [],
    }
    const thread = new CommThread(setup, (message) => said[rank].push(message))
    threads.push(thread)
    return { thread, board, registered, memory: new Uint8Array(memory) }
  })
  await Promise.all(ends.map(({ thread }) => thread.listen()))
  await Promise.all(ends.map(({ thread }) => thread.connect()))
  const lineOf = (rank: number, transfer: number): number => ends[rank].registered.findIndex(({ move }) => move.hop === transfer)
  const order = (rank: number, wanted: readonly number[]): void =>
    ends[rank].thread.post(wanted.map((transfer) => ({ index: lineOf(rank, transfer), hop: transfer })))
  return {
    said,
    bytes: ends.map(({ memory }) => memory),
    times: (rank, transfer) => ends[rank].board.times(lineOf(rank, transfer)),
    order,
    post: async (rank, wanted) => {
      order(rank, wanted)
      await expect.poll(() => wanted.every((transfer) => ends[rank].board.isOver(lineOf(rank, transfer))), { timeout: 5000, interval: 1 }).toBe(true)
    },
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })

describe.each(['socket', 'shared-memory'])('a communication thread over %s', (kind) => {
  it('scatters blocks where they belong, on several channels and with several ranks at once', async () => {
    // Rank 0 to 1 and to 2, and back; two channels between 0 and 1.
    const transfers: Transfer[] = [
      { channel: 'dkv', payload: 'dkv', from: 0, to: 1, source: [at(0, 16), at(64, 8)], target: [at(1000, 8), at(2000, 16)] },
      { channel: 'result', payload: 'partial', from: 0, to: 1, source: [at(128, 32)], target: [at(3000, 32)] },
      { channel: 'dkv', payload: 'dkv', from: 0, to: 2, source: [at(0, 64)], target: [at(1000, 64)] },
      { channel: 'dkv', payload: 'dkv', from: 1, to: 0, source: [at(0, 24)], target: [at(1000, 24)] },
      { channel: 'all-to-all', payload: 'out', from: 2, to: 0, source: [at(8, 8)], target: [at(2000, 8)] },
    ]
    const ranks = await ranksWith(3, transfers, { kind })
    ranks.bytes.forEach((memory, rank) => { for (let byte = 0; byte < 256; byte++) memory[byte] = (byte + 100 * rank) % 256 })
    await Promise.all([ranks.post(0, [0, 1, 2, 3, 4]), ranks.post(1, [1, 0, 3]), ranks.post(2, [4, 2])])
    const [zero, one, two] = ranks.bytes
    const bytesFrom = (memory: Uint8Array, from: number, count: number): number[] => [...memory.subarray(from, from + count)]
    const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => (from + index) % 256)
    expect(bytesFrom(one, 1000, 8)).toEqual(range(0, 8))
    expect(bytesFrom(one, 2000, 16)).toEqual([...range(8, 8), ...range(64, 8)])
    expect(bytesFrom(one, 3000, 32)).toEqual(range(128, 32))
    expect(bytesFrom(two, 1000, 64)).toEqual(range(0, 64))
    expect(bytesFrom(zero, 1000, 24)).toEqual(range(100, 24))
    expect(bytesFrom(zero, 2000, 8)).toEqual(range(208, 8))
    expect(ranks.said.flat().filter(({ type }) => type === 'failed')).toEqual([])
  })

  it('carries one block at a time on a channel, in the order of posting, whomever they are for', async () => {
    const transfers: Transfer[] = [1, 2, 1].map((to, index) => ({
      channel: 'query', payload: 'query', from: 0, to, source: [at(16 * index, 16)], target: [at(16 * index, 16)],
    }))
    const ranks = await ranksWith(3, transfers, { kind })
    const sent = ranks.post(0, [0, 1, 2])
    const second = ranks.post(2, [1])
    await pause(30)
    // Rank 2 is ready and yet has to wait: rank 1 is first and is not.
    const postedNs = Number(process.hrtime.bigint() - originNs)
    await Promise.all([sent, second, ranks.post(1, [0, 2])])
    const times = [0, 1, 2].map((transfer) => ranks.times(0, transfer))
    expect(times[0].startNs).toBeGreaterThanOrEqual(postedNs)
    expect(times[1].startNs).toBeGreaterThanOrEqual(times[0].endNs)
    expect(times[2].startNs).toBeGreaterThanOrEqual(times[1].endNs)
  })

  it('lets channels go their own ways: one that waits holds up no other', async () => {
    const transfers: Transfer[] = (['kv-outer', 'dkv'] as const).map((channel, index) => ({
      channel, payload: 'dkv', from: 0, to: 1, source: [at(16 * index, 16)], target: [at(16 * index, 16)],
    }))
    const ranks = await ranksWith(2, transfers, { kind })
    const outer = ranks.post(0, [0])
    await Promise.all([ranks.post(0, [1]), ranks.post(1, [1])])
    const postedNs = Number(process.hrtime.bigint() - originNs)
    await Promise.all([outer, ranks.post(1, [0])])
    expect(ranks.times(0, 1).endNs).toBeLessThan(postedNs)
    expect(ranks.times(0, 0).startNs).toBeGreaterThanOrEqual(postedNs)
  })

  it('decodes bfloat16 before a block counts as received, and passes the wire form on', async () => {
    const values = Float32Array.of(1.5, -2, 1 + 2 ** -10, 3e38)
    const transfers: Transfer[] = [0, 1].map((from) => ({
      channel: 'kv', payload: 'kv', from, to: from + 1, owner: 0,
      source: [at(0, 8, from === 0 ? null : 64)], target: [at(0, 8, 64)],
    }))
    const ranks = await ranksWith(3, transfers, { kind, ownKv: [at(0, 8)] })
    encodeBfloat16(values, new Uint16Array(ranks.bytes[0].buffer, 0, 4))
    threads[0].publish()
    await Promise.all([ranks.post(0, [0]), ranks.post(1, [0])])
    await Promise.all([ranks.post(1, [1]), ranks.post(2, [1])])
    const rounded = [1.5, -2, 1, new Float32Array(Uint32Array.of(0x7f62_0000).buffer)[0]]
    for (const rank of [1, 2]) expect([...new Float32Array(ranks.bytes[rank].buffer, 64, 4)]).toEqual(rounded)
  })

  it('shares one emulated wire among all inner channels, and joins windows by another', async () => {
    // 1000 bytes take a second, which nobody waits for here and the real ones never do.
    const link = { bandwidthGBps: 1e-6, latencyUs: 2e6 }
    const transfers: Transfer[] = (['dkv', 'result', 'dkv-outer'] as const).map((channel, index) => ({
      channel, payload: 'dkv', from: 0, to: 1, source: [at(1000 * index, 1000)], target: [at(1000 * index, 1000)],
    }))
    const ranks = await ranksWith(2, transfers, { kind, link })
    await Promise.all([ranks.post(0, [0, 1, 2]), ranks.post(1, [0, 1, 2])])
    const left = [0, 1, 2].map((transfer) => ranks.times(0, transfer))
    const arrived = [0, 1, 2].map((transfer) => ranks.times(1, transfer))
    for (const [index, { startNs, endNs }] of left.entries()) {
      expect(endNs - startNs).toBe(1e9)
      expect(arrived[index]).toEqual({ readyNs: left[index].readyNs, startNs: startNs + 2e9, endNs: endNs + 2e9 })
    }
    const [first, second] = left.slice(0, 2).toSorted((a, b) => a.startNs - b.startNs)
    expect(second.startNs).toBe(first.endNs)
    expect(second.readyNs).toBeLessThan(first.endNs)
    expect(left[2].startNs).toBe(left[2].readyNs)
  })

  it('says which rank is gone', async () => {
    const transfers: Transfer[] = [{ channel: 'query', payload: 'query', from: 2, to: 0, source: [at(0, 8)], target: [at(0, 8)] }]
    const ranks = await ranksWith(3, transfers, { kind })
    ranks.order(0, [0])
    threads[2].close()
    await expect.poll(() => ranks.said[0].at(-1)).toMatchObject({ type: 'failed', lostPeer: 2 })
  })
})

describe('over shared memory', () => {
  const kv: Transfer = { channel: 'kv', payload: 'kv', from: 0, to: 1, source: [at(0, 64)], target: [at(0, 64)] }
  const gradient: Transfer = { channel: 'dkv', payload: 'dkv', from: 1, to: 0, source: [at(128, 32)], target: [at(256, 32)] }

  it('there is a file for a rank\'s own K/V and one for each link by which something else leaves', async () => {
    await ranksWith(2, [kv, gradient], { kind: 'shared-memory' })
    expect(readdirSync(folder).filter((name) => !/^r\d$/.test(name)).toSorted()).toEqual(['dkv-1-0', 'own-0'])
  })

  it('K/V that a Ulysses group puts together during a pass goes through its link\'s file', async () => {
    const ranks = await ranksWith(2, [kv], { kind: 'shared-memory', degree: 2 })
    expect(readdirSync(folder).filter((name) => !/^r\d$/.test(name))).toEqual(['kv-0-1'])
    ranks.bytes[0].fill(7, 0, 64)
    await Promise.all([ranks.post(0, [0]), ranks.post(1, [0])])
    expect([...ranks.bytes[1].subarray(0, 64)].every((byte) => byte === 7)).toBe(true)
  })
})
