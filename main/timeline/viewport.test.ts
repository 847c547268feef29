import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { CATEGORY_CODE, type SpanCategory } from '../../kernels/timeline/categories.ts'
import { simulateRing } from '../simulator/testSimulation.ts'
import { lowerBound } from './sortByKey.ts'
import { buildSpanIndex } from './spanIndex.ts'
import type { SpanWaits } from './spanWaits.ts'
import { traceOf } from './testTrace.ts'
import { type Timeline, TimelineBuilder } from './timeline.ts'
import { adoptIndex, queryViewport } from './viewport.ts'

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

/** What is known of some spans' waiting; the others are no communication kernels. */
const waitsOf = (rows: readonly (readonly [span: number, waitNs: number, estimated?: boolean])[]): SpanWaits => ({
  span: Uint32Array.from(rows, ([span]) => span), waitNs: Float64Array.from(rows, ([, waitNs]) => waitNs),
  transferNs: new Float64Array(rows.length), estimated: Uint8Array.from(rows, ([, , estimated]) => (estimated === true ? 1 : 0)),
  waitedFor: new Int32Array(rows.length).fill(-1),
})

/** A timeline whose index knows of waits. */
function waitingTimeline(rows: readonly Row[], waits: SpanWaits): Timeline {
  const timeline = timelineOf(rows)
  adoptIndex(timeline, structuredClone(buildSpanIndex(timeline, waits)))
  return timeline
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
    const timeline = simulateRing(config, { gflopsPerRank: 1, link: { bandwidthGBps: 1, latencyUs: 1 } })
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

  test('depths are told, the outer first', () => {
    const timeline = timelineOf([[0, 'other', 20, 30], [0, 'other', 0, 100], [0, 'compute', 20, 60], [0, 'other', 100, 120]])
    const view = queryViewport(timeline, { startNs: 0, endNs: 200, pixels: 200 })
    expect(Array.from(view.spanIndex, (span, at) => [span, view.depth[at]])).toEqual([[1, 0], [2, 1], [0, 2], [3, 0]])
  })

  test('drawn spans with room for it have their names, each text once', () => {
    const timeline = timelineOf([[0, 'compute', 0, 40], [0, 'compute', 50, 82], [0, 'compute', 90, 121], [1, 'send', 0, 100]])
    const view = queryViewport(timeline, { startNs: 0, endNs: 200, pixels: 200 })
    expect([view.labels, [...view.label ?? []]]).toEqual([['compute', 'send'], [1, 1, 0, 2]])
  })

  test('of some lanes: those spans, and the arrows that begin or end there', () => {
    const lanes = [0, 1, 2].map((rank) => ({ rank, name: `rank ${rank}`, pid: rank, tid: 0 }))
    const span = (lane: number, startNs: number) => ({ lane, name: 'k', category: CATEGORY_CODE.communication, startNs, durationNs: 10 })
    const timeline = traceOf({ lanes, spans: [span(0, 0), span(1, 5), span(2, 8), span(0, 20)], flows: [[0, 1, 'p2p'], [1, 2, 'p2p'], [0, 3, 'ac2g']] })
    const view = queryViewport(timeline, { startNs: 0, endNs: 100, pixels: 100, lanes: [0] })
    expect([...view.spanIndex]).toEqual([0, 3])
    // A flow within a rank is drawn for the selected span only.
    expect(view.flows).toEqual({ fromLane: Uint32Array.of(0), toLane: Uint32Array.of(1), fromNs: Float64Array.of(0), toNs: Float64Array.of(5) })
    expect(queryViewport(timeline, { startNs: 0, endNs: 100, pixels: 100 }).flows.fromLane).toEqual(Uint32Array.of(0, 1))
    expect(queryViewport(timeline, { startNs: 0, endNs: 100, pixels: 100, lanes: [] }).lane).toHaveLength(0)
    expect(() => queryViewport(timeline, { startNs: 0, endNs: 100, pixels: 100, lanes: [3] })).toThrow(/no lane 3/)
  })

  test('an index that another thread built gives the same view; one of another timeline is refused', () => {
    const timeline = timelineOf([[0, 'compute', 0, 10], [1, 'send', 5, 25]])
    const cloned = structuredClone(timeline)
    adoptIndex(cloned, structuredClone(buildSpanIndex(timeline)))
    expect(drawn(cloned, 0, 100, 10)).toEqual(drawn(timeline, 0, 100, 10))
    expect(() => adoptIndex(timelineOf([[0, 'compute', 0, 10]]), buildSpanIndex(timeline))).toThrow(RangeError)
  })

  describe('of communication kernels that wait', () => {
    const rows: Row[] = [
      [0, 'other', 0, 200], [0, 'communication', 0, 100], [0, 'compute', 20, 40], [0, 'communication', 110, 120], [1, 'communication', 0, 40], [1, 'communication', 50, 150],
    ]
    const shares = (timeline: Timeline, pixels: number) => {
      const view = queryViewport(timeline, { startNs: 0, endNs: 200, pixels })
      return Array.from(view.spanIndex, (span, at) => [span, view.count[at], view.waitShare[at], view.waitEstimated[at]])
    }

    test('a span says what part of it is waiting, and whether that is an estimate', () => {
      const timeline = waitingTimeline(rows, waitsOf([[1, 25], [3, 0], [4, 40], [5, 20, true]]))
      expect(shares(timeline, 200)).toEqual([[0, 1, 0, 0], [1, 1, 0.25, 0], [2, 1, 0, 0], [3, 1, 0, 0], [4, 1, 1, 0], [5, 1, 0.2, 1]])
    })

    test('merged ones say what part of their time, gaps left out; it is an estimate where most of the waiting is', () => {
      expect(shares(waitingTimeline(rows, waitsOf([[4, 20], [5, 50, true]])), 1).filter(([, , share]) => share > 0)).toEqual([[5, 2, 0.5, 1]])
      expect(shares(waitingTimeline(rows, waitsOf([[4, 36], [5, 34, true]])), 1).filter(([, , share]) => share > 0)).toEqual([[5, 2, 0.5, 0]])
    })

    test('nothing else changes, and where nothing waits nothing is kept', () => {
      const waiting = waitingTimeline(rows, waitsOf([[1, 25], [5, 20]]))
      expect(drawn(waiting, 0, 200, 30)).toEqual(drawn(timelineOf(rows), 0, 200, 30))
      expect(buildSpanIndex(timelineOf(rows), waitsOf([[1, 0]])).waits).toBeNull()
    })

    test('waits of another timeline are refused', () => {
      const shorter = timelineOf(rows.slice(0, 5))
      expect(() => buildSpanIndex(shorter, waitsOf([[5, 10]]))).toThrow(RangeError)
    })

    test('every drawn span has the share of the spans behind it, however they are merged', () => {
      fc.assert(fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20)), { minLength: 1, maxLength: 3000 }), fc.integer({ min: 1, max: 2000 }), (raw, pixels) => {
        let clock = 0
        const kernels = raw.map(([gap, wait, transfer]) => {
          const startNs = clock + gap
          clock = startNs + 1 + wait + transfer
          return { startNs, endNs: clock, wait }
        })
        const timeline = waitingTimeline(kernels.map(({ startNs, endNs }): Row => [0, 'communication', startNs, endNs]), waitsOf(kernels.map(({ wait }, at) => [at, wait])))
        // Not from the start on: what comes before the window counts for nothing.
        const view = queryViewport(timeline, { startNs: clock / 3, endNs: clock, pixels })
        for (let at = 0; at < view.count.length; at++) {
          const behind = kernels.filter(({ startNs, endNs }) => startNs >= view.spanStartNs[at] && endNs <= view.spanEndNs[at])
          expect(behind).toHaveLength(view.count[at])
          const sum = (of: (kernel: typeof kernels[number]) => number): number => behind.reduce((total, kernel) => total + of(kernel), 0)
          expect(view.waitShare[at]).toBeCloseTo(sum(({ wait }) => wait) / sum(({ startNs, endNs }) => endNs - startNs), 9)
        }
      }), { numRuns: 30 })
    })
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

  describe('of rows with many spans', () => {
    /** Bursts of short spans, gaps, and now and then a long one. */
    const denseRows = (seed: number, count: number): Row[] => {
      let state = seed
      const random = (below: number): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        return Math.floor((state / 2 ** 32) * below)
      }
      let clock = 0
      return Array.from({ length: count }, (): Row => {
        const start = clock + 1 + (random(40) === 0 ? random(5000) : random(6))
        clock = start + (random(100) === 0 ? random(3000) : random(8))
        return [0, 'compute', start, clock]
      })
    }
    const anyCount = fc.integer({ min: 2000, max: 6000 })

    test('a whole view has every span once: long ones as themselves, others in groups that say what is in them', () => {
      fc.assert(fc.property(fc.nat(), anyCount, fc.integer({ min: 3, max: 3000 }), (seed, count, pixels) => {
        const rows = denseRows(seed, count)
        const endNs = rows[rows.length - 1][3] + 1
        const pixelNs = endNs / pixels
        const views = drawn(timelineOf(rows, 1), 0, endNs, pixels)
        let next = 0
        let lastGroupPixel = -1
        for (const { start, end, count: merged, span } of views) {
          const behind = rows.slice(next, next + merged)
          expect([behind[0][2], behind[merged - 1][3]]).toEqual([start, end])
          const lengths = behind.map(([, , from, to]) => to - from)
          expect(rows[span][3] - rows[span][2]).toBe(Math.max(...lengths))
          if (merged > 1 || lengths[0] < pixelNs) {
            expect(Math.max(...lengths)).toBeLessThan(pixelNs)
            expect(behind[merged - 1][2] - start).toBeLessThan(1.5 * pixelNs)
            const pixel = Math.floor(start / pixelNs)
            expect(pixel).toBeGreaterThan(lastGroupPixel)
            lastGroupPixel = pixel
          }
          next += merged
        }
        expect(next).toBe(rows.length)
      }), { numRuns: 30 })
    })

    test('panning does not regroup them', () => {
      fc.assert(fc.property(fc.nat(), anyCount, fc.integer({ min: 10, max: 300 }), fc.double({ min: 0, max: 0.5, noNaN: true }), (seed, count, pixels, pan) => {
        const rows = denseRows(seed, count)
        const timeline = timelineOf(rows, 1)
        const widthNs = rows[rows.length - 1][3] / 2
        const pixelNs = widthNs / pixels
        const still = drawn(timeline, 0, widthNs, pixels)
        const panned = drawn(timeline, pan * widthNs, pan * widthNs + widthNs, pixels)
        const common = (views: typeof still) => views.filter(({ start, end }) => start > pan * widthNs + 2 * pixelNs && end < widthNs - 2 * pixelNs)
        expect(common(panned)).toEqual(common(still))
      }), { numRuns: 30 })
    })

    test('work is bounded by pixels', () => {
      const views = drawn(timelineOf(denseRows(7, 50_000), 1), 0, 1e7, 100)
      expect(views.length).toBeLessThan(250)
    })
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
