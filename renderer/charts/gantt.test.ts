import { describe, expect, it } from 'vitest'
import type { LaneSummary, Viewport } from '../../preload/contract/timeline.ts'
import { forEachHatch, forEachRect, pixelOf, timeAt } from './ganttGeometry.ts'
import { laneAt, laneLabel, layoutLanes } from './ganttLayout.ts'
import { arrowsOf } from './ganttOption.ts'
import { indexSpans, spanAt } from './spanIndex.ts'
import { clampWindow, NARROWEST_NS, panWindow, zoomWindow } from './timeWindow.ts'
import { neededQuery, type ViewportAnswer } from './useViewport.ts'

const BOUNDS = { startNs: 0, endNs: 1_000_000 }

describe('time windows', () => {
  it('zoom keeps the time under the pointer in place', () => {
    const window = zoomWindow(BOUNDS, 4, 250_000, BOUNDS)
    expect(window).toEqual({ startNs: 187_500, endNs: 437_500 })
    expect((250_000 - window.startNs) / (window.endNs - window.startNs)).toBe(0.25)
  })
  it('never leave the bounds, nor become narrower than what clocks resolve', () => {
    expect(zoomWindow(BOUNDS, 0.1, 10, BOUNDS)).toEqual(BOUNDS)
    const narrow = zoomWindow(BOUNDS, 1e9, 999_999, BOUNDS)
    expect(narrow.endNs - narrow.startNs).toBe(NARROWEST_NS)
    expect(narrow.endNs).toBeLessThanOrEqual(BOUNDS.endNs)
  })
  it('pan keeps the width and stops at the ends', () => {
    expect(panWindow({ startNs: 100, endNs: 1100 }, 0.5, BOUNDS)).toEqual({ startNs: 600, endNs: 1600 })
    expect(panWindow({ startNs: 100, endNs: 1100 }, -1, BOUNDS)).toEqual({ startNs: 0, endNs: 1000 })
  })
  it('widen an empty timeline', () => {
    expect(clampWindow({ startNs: 5, endNs: 5 }, { startNs: 5, endNs: 5 })).toEqual({ startNs: 5, endNs: 5 + NARROWEST_NS })
  })
})

const lane = (index: number, rank: number | null, name: string): LaneSummary => ({ index, rank, name, spanCount: 1 })

describe('lanes', () => {
  const lanes = [lane(0, 1, 'compute'), lane(1, 1, 'send'), lane(2, 0, 'compute'), lane(3, null, 'host')]
  const layout = layoutLanes(lanes, 100)
  it('stand in groups by rank, those without a rank last', () => {
    expect(layout.groups.map(({ label }) => label)).toEqual(['Rank 0', 'Rank 1', 'Other'])
  })
  it('are found again by their height, and nothing between groups', () => {
    for (const { lane: index, top, height } of layout.rows) expect(laneAt(layout, top + height / 2)).toBe(index)
    const [first, second] = layout.groups
    expect(laneAt(layout, (first.top + first.height + second.top) / 2)).toBeNull()
  })
  it('do not repeat the rank that heads their group', () => {
    expect(laneLabel({ rank: 3, name: 'Rank 3 · send' })).toBe('send')
    expect(laneLabel({ rank: 3, name: 'rank 31 send' })).toBe('rank 31 send')
    expect(laneLabel({ rank: null, name: 'Rank 3 · send' })).toBe('Rank 3 · send')
    expect(laneLabel({ rank: 3, name: 'Rank 3' })).toBe('Rank 3')
  })
  it('leave room for long names, within bounds', () => {
    expect(layout.left).toBe(118)
    const threads = layoutLanes([lane(0, 0, 'CPU / thread 4037')], 100)
    expect(threads.left).toBeGreaterThan(118)
    expect(layoutLanes([lane(0, 0, 'x'.repeat(500))], 100).left).toBeLessThan(300)
  })
  it('keep a readable height and scroll when there are many', () => {
    const many = layoutLanes(Array.from({ length: 300 }, (_, index) => lane(index, index, 'compute')), 400)
    expect(many.contentHeight).toBeGreaterThan(400)
    expect(Math.min(...many.rows.map(({ height }) => height))).toBeGreaterThanOrEqual(10)
  })
})

/** Columns from [lane, category, start, end] rows. */
function viewport(spans: readonly (readonly [number, number, number, number])[]): Viewport {
  return {
    timelineId: 't', revision: 1, ...BOUNDS,
    lane: Uint32Array.from(spans, ([value]) => value), category: Uint8Array.from(spans, ([, value]) => value),
    spanStartNs: Float64Array.from(spans, ([, , value]) => value), spanEndNs: Float64Array.from(spans, ([, , , value]) => value),
    count: new Uint32Array(spans.length).fill(1), spanIndex: Uint32Array.from(spans.keys()),
    flows: {
      fromLane: Uint32Array.of(0, 0), toLane: Uint32Array.of(1, 1),
      fromNs: Float64Array.of(100, 900_000), toNs: Float64Array.of(200, 950_000),
    },
  }
}

