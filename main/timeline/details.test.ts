import { describe, expect, test } from 'vitest'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { simulateRing } from '../simulator/testSimulation.ts'
import { spanDetails } from './spanDetails.ts'
import { summarizeTimeline } from './summary.ts'
import { traceOf } from './testTrace.ts'
import { TimelineBuilder } from './timeline.ts'

const kernel = CATEGORY_CODE.communication
const imported = traceOf({
  lanes: [{ rank: 0, name: 'rank 0 python', pid: 1, tid: 1, kind: 'host' }, { rank: 0, name: 'rank 0 stream 7', pid: 0, tid: 7, kind: 'gpu' }, { rank: null, name: 'idle', pid: 9, tid: 9 }],
  spans: [
    { lane: 0, name: 'cudaLaunchKernel', category: CATEGORY_CODE.other, startNs: 1500, durationNs: 100, args: '{"correlation": 5}' },
    { lane: 1, name: 'nccl', category: kernel, startNs: 2000, durationNs: 900, args: '{"correlation": 5, "grid": [1,  2], "say \\"x\\"": "a", "rate": 1.50}' },
    { lane: 0, name: 'outer', category: CATEGORY_CODE.other, startNs: 1000, durationNs: 4000 },
  ],
  flows: [[0, 1, 'ac2g'], [2, 1, 'fwdbwd']],
})

const simulated = simulateRing(parseRunConfig({ name: 'four', world: 4, seqLen: 256, heads: 1, headDim: 4 }, 'test'),
  { gflopsPerRank: 2, link: { bandwidthGBps: 4, latencyUs: 0 } })

const indexOfCategory = (code: number): number => simulated.spans.category.indexOf(code)

describe('span details', () => {
  test('a compute span has its step and its rate, and nothing that does not apply', () => {
    const details = spanDetails(simulated, indexOfCategory(CATEGORY_CODE.compute))
    expect(details).toMatchObject({
      name: 'step 0 · KV of rank 0', category: 'compute', rank: 0, lane: 'Rank 0 · compute', iteration: 0, warmup: false, step: 0,
      peer: null, payload: null, channel: null, bytes: null, gigabytesPerSecond: null, cpuNs: null,
    })
    expect(details.gflops).toBeCloseTo(2, 2)
  })

  test('a send has its peer and its bandwidth', () => {
    const details = spanDetails(simulated, indexOfCategory(CATEGORY_CODE.send))
    expect(details).toMatchObject({ lane: 'Rank 0 · send', peer: 1, payload: 'kv', channel: 'kv', bytes: 2 * 64 * 4 * 4, flops: null, gflops: null })
    expect(details.gigabytesPerSecond).toBeCloseTo(4, 6)
  })

  test('a hop leads to its receive and back', () => {
    const send = indexOfCategory(CATEGORY_CODE.send)
    const [flow] = spanDetails(simulated, send).flows
    expect(flow).toMatchObject({ direction: 'to', kind: 'hop', rank: 1, lane: 'Rank 1 · recv' })
    expect(spanDetails(simulated, flow.spanIndex).flows).toMatchObject([{ direction: 'from', kind: 'hop', spanIndex: send }])
    expect(spanDetails(simulated, send)).toMatchObject({ args: [], rawStartUs: null, wait: null })
  })

  test('a span of an imported trace has its args as written, its flows both ways and its time in the file', () => {
    const details = spanDetails(imported, 1)
    expect(details).toMatchObject({ lane: 'rank 0 stream 7', laneIndex: 1, depth: 0 })
    expect(spanDetails(imported, 0)).toMatchObject({ laneIndex: 0, depth: 1 })
    expect(details.args).toEqual([
      { key: 'correlation', value: '5' }, { key: 'grid', value: '[1,  2]' }, { key: 'say "x"', value: '"a"' }, { key: 'rate', value: '1.50' },
    ])
    expect(details.flows).toEqual([
      { direction: 'from', kind: 'fwdbwd', spanIndex: 2, name: 'outer', rank: 0, lane: 'rank 0 python', laneIndex: 0, depth: 0, startNs: 1000 },
      { direction: 'from', kind: 'ac2g', spanIndex: 0, name: 'cudaLaunchKernel', rank: 0, lane: 'rank 0 python', laneIndex: 0, depth: 1, startNs: 1500 },
    ])
    expect(spanDetails(imported, 0).flows).toMatchObject([{ direction: 'to', kind: 'ac2g', spanIndex: 1 }])
    expect(spanDetails(imported, 2).args).toEqual([])
    expect(Number(details.rawStartUs)).toBe(2)
  })

  test('of many flows the first 100 are told', () => {
    const lanes = [{ rank: 0, name: 'one', pid: 0, tid: 0 }]
    const spans = Array.from({ length: 151 }, (_, at) => ({ lane: 0, name: 'x', category: kernel, startNs: at * 10, durationNs: 5 }))
    const fan = traceOf({ lanes, spans, flows: spans.slice(1).map((_, at) => [0, at + 1, 'f'] as const) })
    expect(spanDetails(fan, 0).flows).toHaveLength(100)
  })

  test('an index that is not there is refused', () => {
    expect(() => spanDetails(simulated, simulated.spans.count)).toThrow(/no span/)
    expect(() => spanDetails(simulated, -1)).toThrow(RangeError)
  })
})

