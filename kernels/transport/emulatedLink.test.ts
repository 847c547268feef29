import { describe, expect, it } from 'vitest'
import { emulatedArrival, emulatedDeparture } from './emulatedLink.ts'

const link = { bandwidthGBps: 2, latencyUs: 10 }
const arrival = { senderStartNs: 1000, startNs: 1100, endNs: 1500 }

describe('an emulated link', () => {
  it('leaves real times alone when there is none', () => {
    expect(emulatedArrival(null, arrival, 1e6)).toEqual(arrival)
    expect(emulatedDeparture(null, { startNs: 1, endNs: 2 }, 1e6)).toEqual({ startNs: 1, endNs: 2 })
  })

  it('is busy for bytes / bandwidth at the sender, and that much later than its latency at the receiver', () => {
    expect(emulatedDeparture(link, { startNs: 1000, endNs: 1200 }, 1e6)).toEqual({ startNs: 1000, endNs: 501_000 })
    expect(emulatedArrival(link, arrival, 1e6)).toEqual({ senderStartNs: 1000, startNs: 11_000, endNs: 511_000 })
  })

  it('is never faster than the real one', () => {
    const slow = { senderStartNs: 1000, startNs: 1100, endNs: 9e6 }
    expect(emulatedArrival(link, slow, 1e6)).toEqual(slow)
    expect(emulatedDeparture(link, { startNs: 1000, endNs: 9e6 }, 1e6).endNs).toBe(9e6)
  })
})
