import { describe, expect, it } from 'vitest'
import { SpanRecorder } from '../../kernels/timeline/recorder.ts'
import { LiveTimeline } from './liveTimeline.ts'
import { spanName } from './spanNames.ts'

function hopEnd(lane: 'send' | 'recv', startNs: number, endNs: number, hop: number) {
  const recorder = new SpanRecorder(1)
  recorder.record(lane, lane, startNs, endNs, { iteration: 0, step: 0 }, { hop, peer: 0, bytes: 8 })
  return recorder.take()
}

describe('LiveTimeline', () => {
  it('counts hops that were received before they were sent, whichever end is heard first', () => {
    const live = new LiveTimeline('t', 2)
    live.append(0, hopEnd('send', 100, 110, 1))
    live.append(1, hopEnd('recv', 50, 90, 1))
    live.append(1, hopEnd('recv', 200, 220, 2))
    live.append(0, hopEnd('send', 230, 240, 2))
    live.append(0, hopEnd('send', 300, 310, 3))
    live.append(1, hopEnd('recv', 302, 312, 3))
    expect(live.causalityViolations).toBe(2)
  })

  it('remembers what each rank did last on its compute thread', () => {
    const live = new LiveTimeline('t', 2)
    const recorder = new SpanRecorder(2)
    recorder.record('compute', 'compute', 0, 5, { iteration: 0, step: 1 }, { flops: 8 })
    recorder.record('recv', 'recv', 0, 5, { iteration: 0, step: 1 }, { hop: 1, peer: 0 })
    live.append(1, recorder.take())
    expect([live.lastSpan(0), live.lastSpan(1)]).toEqual([null, 'step 1 · KV of rank 0'])
  })
})

describe('spanName', () => {
  const at = { rank: 1, world: 4, step: 2, peer: -1, flops: Number.NaN }

  it('names the block that a rank attends to, hands on and gets', () => {
    expect(spanName({ ...at, category: 'compute', flops: 8 })).toBe('step 2 · KV of rank 3')
    expect(spanName({ ...at, category: 'send', peer: 2 })).toBe('send KV of rank 3 → rank 2')
    expect(spanName({ ...at, category: 'recv', peer: 0 })).toBe('receive KV of rank 2 ← rank 0')
  })

  it('tells work from a delay, and whom or what a rank waits for', () => {
    expect(spanName({ ...at, category: 'compute' })).toBe('straggler delay')
    expect(spanName({ ...at, category: 'wait-peer', peer: 0 })).toBe('wait for rank 0')
    expect(spanName({ ...at, category: 'wait-link', peer: 0 })).toBe('wire from rank 0')
    expect(spanName({ ...at, category: 'wait-link', peer: 2 })).toBe('wire to rank 2')
  })
})