describe('summary', () => {
  test('counts spans and lanes and finds the extent', () => {
    const summary = summarizeTimeline(simulated, { timelineId: 't1', live: false, path: null })
    expect(summary).toMatchObject({
      timelineId: 't1', title: 'four (simulated)', source: 'simulation', live: false, startNs: 0, ranks: [0, 1, 2, 3],
      endNs: simulated.run?.iterations[0].endNs, spanCount: simulated.spans.count,
    })
    expect(summary.lanes).toHaveLength(12)
    expect(summary.lanes.reduce((sum, lane) => sum + lane.spanCount, 0)).toBe(summary.spanCount)
  })

  test('an imported trace says of each lane what it holds and how deep it nests, and how its ranks were aligned', () => {
    const ranks = [{ rank: 0, file: 0, rankFrom: 'file name', offsetNs: 5, uncertaintyNs: 2 }] as const
    const summary = summarizeTimeline(imported.trace === null ? imported : { ...imported, trace: { ...imported.trace, ranks } }, { timelineId: 't', live: false, path: null })
    expect(summary.lanes).toEqual([
      { index: 0, rank: 0, name: 'rank 0 python', spanCount: 2, kind: 'host', depth: 2 },
      { index: 1, rank: 0, name: 'rank 0 stream 7', spanCount: 1, kind: 'gpu', depth: 1 },
      { index: 2, rank: null, name: 'idle', spanCount: 0, kind: null, depth: 1 },
    ])
    expect(summary).toMatchObject({ startNs: 1000, endNs: 5000, spanCount: 3, clock: { aligned: true, ranks: [{ rank: 0, from: 'file name', offsetNs: 5, uncertaintyNs: 2 }] } })
  })

  describe('where spans that last are', () => {
    const lanes = ['one', 'two', 'profiler'].map((name, tid) => ({ rank: 0, name, pid: 0, tid, kind: 'host' as const }))
    const extentsOf = (spans: readonly (readonly [lane: number, startNs: number, endNs: number])[]) => {
      const timeline = traceOf({ lanes, spans: spans.map(([lane, startNs, endNs]) => ({ lane, name: 'x', category: kernel, startNs, durationNs: endNs - startNs })) })
      const { startNs, endNs, busyNs } = summarizeTimeline(timeline, { timelineId: 't', live: false, path: null })
      return [startNs, endNs, busyNs.startNs, busyNs.endNs]
    }
    test('leaves out marks far from them', () => {
      expect(extentsOf([[0, 5, 5], [0, 100, 200], [0, 300, 300], [1, 150, 250], [1, 900, 900], [2, 1000, 1000]])).toEqual([5, 1000, 100, 250])
    })
    test('leaves out a lane whose only span frames all others, but no other lane of one span', () => {
      expect(extentsOf([[0, 100, 150], [0, 160, 200], [1, 180, 250], [2, 0, 1000]])).toEqual([0, 1000, 100, 250])
      expect(extentsOf([[0, 100, 200], [2, 0, 1000]])).toEqual([0, 1000, 0, 1000])
    })
    test('is the whole where nothing lasts, and in runs of our own', () => {
      expect(extentsOf([[0, 5, 5], [1, 9, 9]])).toEqual([5, 9, 5, 9])
      const { startNs, endNs, busyNs } = summarizeTimeline(simulated, { timelineId: 't', live: false, path: null })
      expect(busyNs).toEqual({ startNs, endNs })
    })
  })

  test('an empty timeline has a finite extent; every file comes with its repairs and their first offsets', () => {
    const file = { path: 'a', events: 0, repairs: [{ kind: 'truncated', count: 1, firstOffset: 9 }], dropped: [] }
    const summary = summarizeTimeline(new TimelineBuilder('empty', 'trace').timeline(null, [file, file]), { timelineId: 't', live: true, path: 'a' })
    expect(summary).toMatchObject({ startNs: 0, endNs: 0, busyNs: { startNs: 0, endNs: 0 }, spanCount: 0, files: [file, file], clock: null })
  })
})