describe('spans', () => {
  const index = indexSpans(viewport([
    [0, 0, 0, 1000], [0, 6, 200, 300], [0, 0, 5000, 6000], [1, 4, 0, 10], [1, 4, 20, 30],
  ]))
  it('are batched by lane and category', () => {
    expect(index.batches.map((batch) => [batch.lane, batch.category, [...batch.startNs]])).toEqual([
      [0, 0, [0, 5000]], [0, 6, [200]], [1, 4, [0, 20]],
    ])
  })
  it('are found under the pointer: the innermost, else the nearest within the tolerance', () => {
    expect(spanAt(index, 0, 250, 0)).toBe(1)
    expect(spanAt(index, 0, 900, 0)).toBe(0)
    expect(spanAt(index, 0, 4900, 200)).toBe(2)
    expect(spanAt(index, 0, 4000, 200)).toBeNull()
    expect(spanAt(index, 1, 12, 5)).toBe(3)
    expect(spanAt(index, 7, 0, 5)).toBeNull()
  })
  it('are drawn as rectangles inside the plot, joined where no gap could be seen', () => {
    const rects: number[][] = []
    const scale = { window: { startNs: 0, endNs: 10_000 }, left: 100, width: 100 }
    forEachRect(index.batches[0], scale, (x, width) => rects.push([x, width]))
    forEachRect(index.batches[2], scale, (x, width) => rects.push([x, width]))
    // Wide rectangles leave a pixel to their neighbour; the two narrow ones are joined.
    expect(rects).toEqual([[100, 9], [150, 9], [100, expect.closeTo(1.2, 1)]])
    expect(timeAt(scale, pixelOf(scale, 1234))).toBeCloseTo(1234)
  })
  it('that reach out of the window are cut at its edges', () => {
    const rects: number[][] = []
    forEachRect(index.batches[0], { window: { startNs: 500, endNs: 5500 }, left: 0, width: 50 }, (x, width) => rects.push([x, width]))
    expect(rects).toEqual([[0, 4], [45, 4]])
  })
})

describe('neighbouring spans', () => {
  const touching = (width: number): number => {
    const { batches } = indexSpans(viewport([0, 1, 2].map((at) => [0, 0, at * width, (at + 1) * width] as const)))
    let rects = 0
    forEachRect(batches[0], { window: { startNs: 0, endNs: 1000 }, left: 0, width: 1000 }, () => rects++)
    return rects
  }
  it('that touch are told apart while they are wide enough, and joined when they are not', () => {
    expect(touching(100)).toBe(3)
    expect(touching(2)).toBe(1)
  })
})

describe('hatching', () => {
  it('stays inside its rectangle', () => {
    const strokes: number[][] = []
    forEachHatch(3, 7, 20, 10, (...stroke) => strokes.push(stroke))
    expect(strokes.length).toBeGreaterThan(3)
    for (const [x0, y0, x1, y1] of strokes) {
      expect(Math.min(x0, x1)).toBeGreaterThanOrEqual(3)
      expect(Math.max(x0, x1)).toBeLessThanOrEqual(23)
      expect(Math.min(y0, y1)).toBeGreaterThanOrEqual(7)
      expect(Math.max(y0, y1)).toBeLessThanOrEqual(17)
    }
  })
})

describe('arrows', () => {
  it('join the middle of the lanes, and those outside the window are left out', () => {
    const layout = layoutLanes([lane(0, 0, 'send'), lane(1, 1, 'recv')], 100)
    const scale = { window: { startNs: 0, endNs: 1000 }, left: 0, width: 100 }
    const [from, to] = layout.rows
    expect(arrowsOf(viewport([]).flows, layout, scale, 5)).toEqual([
      [10, 5 + from.top + from.height / 2, 20, 5 + to.top + to.height / 2],
    ])
  })
})

describe('asking for spans', () => {
  const need = { timelineId: 't', revision: 3, bounds: BOUNDS, window: { startNs: 400_000, endNs: 500_000 }, pixels: 1000 }
  const have = (change: Partial<ViewportAnswer>): ViewportAnswer => ({
    timelineId: 't', revision: 3, covered: { startNs: 300_000, endNs: 600_000 }, pixels: 3000, complete: false, ...change,
  })
  it('fetches a window more on either side, at the same resolution', () => {
    expect(neededQuery(need, null)).toEqual({ startNs: 300_000, endNs: 600_000, pixels: 3000 })
  })
  it('does not ask again while the answer serves', () => expect(neededQuery(need, have({}))).toBeNull())
  it.each([
    ['the window left what was fetched', have({ covered: { startNs: 410_000, endNs: 700_000 } })],
    ['the timeline has grown', have({ revision: 2 })],
    ['another timeline is shown', have({ timelineId: 'other' })],
    ['the answer is too coarse', have({ pixels: 1500 })],
  ])('asks when %s', (_, answer) => expect(neededQuery(need, answer)).not.toBeNull())
  it('does not ask for more detail than there is', () => {
    expect(neededQuery(need, have({ pixels: 10, complete: true }))).toBeNull()
  })
})
