import { describe, expect, it } from 'vitest'
import type { ComparedSource } from '../../preload/contract/compare.ts'
import type { TimelineSummary, Viewport } from '../../preload/contract/timeline.ts'
import { alignSources, commonBounds, commonWindow } from './comparedWindows.ts'
import { summaryFrom, viewportFrom } from './originShift.ts'

const summary = (timelineId: string, startNs: number, endNs: number): TimelineSummary => ({
  timelineId, title: timelineId, source: 'run', live: false, path: null, spanCount: 1, startNs, endNs, busyNs: { startNs, endNs },
  ranks: [0], lanes: [], run: null, files: [], clock: null,
})
const source = (id: string, ...windows: readonly [number, number][]): ComparedSource => ({
  id, title: id, kind: 'run', modelled: false, ranks: 1, windowKind: 'iterations', windows: windows.map(([startNs, endNs]) => ({ startNs, endNs })),
})
const sources = [source('a', [100, 200], [300, 450]), source('b', [1000, 1250])]
const summaries = new Map([['a', summary('a', 0, 500)], ['b', summary('b', 900, 1300)]])

describe('timelines side by side', () => {
  it('begin where their windows of the same number do; the last stands in where one has fewer', () => {
    expect(alignSources(sources, summaries, 0).map(({ originNs }) => originNs)).toEqual([100, 1000])
    expect(alignSources(sources, summaries, 1).map(({ originNs }) => originNs)).toEqual([300, 1000])
  })

  it('leave out what was closed meanwhile', () => {
    expect(alignSources(sources, new Map([['b', summary('b', 900, 1300)]]), 0).map(({ source: { id } }) => id)).toEqual(['b'])
  })

  it('have one scale: the longest window, with room beside it', () => {
    const { startNs, endNs } = commonWindow(alignSources(sources, summaries, 1), 1)
    expect([startNs, endNs]).toEqual([-5, 255])
  })

  it('can be panned to the earliest start and the latest end of any', () => {
    expect(commonBounds(alignSources(sources, summaries, 0))).toEqual({ startNs: -100, endNs: 400 })
  })
})

describe('an origin', () => {
  it('is what all times of a viewport count from', () => {
    const times = (...values: number[]): Float64Array => Float64Array.from(values)
    const viewport: Viewport = {
      timelineId: 'a', revision: 1, startNs: 100, endNs: 200, lane: Uint32Array.of(0), category: Uint8Array.of(0), depth: Uint8Array.of(0),
      spanStartNs: times(110), spanEndNs: times(120), count: Uint32Array.of(1), spanIndex: Uint32Array.of(7), waitShare: times(0.5),
      waitEstimated: Uint8Array.of(0), label: Uint32Array.of(0), labels: [],
      flows: { fromLane: Uint32Array.of(0), toLane: Uint32Array.of(0), fromNs: times(110), toNs: times(130) },
    }
    expect(viewportFrom(viewport, 100)).toEqual({
      ...viewport, startNs: 0, endNs: 100, spanStartNs: times(10), spanEndNs: times(20), flows: { ...viewport.flows, fromNs: times(10), toNs: times(30) },
    })
    expect([...viewport.spanStartNs]).toEqual([110])
  })

  it('is what a summary and its iterations count from', () => {
    const run = { iterations: [{ iteration: 0, warmup: false, startNs: 100, endNs: 200 }] } as unknown as NonNullable<TimelineSummary['run']>
    expect(summaryFrom({ ...summary('a', 50, 300), run }, 100)).toMatchObject({
      startNs: -50, endNs: 200, busyNs: { startNs: -50, endNs: 200 }, run: { iterations: [{ startNs: 0, endNs: 100 }] },
    })
  })
})
