import { describe, expect, test } from 'vitest'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { simulate } from '../simulator/simulate.ts'
import { spanDetails } from './spanDetails.ts'
import { summarizeTimeline } from './summary.ts'
import { TimelineBuilder } from './timeline.ts'

const simulated = simulate(parseRunConfig({ name: 'four', world: 4, seqLen: 256, heads: 1, headDim: 4 }, 'test'),
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

  test('an empty timeline has a finite extent; repairs of several files add up', () => {
    const file = { path: 'a', events: 0, repairs: [{ kind: 'truncated', count: 1, firstOffset: 9 }], dropped: [] }
    const summary = summarizeTimeline(new TimelineBuilder('empty', 'trace').timeline(null, [file, file]), { timelineId: 't', live: true, path: 'a' })
    expect(summary).toMatchObject({ startNs: 0, endNs: 0, spanCount: 0, repairs: [{ kind: 'truncated', count: 2 }], dropped: [] })
  })
})
