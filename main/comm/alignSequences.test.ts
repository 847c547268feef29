import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alignSequences, type SequenceEntry } from './alignSequences.ts'
import { seededRandom } from '../../kernels/seededRandom.ts'

/** Kernels with uneven pauses; of another rank they end at the same moments give or take, on another clock. */
function ends(seed: number, count: number): number[] {
  const random = seededRandom(seed)
  let at = 0
  return Array.from({ length: count }, () => (at += 100_000 + Math.floor(random() * 400_000)))
}
const entries = (times: readonly number[], offsetNs: number, firstOrder = 0): SequenceEntry[] =>
  times.map((endNs, order) => ({ order: order + firstOrder, startNs: endNs - 50_000 + offsetNs, endNs: endNs + offsetNs }))

describe('two ranks\' kernels of one group', () => {
  test('the window that was cut is found by the rhythm of its ends, whatever the clocks', () => {
    fc.assert(fc.property(fc.nat(10_000), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: -1e9, max: 1e9 }), (seed, head, tail, offsetNs) => {
      const times = ends(seed, 80)
      const cut = times.slice(head, times.length - tail)
      expect(alignSequences(entries(cut, offsetNs), entries(times, 0), false)).toEqual(cut.map((_, at) => at + head))
      expect(alignSequences(entries(times, 0), entries(cut, offsetNs), false)).toEqual(times.map((_, at) => (at >= head && at < times.length - tail ? at - head : null)))
    }), { numRuns: 50 })
  })

  test('sequence numbers tell, also where windows of equally many kernels were cut differently', () => {
    const times = ends(4, 15)
    const later = [null, null, 0, 1, 2, 3, 4, 5, 6, 7]
    expect(alignSequences(entries(times.slice(3, 13), 0, 3), entries(times.slice(5), 5e6, 5), true)).toEqual(later)
    expect(alignSequences(entries(times.slice(3, 13), 0, 3), entries(times.slice(5, 14), 5e6, 5), true)).toEqual(later)
  })

  test('sequence numbers that two ranks do not share are not followed', () => {
    const times = ends(5, 10)
    expect(alignSequences(entries(times, 0, 0), entries(times, 0, 3), true)).toEqual(times.map((_, at) => at))
    expect(alignSequences(entries(times, 0, 0), entries(times.slice(1), 0, 100), true)).toEqual([null, ...times.slice(1).map((_, at) => at)])
  })

  test('an even rhythm shows no shift: unequal counts stay unmatched, equal ones go by position', () => {
    const even = Array.from({ length: 40 }, (_, at) => at * 100_000)
    expect(alignSequences(entries(even, 0), entries(even.slice(5), 0), false)).toBeNull()
    expect(alignSequences(entries(even, 0), entries(even, 123), false)).toEqual(even.map((_, at) => at))
  })

  test('too few to tell', () => {
    expect(alignSequences(entries([1, 2], 0), entries([1, 2], 9), false)).toEqual([0, 1])
    expect(alignSequences(entries([1, 2], 0), entries([1, 2, 3], 9), false)).toBeNull()
  })
})
