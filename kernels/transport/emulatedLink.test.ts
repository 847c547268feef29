import { describe, expect, it } from 'vitest'
import { CHANNELS } from '../timeline/categories.ts'
import { IncomingWire, OutgoingWire, wireClassOf } from './emulatedLink.ts'

/** 1 MB takes 500 µs. */
const link = { bandwidthGBps: 2, latencyUs: 10 }
const MB = 1e6

describe('an outgoing wire', () => {
  it('leaves real times alone where none is emulated, however many blocks leave at once', () => {
    const wire = new OutgoingWire(null)
    expect(wire.take(1000, MB)).toBe(1000)
    expect(wire.take(1001, MB)).toBe(1001)
    expect(wire.departure(1000, 1000, 1700, MB)).toEqual({ startNs: 1000, endNs: 1700 })
  })

  it('is busy for bytes / bandwidth with each block, one after the other', () => {
    const wire = new OutgoingWire(link)
    expect([wire.take(1000, MB), wire.take(2000, 2 * MB), wire.take(3000, MB)]).toEqual([1000, 501_000, 1_501_000])
    expect(wire.take(9e6, MB)).toBe(9e6)
    expect(wire.departure(2000, 501_000, 3000, 2 * MB)).toEqual({ readyNs: 2000, startNs: 501_000, endNs: 1_501_000 })
  })

  it('is never free before the real bytes have left', () => {
    const wire = new OutgoingWire(link)
    const startNs = wire.take(1000, MB)
    expect(wire.departure(1000, startNs, 9e6, MB).endNs).toBe(9e6)
    expect(wire.take(2e6, MB)).toBe(9e6)
  })
})

describe('an incoming wire', () => {
  const real = { senderStartNs: 1000, startNs: 1100, endNs: 1500 }

  it('leaves real times alone where none is emulated', () => {
    expect(new IncomingWire(null).arrival(real, 1000, MB)).toEqual(real)
  })

  it('brings a block a latency after the sender\'s wire took it, and knows when the sender could send', () => {
    expect(new IncomingWire(link).arrival(real, 1000, MB)).toEqual({ senderStartNs: 1000, startNs: 11_000, endNs: 511_000 })
    expect(new IncomingWire(link).arrival(real, 501_000, MB)).toEqual({ senderStartNs: 1000, startNs: 511_000, endNs: 1_011_000 })
  })

  it('is never faster than the real one', () => {
    const slow = { senderStartNs: 1000, startNs: 1100, endNs: 9e6 }
    expect(new IncomingWire(link).arrival(slow, 1000, MB)).toEqual(slow)
  })

  it('takes in blocks of several senders one after the other', () => {
    const wire = new IncomingWire(link)
    const first = wire.arrival(real, 1000, MB)
    const second = wire.arrival({ senderStartNs: 1200, startNs: 1600, endNs: 1700 }, 1200, MB)
    expect(second).toEqual({ senderStartNs: 1200, startNs: first.endNs, endNs: first.endNs + 500_000 })
    const slow = wire.arrival({ senderStartNs: 1300, startNs: 1800, endNs: 9e6 }, 1300, MB)
    expect(slow).toEqual({ senderStartNs: 1300, startNs: second.endNs, endNs: 9e6 })
  })
})

it('the windows of a double ring are joined by a wire of their own', () => {
  expect(CHANNELS.filter((channel) => wireClassOf(channel) === 'outer')).toEqual(['kv-outer', 'dkv-outer'])
})
