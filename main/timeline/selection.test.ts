import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CATEGORY_CODE, type SpanCategory } from '../../kernels/timeline/categories.ts'
import { selectionStats } from './selection.ts'
import { type Timeline, TimelineBuilder } from './timeline.ts'

type Row = readonly [lane: number, category: SpanCategory, name: string, startNs: number, endNs: number]

function timelineOf(rows: readonly Row[]): Timeline {
  const builder = new TimelineBuilder('test', 'trace')
  for (let lane = 0; lane < 3; lane++) builder.addLane({ rank: lane, name: 'lane', pid: lane, tid: lane })
  for (const [lane, category, name, startNs, endNs] of rows) {
    builder.append({ lane, category: CATEGORY_CODE[category], name: builder.intern(name), startNs, durationNs: endNs - startNs })
  }
  return builder.timeline(null)
}

describe('selection', () => {
  const timeline = timelineOf([
    [0, 'other', 'step', 0, 100], [0, 'compute', 'attend', 10, 40], [0, 'compute', 'attend', 50, 90],
    [1, 'send', 'hop', 30, 60], [1, 'other', 'mark', 60, 60], [1, 'send', 'hop', 60, 61],
  ])

  test('durations are trimmed to the window; nested spans count beside those around them', () => {
    expect(selectionStats(timeline, { startNs: 20, endNs: 60 })).toEqual({
      startNs: 20, endNs: 60, spanCount: 5, moreRows: 0,
      rows: [
        { name: 'step', category: 'other', count: 1, totalNs: 40, averageNs: 40, longestNs: 40, spanIndex: 0 },
        { name: 'attend', category: 'compute', count: 2, totalNs: 30, averageNs: 15, longestNs: 20, spanIndex: 1 },
        { name: 'hop', category: 'send', count: 1, totalNs: 30, averageNs: 30, longestNs: 30, spanIndex: 3 },
        { name: 'mark', category: 'other', count: 1, totalNs: 0, averageNs: 0, longestNs: 0, spanIndex: 4 },
      ],
    })
  })

  test('of some lanes', () => {
    const { rows, spanCount } = selectionStats(timeline, { startNs: 0, endNs: 100, lanes: [1, 1] })
    expect([spanCount, rows.map(({ name }) => name)]).toEqual([3, ['hop', 'mark']])
    expect(selectionStats(timeline, { startNs: 0, endNs: 100, lanes: [] }).spanCount).toBe(0)
  })

  test('200 rows at most, the rest are counted', () => {
    const many = timelineOf(Array.from({ length: 250 }, (_, at): Row => [0, 'compute', `k${at}`, at * 1000, at * 1000 + at + 1]))
    const { rows, moreRows } = selectionStats(many, { startNs: 0, endNs: 1e6 })
    expect([rows.length, moreRows, rows[0].name, rows[199].name]).toEqual([200, 50, 'k249', 'k50'])
  })

  test('a window without length and a lane that is not there are refused', () => {
    expect(() => selectionStats(timeline, { startNs: 5, endNs: 5 })).toThrow(RangeError)
    expect(() => selectionStats(timeline, { startNs: 0, endNs: 5, lanes: [3] })).toThrow(/no lane 3/)
  })

  const anyRows = fc.array(fc.tuple(fc.nat(2), fc.constantFrom<SpanCategory>('compute', 'other'), fc.constantFrom('a', 'b'), fc.nat(60), fc.nat(30)), { maxLength: 40 })
    .map((rows) => {
      // Laid one after the other, as lanes guarantee, some in a span around them.
      const clock = [0, 0, 0]
      return rows.flatMap(([lane, category, name, gap, length]): Row[] => {
        const start = clock[lane] + (gap % 9)
        clock[lane] = start + length
        return gap > 40 ? [[lane, category, name, start, start + length], [lane, 'other', 'in', start, start + (length >> 1)]] : [[lane, category, name, start, start + length]]
      })
    })

  test('equals adding up spans one by one', () => {
    fc.assert(fc.property(anyRows, fc.nat(120), fc.integer({ min: 1, max: 150 }), fc.option(fc.subarray([0, 1, 2]), { nil: undefined }), (rows, startNs, length, lanes) => {
      const endNs = startNs + length
      const stats = selectionStats(timelineOf(rows), { startNs, endNs, lanes })
      const inside = rows.filter(([lane, , , start, end]) => (lanes?.includes(lane) ?? true) &&
        (end > start ? end > startNs && start < endNs : start >= startNs && start <= endNs))
      expect(stats.spanCount).toBe(inside.length)
      expect(new Set(stats.rows.map(({ name, category }) => `${name} ${category}`)).size).toBe(stats.rows.length)
      for (const row of stats.rows) {
        const trimmed = inside.filter(([, category, name]) => category === row.category && name === row.name)
          .map(([, , , start, end]) => Math.min(end, endNs) - Math.max(start, startNs))
        expect([row.count, row.totalNs, row.longestNs]).toEqual([trimmed.length, trimmed.reduce((sum, each) => sum + each, 0), Math.max(...trimmed)])
        const [, , , start, end] = rows[row.spanIndex]
        expect(Math.min(end, endNs) - Math.max(start, startNs)).toBe(row.longestNs)
      }
    }))
  })
})
