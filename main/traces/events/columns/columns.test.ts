import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { groupRows } from './groupRows.ts'
import { SegmentedRows, sharedArray } from './segmentedRows.ts'
import { TripleTable } from './tripleTable.ts'

describe('rows in segments', () => {
  const fill = (count: number) => {
    const rows = new SegmentedRows({ small: 'u8', large: 'f64' })
    for (let row = 0; row < count; row++) {
      const at = rows.next()
      rows.current.small[at] = row % 251
      rows.current.large[at] = row / 2
    }
    return rows
  }

  test.each([0, 1, 255, 256, 257, 5000, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 200_000])('%i come back in order', (count) => {
    const rows = fill(count)
    expect(rows.count).toBe(count)
    const small = rows.take('small')
    const large = rows.take('large')
    expect([small.length, large.length]).toEqual([count, count])
    expect(small.every((value, row) => value === row % 251) && large.every((value, row) => value === row / 2)).toBe(true)
    expect(rows.count).toBe(count)
  })

  test('into a part of shared memory', () => {
    const target = sharedArray('f64', 10)
    fill(3).takeInto('large', target, 5)
    expect([...target]).toEqual([0, 0, 0, 0, 0, 0, 0.5, 1, 0, 0])
    expect(target.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  test('a column that was taken is gone', () => {
    const rows = fill(3)
    rows.take('small')
    expect(() => rows.take('small')).toThrow(/taken before/)
  })
})

test('triples are numbered in order of appearance, equal ones alike', () => {
  const part = fc.oneof(fc.nat(5), fc.constantFrom(0xffff_ffff, 0x8000_0000))
  fc.assert(fc.property(fc.array(fc.tuple(part, part, part), { maxLength: 400 }), (triples) => {
    const table = new TripleTable()
    const known = new Map<string, number>()
    for (const triple of triples) {
      const key = triple.join()
      if (!known.has(key)) known.set(key, known.size)
      const index = table.indexOf(...triple)
      expect(index).toBe(known.get(key))
      expect([table.first(index), table.second(index), table.third(index)]).toEqual(triple)
    }
    expect(table.count).toBe(known.size)
  }))
})

test('rows of a group are by time, of equal times as recorded', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(20)), { maxLength: 200 }), (rows) => {
    const grouped = groupRows(Uint32Array.from(rows, ([group]) => group), 4, Float64Array.from(rows, ([, time]) => time))
    for (let group = 0; group < 4; group++) {
      const expected = rows.flatMap(([of, time], row) => (of === group ? [{ row, time }] : [])).toSorted((a, b) => a.time - b.time)
      expect([...grouped.rows.subarray(grouped.from[group], grouped.from[group + 1])]).toEqual(expected.map(({ row }) => row))
    }
  }))
})
