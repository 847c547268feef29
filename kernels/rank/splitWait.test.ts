import { describe, expect, it } from 'vitest'
import { splitWait } from './splitWait.ts'

const arrival = (senderStartNs: number, endNs: number) => ({ senderStartNs, startNs: senderStartNs + 1, endNs })
const departure = (startNs: number, endNs: number) => ({ startNs, endNs })

describe('splitWait', () => {
  it('waits for the peer until the block leaves it, then for the wire', () => {
    expect(splitWait(100, 200, arrival(150, 195), departure(90, 120))).toEqual({ on: 'previous', movingFromNs: 150, overNs: 195 })
  })

  it('waits only for the wire when the block was under way already', () => {
    expect(splitWait(100, 200, arrival(50, 195), departure(50, 120))).toEqual({ on: 'previous', movingFromNs: 100, overNs: 195 })
  })

  it('waits for the next rank when that takes the sent block last', () => {
    expect(splitWait(100, 200, arrival(50, 110), departure(170, 198))).toEqual({ on: 'next', movingFromNs: 170, overNs: 198 })
  })

  it('does not charge the wire for a thread that wakes up late: what was over before the wait is no wait', () => {
    expect(splitWait(100, 200, arrival(20, 60), departure(20, 70))).toEqual({ on: 'next', movingFromNs: 100, overNs: 100 })
  })

  it('is never outside the wait, whatever the clocks said', () => {
    expect(splitWait(100, 200, arrival(250, 300), departure(0, 1))).toEqual({ on: 'previous', movingFromNs: 200, overNs: 200 })
  })
})
