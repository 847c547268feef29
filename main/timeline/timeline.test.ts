import { describe, expect, it } from 'vitest'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { TimelineBuilder } from './timeline.ts'

describe('TimelineBuilder', () => {
  it('keeps every span through growth, and earlier views stay as they were', () => {
    const builder = new TimelineBuilder('growing', 'run')
    const lane = builder.addLane({ rank: 0, name: 'compute', pid: 0, tid: 0 })
    const name = builder.intern('step')
    const append = (index: number): void => {
      builder.append({ lane, category: CATEGORY_CODE.compute, name, startNs: index * 10, durationNs: 7, step: index })
    }
    for (let index = 0; index < 1500; index++) append(index)
    const early = builder.timeline(null)
    for (let index = 1500; index < 5000; index++) append(index)
    const late = builder.timeline(null)
    expect(early.spans.count).toBe(1500)
    expect(late.spans.count).toBe(5000)
    expect([...late.spans.step.subarray(0, 5000)]).toEqual(Array.from({ length: 5000 }, (_, index) => index))
    expect(late.spans.startNs[4999]).toBe(49_990)
    expect(early.spans.startNs[1499]).toBe(14_990)
  })

  it('marks what a span does not have', () => {
    const builder = new TimelineBuilder('bare', 'trace')
    builder.append({ lane: 0, category: 0, name: builder.intern('x'), startNs: 0, durationNs: 0 })
    const { spans } = builder.timeline(null)
    expect([spans.iteration[0], spans.step[0], spans.peer[0], spans.hop[0], spans.payload[0]]).toEqual([-1, -1, -1, -1, 0])
    expect([spans.bytes[0], spans.flops[0], spans.cpuNs[0]]).toEqual([Number.NaN, Number.NaN, Number.NaN])
  })

  it('interns equal texts once', () => {
    const builder = new TimelineBuilder('strings', 'run')
    expect([builder.intern('a'), builder.intern('b'), builder.intern('a')]).toEqual([0, 1, 0])
    expect(builder.timeline(null).strings).toEqual(['a', 'b'])
  })
})
