import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interval, intersect, type Intervals, subtract, totalLength, union, unite } from './intervals.ts'

const of = (...pairs: [number, number][]): Intervals => ({
  starts: pairs.map(([start]) => start), ends: pairs.map(([, end]) => end),
})
const pairs = (intervals: Intervals): [number, number][] =>
  Array.from(intervals.starts, (start, index) => [start, intervals.ends[index]])

const RANGE = 60
const anyIntervals = fc.array(fc.tuple(fc.nat(RANGE), fc.nat(8)).map(([start, length]): [number, number] => [start, start + length]),
  { maxLength: 20 })
/** The oracle: membership of each unit cell [x, x + 1). */
const cells = (intervals: Intervals): boolean[] =>
  Array.from({ length: RANGE + 10 }, (_, x) => pairs(intervals).some(([start, end]) => start <= x && x < end))

describe('interval unions', () => {
  test('touching intervals merge, empty ones vanish, order does not matter', () => {
    expect(pairs(union(of([5, 7], [0, 2], [2, 4], [9, 9])))).toEqual([[0, 4], [5, 7]])
  })

  test('a covered interval does not shorten the one that covers it', () => {
    expect(pairs(union(of([0, 10], [2, 3], [4, 12])))).toEqual([[0, 12]])
  })

  test('intersection and difference of known sets', () => {
    const comm = of([0, 4], [6, 9])
    const compute = of([2, 7], [8, 20])
    expect(pairs(intersect(comm, compute))).toEqual([[2, 4], [6, 7], [8, 9]])
    expect(pairs(subtract(comm, compute))).toEqual([[0, 2], [7, 8]])
    expect(totalLength(comm)).toBe(7)
  })

  test('an interval that ends before it starts is empty', () => {
    expect(totalLength(interval(4, 3))).toBe(0)
    expect(totalLength(interval(3, 7))).toBe(4)
  })

  test('union, intersection and difference agree with membership cell by cell', () => {
    fc.assert(fc.property(anyIntervals, anyIntervals, (first, second) => {
      const a = union(of(...first))
      const b = union(of(...second))
      const inA = cells(of(...first))
      const inB = cells(of(...second))
      expect(cells(a)).toEqual(inA)
      expect(cells(unite(a, b))).toEqual(inA.map((inside, x) => inside || inB[x]))
      expect(cells(intersect(a, b))).toEqual(inA.map((inside, x) => inside && inB[x]))
      expect(cells(subtract(a, b))).toEqual(inA.map((inside, x) => inside && !inB[x]))
      expect(totalLength(intersect(a, b)) + totalLength(subtract(a, b))).toBe(totalLength(a))
    }))
  })

  test('a union is sorted and its parts do not touch', () => {
    fc.assert(fc.property(anyIntervals, (raw) => {
      const merged = pairs(union(of(...raw)))
      for (let index = 0; index < merged.length; index++) {
        expect(merged[index][1]).toBeGreaterThan(merged[index][0])
        if (index > 0) expect(merged[index][0]).toBeGreaterThan(merged[index - 1][1])
      }
    }))
  })
})
