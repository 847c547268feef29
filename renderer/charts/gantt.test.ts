import { describe, expect, it } from 'vitest'
import { SPAN_CATEGORIES, type LaneSummary, type SpanCategory, type SpanDetails, type Viewport } from '../../preload/contract/timeline.ts'
import { forEachHatch, forEachRect, forEachWaitRect, pixelOf, timeAt } from './ganttGeometry.ts'
import { depthBand, laneLabel, lanesBetween, layoutLanes, rowsAt } from './ganttLayout.ts'
import { fitName } from './ganttNames.ts'
import { ganttOption } from './ganttOption.ts'
import { arrowsOf, hitRects } from './ganttOverlays.ts'
import { pinnedSpan, type GanttPicture } from './ganttPicture.ts'
import { NO_FOLDS, withAllGroups, withGroup, withLane } from './laneFolds.ts'
import type { Mark } from './drawing.ts'
import { minimapOption } from './minimapOption.ts'
import { drawnCategories, indexSpans, spanAt } from './spanIndex.ts'
import { clampWindow, NARROWEST_NS, panWindow, windowWithContext, zoomWindow } from './timeWindow.ts'
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
  it('that show a span with its surroundings stay as they are where it can be made out', () => {
    const window = { startNs: 100_000, endNs: 200_000 }
    expect(windowWithContext(120_000, 130_000, window, BOUNDS)).toBe(window)
    // As wide as before, moved.
    expect(windowWithContext(500_000, 510_000, window, BOUNDS)).toEqual({ startNs: 455_000, endNs: 555_000 })
    // Eight times the span, which was too narrow to be seen.
    expect(windowWithContext(500_000, 501_000, window, BOUNDS)).toEqual({ startNs: 496_500, endNs: 504_500 })
    expect(windowWithContext(0, 900_000, window, BOUNDS)).toEqual(BOUNDS)
  })
  it('widen an empty timeline', () => {
    expect(clampWindow({ startNs: 5, endNs: 5 }, { startNs: 5, endNs: 5 })).toEqual({ startNs: 5, endNs: 5 + NARROWEST_NS })
  })
})

const lane = (index: number, rank: number | null, name: string, kind: LaneSummary['kind'] = null, depth = 1): LaneSummary =>
  ({ index, rank, name, spanCount: 1, kind, depth })

