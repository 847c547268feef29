import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { CATEGORY_CODE, type SpanCategory } from '../../kernels/timeline/categories.ts'
import { simulate } from '../simulator/simulate.ts'
import { type Timeline, TimelineBuilder } from './timeline.ts'
import { lowerBound, queryViewport } from './viewport.ts'

type Row = readonly [lane: number, category: SpanCategory, startNs: number, endNs: number]

function builderOf(lanes: number): TimelineBuilder {
  const builder = new TimelineBuilder('test', 'trace')
  for (let lane = 0; lane < lanes; lane++) builder.addLane({ rank: lane, name: 'lane', pid: lane, tid: lane })
  return builder
}

function appendRows(builder: TimelineBuilder, rows: readonly Row[]): void {
  for (const [lane, category, startNs, endNs] of rows) {
    builder.append({ lane, category: CATEGORY_CODE[category], name: builder.intern(category), startNs, durationNs: endNs - startNs })
  }
}

function timelineOf(rows: readonly Row[], lanes = 2): Timeline {
  const builder = builderOf(lanes)
  appendRows(builder, rows)
  return builder.timeline(null)
}

const drawn = (timeline: Timeline, startNs: number, endNs: number, pixels: number) => {
  const view = queryViewport(timeline, { startNs, endNs, pixels })
  return Array.from(view.lane, (lane, at) => ({
    lane, category: view.category[at], start: view.spanStartNs[at], end: view.spanEndNs[at], count: view.count[at], span: view.spanIndex[at],
  }))
}

