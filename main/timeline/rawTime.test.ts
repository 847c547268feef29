import { expect, test } from 'vitest'
import { rawStartMicros } from './rawTime.ts'
import type { TraceContent } from './traceContent.ts'
import { TimelineBuilder } from './timeline.ts'

/** A timeline with one span at `startNs`, of a file with this clock. */
function timelineAt(startNs: number, originMicros: number, shiftNs: number, offsetNs = 0) {
  const builder = new TimelineBuilder('t', 'trace')
  builder.append({ lane: builder.addLane({ rank: 3, name: 'lane', pid: 0, tid: 0 }), category: 0, name: builder.intern('span'), startNs, durationNs: 1 })
  const trace: Pick<TraceContent, 'ranks' | 'fileClocks'> = {
    ranks: [{ rank: 3, file: 0, rankFrom: 'order', offsetNs, uncertaintyNs: 0 }], fileClocks: [{ originMicros, shiftNs }],
  }
  return { ...builder.timeline(null), trace: trace as TraceContent }
}

test('a raw time has all its ns, however large it is', () => {
  expect(rawStartMicros(timelineAt(354, 1723545784535521, 0), 0)).toBe('1723545784535521.354')
  expect(rawStartMicros(timelineAt(5_000_000_354, 1723545784535521, 0), 0)).toBe('1723545789535521.354')
})

test('shift and offset are taken back', () => {
  expect(rawStartMicros(timelineAt(1_001_500, 100, 500, 1_000_000), 0)).toBe('101.000')
})

test('negative times', () => {
  expect([-1, -999, -1000, -1001, -1500, 1].map((ns) => rawStartMicros(timelineAt(ns, 0, 0), 0)))
    .toEqual(['-0.001', '-0.999', '-1.000', '-1.001', '-1.500', '0.001'])
})

test('runs of our own have no other clock than the timeline', () => {
  const builder = new TimelineBuilder('t', 'run')
  builder.append({ lane: builder.addLane({ rank: 0, name: 'lane', pid: 0, tid: 0 }), category: 0, name: 0, startNs: 0, durationNs: 1 })
  expect(rawStartMicros(builder.timeline(null), 0)).toBeNull()
})
