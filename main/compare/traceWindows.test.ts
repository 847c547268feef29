import { describe, expect, it } from 'vitest'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { traceOf } from '../timeline/testTrace.ts'
import { compareTimelines } from './compareTimelines.ts'
import { measureTimeline } from './measureTimeline.ts'
import { sourceOf } from './testing.ts'

const US = 1000
const { compute, other } = CATEGORY_CODE

/** Two steps of the profiler that last 95 and 80 us and begin 100 us apart; in each an iteration of 40 and 50 us with a kernel in it. */
function clusterTrace(mark: string): Timeline {
  const host = (name: string, startUs: number, durationUs: number) => ({ lane: 0, category: other, name, startNs: startUs * US, durationNs: durationUs * US })
  const kernel = (startUs: number, durationUs: number) => ({ lane: 1, category: compute, name: 'flash_fwd_kernel', startNs: startUs * US, durationNs: durationUs * US })
  return traceOf({
    lanes: [{ rank: 0, name: 'thread 1', pid: 1, tid: 1, kind: 'host' }, { rank: 0, name: 'stream 7', pid: 0, tid: 7, kind: 'gpu' }],
    spans: [
      host('ProfilerStep#2', 0, 95), host(`${mark}2`, 20, 40), kernel(25, 30), kernel(70, 9),
      host('ProfilerStep#3', 100, 80), host(`${mark}3`, 110, 50), kernel(112, 40),
    ],
  })
}

const cluster = clusterTrace('ring attention iteration #')
const windowsUs = (timeline: Timeline, wanted: Parameters<typeof measureTimeline>[1]): unknown =>
  measureTimeline(timeline, wanted).windows.map(({ startNs, endNs, ranks: [{ windowNs, computeNs }] }) => [startNs, endNs, windowNs, computeNs].map((ns) => ns / US))

describe('windows of an imported trace', () => {
  it('of a cluster run are its iterations, without what is done between them', () => {
    expect(measureTimeline(cluster, null).offers).toEqual(['iterations', 'profiler-steps', 'whole'])
    expect(windowsUs(cluster, null)).toEqual([[20, 60, 40, 30], [110, 160, 50, 40]])
  })

  it('of another are the steps of its profiler, each to the start of the next, the last to its own end', () => {
    const steps = [[0, 100, 100, 39], [100, 180, 80, 40]]
    expect(windowsUs(clusterTrace('training iteration #'), null)).toEqual(steps)
    expect(windowsUs(cluster, 'profiler-steps')).toEqual(steps)
    expect(windowsUs(cluster, 'whole')).toEqual([[25, 152, 127, 79]])
  })

  it('are the same kind for all that are compared: steps, where not all have iterations', () => {
    const { sources, warnings } = compareTimelines([sourceOf(cluster), sourceOf(clusterTrace('training iteration #'), 'other')])
    expect(sources.map(({ windowKind }) => windowKind)).toEqual(['profiler-steps', 'profiler-steps'])
    expect(warnings.join('\n')).toContain("compared by the profiler's steps instead of measured iterations, which not all have")
  })
})
