import { describe, expect, it } from 'vitest'
import { visitingOrder } from './order.ts'

describe('visitingOrder', () => {
  it('visits every tile once', () => {
    for (const count of [1, 2, 9, 30]) {
      expect(visitingOrder(count, 3).toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at))
    }
  })

  it('differs between repeats and is the same for the same repeat', () => {
    const orders = Array.from({ length: 6 }, (_, repeat) => visitingOrder(12, repeat).join())
    expect(new Set(orders).size).toBe(6)
    expect(visitingOrder(12, 4).join()).toBe(orders[4])
  })

  it('puts each tile first sooner or later', () => {
    expect(new Set(Array.from({ length: 60 }, (_, repeat) => visitingOrder(4, repeat)[0])).size).toBe(4)
  })
})
