import { describe, expect, it } from 'vitest'
import type { Move } from '../plan/plan.ts'
import type { Channel } from '../timeline/categories.ts'
import type { SettledMove } from './mover.ts'
import { splitWait } from './splitWait.ts'

const move = (peer: number, channel: Channel): Move => ({
  channel, payload: 'kv', peer, owner: 0, bytes: 8, hop: 0, place: { buffer: 'kv', slot: 0 }, settleStep: 0,
})
const received = (peer: number, senderStartNs: number, endNs: number, channel: Channel = 'kv'): SettledMove =>
  ({ direction: 'recv', move: move(peer, channel), times: { senderStartNs, startNs: senderStartNs + 1, endNs } })
const sent = (peer: number, startNs: number, endNs: number, readyNs = startNs): SettledMove =>
  ({ direction: 'send', move: move(peer, 'kv'), times: { readyNs, startNs, endNs } })

/** The parts of a wait of [100, 200]: peer or link, whom for, from, to. */
const waitFor = (...settled: [SettledMove, ...SettledMove[]]) =>
  splitWait(100, 200, settled).map(({ category, startNs, endNs, move: { peer } }) => [category, peer, startNs, endNs])

describe('splitWait', () => {
  it('waits for the peer until the block leaves it, then for the wire', () => {
    expect(waitFor(received(1, 150, 195), sent(2, 90, 120))).toEqual([['wait-peer', 1, 100, 150], ['wait-link', 1, 150, 195]])
  })

  it('waits only for the wire when the block was under way already', () => {
    expect(waitFor(received(1, 50, 195), sent(2, 50, 120))).toEqual([['wait-link', 1, 100, 195]])
  })

  it('waits for the receiver when that takes the sent block last', () => {
    expect(waitFor(received(1, 50, 110), sent(2, 170, 198))).toEqual([['wait-peer', 2, 100, 170], ['wait-link', 2, 170, 198]])
  })

  it('waits for the wire, not the receiver, while an emulated wire is busy with other blocks', () => {
    expect(waitFor(sent(2, 170, 198, 120))).toEqual([['wait-peer', 2, 100, 120], ['wait-link', 2, 120, 198]])
  })

  it('lays a wait for moves of several channels at the one that ends last, and of two at the received one', () => {
    expect(waitFor(received(1, 110, 150, 'dkv'), received(3, 120, 190), sent(2, 100, 180), received(4, 130, 170, 'kv-outer')))
      .toEqual([['wait-peer', 3, 100, 120], ['wait-link', 3, 120, 190]])
    const received1 = [['wait-peer', 1, 100, 120], ['wait-link', 1, 120, 190]]
    expect(waitFor(sent(2, 110, 190), received(1, 120, 190))).toEqual(received1)
    expect(waitFor(received(1, 120, 190), sent(2, 110, 190))).toEqual(received1)
  })

  it('waits for the wire while those ahead on the channel are under way, and for each peer that was late', () => {
    // Rounds of an all-to-all: the second peer is late by 20, the third has to wait for the channel alone.
    expect(waitFor(received(1, 90, 120), sent(1, 90, 150), received(2, 140, 160), received(3, 160, 190))).toEqual([
      ['wait-link', 1, 100, 120], ['wait-peer', 2, 120, 140], ['wait-link', 2, 140, 160], ['wait-link', 3, 160, 190],
    ])
    // Both ready from the start: the second was queued for an emulated wire.
    expect(waitFor(received(1, 105, 150), received(2, 110, 190))).toEqual([
      ['wait-peer', 1, 100, 105], ['wait-link', 1, 105, 110], ['wait-link', 2, 110, 190],
    ])
  })

  it('does not charge the wire for a thread that wakes up late: what was over before the wait is no wait', () => {
    expect(waitFor(received(1, 20, 60), sent(2, 20, 70))).toEqual([])
  })

  it('is never outside the wait, whatever the clocks said', () => {
    expect(waitFor(received(1, 250, 300), sent(2, 0, 1))).toEqual([['wait-peer', 1, 100, 200]])
  })
})
