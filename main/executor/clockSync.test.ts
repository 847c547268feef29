import { describe, expect, it } from 'vitest'
import { clockReading } from './clockSync.ts'

describe('clockReading', () => {
  it('trusts the fastest round trip, to half its length', () => {
    expect(clockReading([
      { sentNs: 0, childNs: 900, receivedNs: 1000 },
      { sentNs: 2000, childNs: 2550, receivedNs: 2100 },
      { sentNs: 3000, childNs: 3600, receivedNs: 3800 },
    ])).toEqual({ offsetNs: 500, uncertaintyNs: 50 })
  })

  it('cannot be made of nothing', () => {
    expect(() => clockReading([])).toThrow(RangeError)
  })
})
