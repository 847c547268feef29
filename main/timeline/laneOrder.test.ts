import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { orderByLane } from './laneOrder.ts'
import { sortByKey } from './sortByKey.ts'

describe('sort by key', () => {
  const sorted = (keys: readonly number[]): { keys: number[]; values: number[]; moved: boolean } => {
    const column = Float64Array.from(keys)
    const values = Uint32Array.from(keys, (_, at) => at)
    const moved = sortByKey(column, values)
    return { keys: [...column], values: [...values], moved }
  }
  const expected = (keys: readonly number[]): { keys: number[]; values: number[] } => {
    const values = keys.map((_, at) => at).sort((a, b) => keys[a] - keys[b] || a - b)
    return { keys: values.map((at) => keys[at]), values }
  }
  /** In order but for some that come late, as recorded traces are. */
  const nearlySorted = fc.tuple(fc.integer({ min: 2, max: 3000 }), fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 40 })).map(([count, moves]) => {
    const keys = Array.from({ length: count }, (_, at) => at >> 1)
    for (const [from, to] of moves) keys.splice(to % count, 0, ...keys.splice(from % count, 1))
    return keys
  })
  const fewValues = fc.array(fc.nat(5), { minLength: 100, maxLength: 500 })

  test('equals a stable sort', () => {
    fc.assert(fc.property(fc.oneof(fc.array(fc.integer(), { maxLength: 300 }), fewValues, nearlySorted), (keys) => {
      expect(sorted(keys)).toMatchObject(expected(keys))
    }), { numRuns: 300 })
  })

  test('says whether anything moved, and stays within its part', () => {
    expect([sorted([]).moved, sorted([1, 1, 2]).moved, sorted([2, 1]).moved]).toEqual([false, false, true])
    const keys = Float64Array.of(9, 3, 2, 1, 0)
    const values = Uint32Array.of(0, 1, 2, 3, 4)
    sortByKey(keys, values, 1, 4)
    expect([[...keys], [...values]]).toEqual([[9, 1, 2, 3, 0], [0, 3, 2, 1, 4]])
  })
})

describe('order by lane', () => {
  test('by start, of equal starts the longer first, of equals the earlier recorded', () => {
    const anySpans = fc.array(fc.record({ lane: fc.nat(3), start: fc.nat(60), duration: fc.nat(3) }), { maxLength: 400 })
    fc.assert(fc.property(anySpans, (spans) => {
      const columns = {
        count: spans.length, lane: Uint32Array.from(spans, ({ lane }) => lane),
        startNs: Float64Array.from(spans, ({ start }) => start), durationNs: Float64Array.from(spans, ({ duration }) => duration),
      }
      const expected = [0, 1, 2, 3, 4].map((lane) => spans.map((_, at) => at).filter((at) => spans[at].lane === lane)
        .sort((a, b) => spans[a].start - spans[b].start || spans[b].duration - spans[a].duration || a - b))
      expect(orderByLane(columns, 5).map((order) => [...order])).toEqual(expected)
    }), { numRuns: 300 })
  })
})