describe('lanes', () => {
  const lanes = [lane(0, 1, 'compute'), lane(1, 1, 'send'), lane(2, 0, 'compute'), lane(3, null, 'host')]
  const layout = layoutLanes(lanes, 100)
  it('stand in groups by rank, those without a rank last', () => {
    expect(layout.groups.map(({ label }) => label)).toEqual(['Rank 0', 'Rank 1', 'Other'])
  })
  it('are found again by their height, and nothing between groups', () => {
    for (const { lane: index, top, height } of layout.rows) expect(rowsAt(layout, top + height / 2).map((row) => row.lane)).toEqual([index])
    const [first, second] = layout.groups
    expect(rowsAt(layout, (first.top + first.height + second.top) / 2)).toEqual([])
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

describe('lanes of another tool\'s trace', () => {
  const host = (index: number, rank: number, depth = 4): LaneSummary => lane(index, rank, `thread ${index}`, 'host', depth)
  const stream = (index: number, rank: number, depth = 1): LaneSummary => lane(index, rank, `stream ${index}`, 'gpu', depth)
  const lanes = [host(0, 0), stream(1, 0), stream(2, 0, 3), host(3, 1), stream(4, 1)]
  const layout = layoutLanes(lanes, 200)
  it('put devices before threads', () => {
    expect(layout.groups.map(({ rows }) => rows.map((row) => row.lane))).toEqual([[1, 2, 0], [4, 3]])
  })
  it('have a row for every depth on a device; threads are folded beside devices, and can be unfolded', () => {
    expect(layout.rows.map(({ depths, folded }) => [depths, folded])).toEqual([[1, true], [1, null], [3, false], [1, true], [1, null]])
    expect(layoutLanes(lanes, 200, withLane(NO_FOLDS, 0, false)).rows[0]).toMatchObject({ depths: 4, folded: false })
  })
  it('of a trace without devices show their threads\' depths at once', () => {
    expect(layoutLanes([host(0, 0)], 200).rows[0]).toMatchObject({ depths: 4, folded: false })
  })
  it('draw what is deeper than the last row in it', () => {
    const deep = layoutLanes([host(0, 0, 200)], 2000)
    const [row] = deep.rows
    expect(row.depths).toBe(12)
    expect(depthBand(row, 150)).toEqual(depthBand(row, 11))
    expect(rowsAt(deep, row.top + 1)).toEqual([{ lane: 0, depths: [0, 1] }])
    expect(rowsAt(deep, row.top + row.height - 1)).toEqual([{ lane: 0, depths: [11, Number.POSITIVE_INFINITY] }])
  })
  it('of a folded rank lie in one row, which stands for its devices', () => {
    const folded = layoutLanes(lanes, 200, withGroup(NO_FOLDS, '0', true))
    const [first, second] = folded.groups
    expect([first.folded, second.folded]).toEqual([true, false])
    expect(rowsAt(folded, first.top + first.height / 2).map((row) => row.lane)).toEqual([1, 2])
    expect(folded.rows[0]).toBeUndefined()
    expect(folded.contentHeight).toBeLessThan(layout.contentHeight)
  })
  it('of all ranks fold and unfold together', () => {
    const all = withAllGroups(NO_FOLDS, lanes, true)
    expect(layoutLanes(lanes, 200, all).groups.every(({ folded }) => folded === true)).toBe(true)
    expect(layoutLanes(lanes, 200, withAllGroups(all, lanes, false))).toEqual(layout)
  })
  it('in sight are those between two heights', () => {
    expect(lanesBetween(layout, 0, layout.contentHeight)).toEqual([1, 2, 0, 4, 3])
    const [, second] = layout.groups
    expect(lanesBetween(layout, second.top, second.top + 1)).toEqual([4])
  })
  it('leave rows high enough for a name', () => {
    for (const row of layoutLanes(lanes, 10).rows) expect(row.height / row.depths).toBeGreaterThanOrEqual(12)
  })
})

describe('names in spans', () => {
  it('are cut to what fits, and left out where too little would', () => {
    expect(fitName('flash_fwd', 200)).toBe('flash_fwd')
    expect(fitName('flash_fwd_kernel', 70)).toBe('flash_fwd…')
    expect(fitName('void flash_fwd', 70)).toBe('flash_fwd')
    expect(fitName('flash_fwd_kernel', 30)).toBe('')
  })
})

/** Columns from [lane, category, start, end] rows. */
function viewport(spans: readonly (readonly [number, number, number, number])[]): Viewport {
  return {
    timelineId: 't', revision: 1, ...BOUNDS,
    lane: Uint32Array.from(spans, ([value]) => value), category: Uint8Array.from(spans, ([, value]) => value), depth: new Uint8Array(spans.length), label: new Uint32Array(spans.length), labels: [],
    spanStartNs: Float64Array.from(spans, ([, , value]) => value), spanEndNs: Float64Array.from(spans, ([, , , value]) => value),
    waitShare: new Float64Array(spans.length), waitEstimated: new Uint8Array(spans.length),
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

const codeOf = (category: SpanCategory): number => SPAN_CATEGORIES.indexOf(category)

describe('waiting inside communication kernels', () => {
  const [communication, compute] = [codeOf('communication'), codeOf('compute')]
  const waiting = (): Viewport => ({
    ...viewport([[0, communication, 0, 1000], [0, compute, 200, 300], [0, communication, 2000, 2400], [0, communication, 5000, 5010]]),
    waitShare: Float64Array.of(0.75, 0, 0.5, 0.4), waitEstimated: Uint8Array.of(0, 0, 1, 0),
  })
  const index = indexSpans(waiting())
  const scale = { window: { startNs: 0, endNs: 10_000 }, left: 100, width: 1000 }

  it('is drawn apart from them, estimates apart from what is known', () => {
    expect(index.waits.map((batch) => [batch.estimated, [...batch.startNs], [...batch.share]])).toEqual([[false, [0, 5000], [0.75, 0.4]], [true, [2000], [0.5]]])
    expect(drawnCategories(index)).toEqual(new Set([communication, compute, codeOf('wait-peer')]))
    expect(drawnCategories(indexSpans(viewport([[0, communication, 0, 1000]])))).toEqual(new Set([communication]))
  })

  it('has its share of the rectangle, also of one widened to be seen, and never the line between neighbours', () => {
    const rectsOf = (share: number, window = scale.window): number[][] => {
      const rects: number[][] = []
      const batch = { lane: 0, category: communication, depth: 0, estimated: false, startNs: Float64Array.of(0, 5000), endNs: Float64Array.of(1000, 5005), share: Float64Array.of(share, share) }
      forEachWaitRect(batch, { ...scale, window }, (x, width) => rects.push([x, width]))
      return rects
    }
    expect(rectsOf(0.75)).toEqual([[100, 75], [600, 0.75]])
    expect(rectsOf(1)).toEqual([[100, 99], [600, 1]])
    // Cut at the window's start, or before it.
    expect(rectsOf(0.75, { startNs: 500, endNs: 2500 })).toEqual([[100, 125]])
    expect(rectsOf(0.75, { startNs: 800, endNs: 2800 })).toEqual([])
  })

  it('leaves the kernel what is under the pointer', () => {
    expect([spanAt(index, 0, 100, 0), spanAt(index, 0, 900, 0), spanAt(index, 0, 2100, 0)]).toEqual([0, 0, 2])
  })

  const layout = layoutLanes([lane(0, 0, 'stream 7', 'gpu')], 100)
  const tokens = { background: '#ffffff', hatch: '#888888', hatchBackground: '#eeeeee', font: 'sans' } as unknown as Parameters<typeof ganttOption>[1]
  const marksOf = ({ series }: ReturnType<typeof ganttOption>, id: string): Mark[] => {
    type Layer = { readonly id: string; readonly renderItem: (params: unknown) => { readonly children: Mark[] } }
    const layers = series as unknown as Layer[]
    return layers.find((each) => each.id === id)?.renderItem({ coordSys: { x: 100, y: 24, width: 1000, height: 100 } }).children ?? []
  }
  const looks = (marks: readonly Mark[]): unknown[] => marks.map(({ type, style }) => [type, 'fill' in style ? style.fill : style])
  const [green, orange, blue] = ['#009E73', '#E69F00', '#0072B2']

  it('lies over its kernel and under compute, an estimate hatched', () => {
    const picture: GanttPicture = {
      layout, spans: index, window: scale.window, iterations: [], showArrows: false, pinned: null, hits: null, selected: null,
      notes: new Map(), scrollTop: 0, height: 200,
    }
    expect(looks(marksOf(ganttOption(picture, tokens), 'spans'))).toEqual([
      ['span-batch', green], ['wait-batch', orange], ['wait-batch', orange], ['wait-batch-hatch', { stroke: '#ffffff', lineWidth: 1 }], ['span-batch', blue],
    ])
  })

  it('is in the overview', () => {
    expect(looks(marksOf(minimapOption(layout, index, null, scale.window, tokens), 'overview'))).toEqual([
      ['span-batch', green], ['wait-batch', orange], ['wait-batch', orange], ['span-batch', blue],
    ])
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

describe('nested spans', () => {
  const nested = (): Viewport => ({ ...viewport([[0, 0, 0, 1000], [0, 0, 100, 900], [0, 0, 200, 300]]), depth: Uint8Array.of(0, 1, 2) })
  it('are batched by depth, and found in the row of their depth', () => {
    const index = indexSpans(nested())
    expect(index.batches.map(({ depth, startNs }) => [depth, [...startNs]])).toEqual([[0, [0]], [1, [100]], [2, [200]]])
    expect([[0, 1], [1, 2], [2, Number.POSITIVE_INFINITY]].map(([from, to]) => spanAt(index, 0, 250, 0, [from, to]))).toEqual([0, 1, 2])
    expect(spanAt(index, 0, 950, 0, [1, 2])).toBeNull()
  })
})

describe('a pinned span', () => {
  const span = { rank: 0, lane: 'stream 7', laneIndex: 1, depth: 2, startNs: 100, durationNs: 50, flows: [] } as unknown as SpanDetails
  it('is drawn where the host says', () => {
    expect(pinnedSpan(span)).toEqual({ lane: 1, depth: 2, startNs: 100, endNs: 150, flows: [] })
  })
  it('has arrows in the direction of its flows', () => {
    const flow = (direction: 'from' | 'to', startNs: number): SpanDetails['flows'][number] => ({ direction, kind: 'ac2g', spanIndex: 9, name: 'launch', rank: 0, lane: 'thread', laneIndex: 0, depth: 1, startNs })
    const pinned = pinnedSpan({ ...span, flows: [flow('from', 20), flow('to', 900)] })
    expect(pinned.flows.map(({ from, to }) => [from.lane, from.depth, from.timeNs, to.lane, to.depth, to.timeNs])).toEqual([[0, 1, 20, 1, 2, 100], [1, 2, 150, 0, 1, 900]])
  })
})

describe('hits of a search', () => {
  const layout = layoutLanes([lane(0, 0, 'thread', 'host', 3)], 100)
  const scale = { window: { startNs: 0, endNs: 1000 }, left: 0, width: 1000 }
  const spans = indexSpans({ ...viewport([[0, 0, 0, 1000], [0, 0, 100, 900]]), depth: Uint8Array.of(0, 1), spanIndex: Uint32Array.of(40, 41) })
  const rectsOf = (hits: readonly (readonly [number, number, number])[]): number[][] => hitRects({
    spanIndex: Uint32Array.from(hits, ([index]) => index), lane: new Uint32Array(hits.length),
    startNs: Float64Array.from(hits, ([, start]) => start), durationNs: Float64Array.from(hits, ([, , duration]) => duration),
  }, { layout, spans } as unknown as GanttPicture, scale, 0)
  it('are outlined at their depth, or over their lane where they are merged into another span', () => {
    const [row] = layout.rows
    expect(rectsOf([[41, 100, 800], [77, 950, 0]])).toEqual([
      [100, depthBand(row, 1).top, 800, depthBand(row, 1).height], [950, row.top, 2, row.height],
    ])
  })
  it('are drawn once a pixel, and not outside the window', () => {
    expect(rectsOf([[70, 500, 0], [71, 500.2, 0], [72, 2000, 10]])).toHaveLength(1)
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
  const need = { timelineId: 't', revision: 3, bounds: BOUNDS, window: { startNs: 400_000, endNs: 500_000 }, pixels: 1000, lanes: null }
  const have = (change: Partial<ViewportAnswer>): ViewportAnswer => ({
    timelineId: 't', revision: 3, covered: { startNs: 300_000, endNs: 600_000 }, pixels: 3000, lanes: null, complete: false, ...change,
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
  it('asks for the lanes around those in sight, and again when others come into sight', () => {
    const lanes = { inView: [2, 3], around: [1, 2, 3, 4] }
    expect(neededQuery({ ...need, lanes }, null)).toMatchObject({ lanes: [1, 2, 3, 4] })
    expect(neededQuery({ ...need, lanes }, have({ lanes: new Set([1, 2, 3]) }))).toBeNull()
    expect(neededQuery({ ...need, lanes }, have({ lanes: new Set([1, 2]) }))).not.toBeNull()
    expect(neededQuery(need, have({ lanes: new Set([1, 2]) }))).not.toBeNull()
  })
  it('does not ask for more detail than there is', () => {
    expect(neededQuery(need, have({ pixels: 10, complete: true }))).toBeNull()
  })
})