describe('viewport', () => {
  test('spans of at least a pixel stay as recorded', () => {
    const timeline = timelineOf([[0, 'compute', 0, 10], [0, 'compute', 10, 20], [1, 'send', 5, 25]])
    expect(drawn(timeline, 0, 100, 10)).toEqual([
      { lane: 0, category: CATEGORY_CODE.compute, start: 0, end: 10, count: 1, span: 0 },
      { lane: 0, category: CATEGORY_CODE.compute, start: 10, end: 20, count: 1, span: 1 },
      { lane: 1, category: CATEGORY_CODE.send, start: 5, end: 25, count: 1, span: 2 },
    ])
  })

  test('shorter ones in one pixel become one that counts them and names the longest', () => {
    const timeline = timelineOf([[0, 'compute', 0, 1], [0, 'compute', 2, 5], [0, 'compute', 8, 9], [0, 'compute', 11, 12]])
    expect(drawn(timeline, 0, 100, 10)).toEqual([
      { lane: 0, category: CATEGORY_CODE.compute, start: 0, end: 9, count: 3, span: 1 },
      { lane: 0, category: CATEGORY_CODE.compute, start: 11, end: 12, count: 1, span: 3 },
    ])
  })

  test('categories do not hide each other', () => {
    const timeline = timelineOf([[0, 'compute', 0, 1], [0, 'wait-peer', 1, 2], [0, 'compute', 2, 3]])
    expect(drawn(timeline, 0, 1000, 10).map(({ category, count }) => [category, count])).toEqual([
      [CATEGORY_CODE.compute, 2], [CATEGORY_CODE['wait-peer'], 1],
    ])
  })

  test('nested spans of one category do not merge into the one around them, and follow it', () => {
    const timeline = timelineOf([[0, 'other', 10, 11], [0, 'other', 12, 13], [0, 'other', 0, 100]])
    expect(drawn(timeline, 0, 100, 10).map(({ start, count }) => [start, count])).toEqual([[0, 1], [10, 2]])
  })

  test('a span that began before the window and reaches over it is there; one that only touches it is not', () => {
    const timeline = timelineOf([[0, 'compute', 0, 50], [1, 'send', 0, 1000], [0, 'compute', 50, 60]])
    expect(drawn(timeline, 50, 55, 10).map(({ span }) => span)).toEqual([2, 1])
  })

  test('a timeline that grows is seen to grow, and its earlier snapshot is unchanged', () => {
    const builder = builderOf(1)
    appendRows(builder, [[0, 'compute', 0, 10]])
    const earlier = builder.timeline(null)
    expect(drawn(earlier, 0, 100, 10)).toHaveLength(1)
    appendRows(builder, [[0, 'compute', 20, 40]])
    expect(drawn(builder.timeline(null), 0, 100, 10)).toHaveLength(2)
    expect(drawn(earlier, 0, 100, 10)).toHaveLength(1)
  })

  test('a window without length and a view without pixels are refused', () => {
    const timeline = timelineOf([])
    expect(() => queryViewport(timeline, { startNs: 5, endNs: 5, pixels: 100 })).toThrow(RangeError)
    expect(() => queryViewport(timeline, { startNs: 0, endNs: 5, pixels: 0 })).toThrow(RangeError)
  })

  test('hops give one arrow from the send\'s start to the receive\'s end, at most one a pixel and pair of lanes', () => {
    const config = parseRunConfig({ world: 4, seqLen: 256, heads: 1, headDim: 4 }, 'test')
    const timeline = simulate(config, { gflopsPerRank: 1, link: { bandwidthGBps: 1, latencyUs: 1 } })
    const endNs = timeline.run?.iterations[0].endNs ?? 0
    const fine = queryViewport(timeline, { startNs: 0, endNs, pixels: 2000 }).flows
    expect(fine.fromLane).toHaveLength(4 * 3)
    for (let at = 0; at < fine.fromLane.length; at++) {
      expect(timeline.lanes[fine.fromLane[at]].name).toMatch(/send$/)
      expect(timeline.lanes[fine.toLane[at]].name).toMatch(/recv$/)
      expect(timeline.lanes[fine.toLane[at]].rank).toBe(((timeline.lanes[fine.fromLane[at]].rank ?? 0) + 1) % 4)
      expect(fine.toNs[at]).toBeGreaterThan(fine.fromNs[at])
    }
    expect(queryViewport(timeline, { startNs: 0, endNs, pixels: 1 }).flows.fromLane).toHaveLength(4)
  })

  const anyRows = fc.array(fc.tuple(fc.nat(2), fc.constantFrom<SpanCategory>('compute', 'other', 'send'), fc.nat(200), fc.nat(30)), { maxLength: 60 })
  const anyWindow = fc.record({ startNs: fc.nat(200), length: fc.integer({ min: 1, max: 250 }), pixels: fc.integer({ min: 1, max: 40 }) })

  test('every span in the window is behind exactly one drawn span, which covers it; output is sorted', () => {
    fc.assert(fc.property(anyRows, anyWindow, (raw, { startNs, length, pixels }) => {
      // Disjoint spans per lane, as timelines guarantee: laid one after the other.
      const clock = [0, 0, 0]
      const rows = raw.map(([lane, category, gap, duration]): Row => {
        const start = clock[lane] + (gap % 7)
        clock[lane] = start + duration
        return [lane, category, start, start + duration]
      })
      const endNs = startNs + length
      const views = drawn(timelineOf(rows, 3), startNs, endNs, pixels)
      const inside = rows.filter(([, , start, end]) => start <= endNs && (end > startNs || (end === startNs && start === end)))
      expect(views.reduce((sum, { count }) => sum + count, 0)).toBe(inside.length)
      for (const [lane, category, start, end] of inside) {
        expect(views.some((view) => view.lane === lane && view.category === CATEGORY_CODE[category] && view.start <= start && view.end >= end)).toBe(true)
      }
      for (let at = 1; at < views.length; at++) {
        expect(views[at - 1].lane < views[at].lane || (views[at - 1].lane === views[at].lane && views[at - 1].start <= views[at].start)).toBe(true)
      }
    }))
  })

  test('at most one merged span a pixel, lane, category and depth', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 10, max: 400 }), (pixels, count) => {
      const rows = Array.from({ length: count }, (_, at): Row => [0, 'compute', at * 3, at * 3 + 1])
      expect(drawn(timelineOf(rows, 1), 0, 3 * count, pixels).filter(({ count: merged }) => merged > 1).length).toBeLessThanOrEqual(pixels + 1)
    }))
  })

  test('lower bound agrees with a linear search', () => {
    fc.assert(fc.property(fc.array(fc.nat(50)), fc.nat(60), fc.nat(20), (values, limit, from) => {
      const sorted = Float64Array.from(values).sort()
      const start = Math.min(from, sorted.length)
      let expected = start
      while (expected < sorted.length && sorted[expected] < limit) expected++
      expect(lowerBound(sorted, limit, start)).toBe(expected)
    }))
  })
})
