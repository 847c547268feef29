import { describe, expect, it } from 'vitest'
import { SPAN_CATEGORIES, RANK_LANES } from './categories.ts'
import { SpanRecorder } from './recorder.ts'

describe('SpanRecorder', () => {
  it('hands over what was recorded, in order, and starts afresh', () => {
    const recorder = new SpanRecorder(8)
    recorder.record('compute', 'compute', 10, 30, { iteration: 1, step: 0 }, { flops: 5, cpuNs: 19 })
    recorder.record('recv', 'recv', 12, 28, { iteration: 1, step: 0 }, { peer: 3, bytes: 64, hop: 7 })
    const batch = recorder.take()
    expect([...batch.lane].map((code) => RANK_LANES[code])).toEqual(['compute', 'recv'])
    expect([...batch.category].map((code) => SPAN_CATEGORIES[code])).toEqual(['compute', 'recv'])
    expect([...batch.startNs, ...batch.endNs]).toEqual([10, 12, 30, 28])
    expect([...batch.flops, ...batch.bytes, ...batch.cpuNs]).toEqual([5, Number.NaN, Number.NaN, 64, 19, Number.NaN])
    expect([...batch.peer, ...batch.hop]).toEqual([-1, 3, -1, 7])
    expect(recorder.take().lane).toHaveLength(0)
  })

  it('refuses to lose a span when nobody takes them', () => {
    const recorder = new SpanRecorder(1)
    const place = { iteration: 0, step: 0 }
    recorder.record('compute', 'merge', 0, 1, place)
    expect(() => { recorder.record('compute', 'merge', 1, 2, place) }).toThrow(/recorder full at 1/)
  })
})
