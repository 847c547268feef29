import { describe, expect, it } from 'vitest'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { PAYLOADS, type RankLane } from '../../kernels/timeline/categories.ts'
import { SpanRecorder } from '../../kernels/timeline/recorder.ts'
import { simulateRing } from '../simulator/testSimulation.ts'
import { LiveTimeline } from './liveTimeline.ts'

const config = parseRunConfig({ world: 2, seqLen: 8, heads: 1, headDim: 4, pass: 'forward-backward' }, 'test')
const live = (): LiveTimeline => new LiveTimeline('t', planRun(config))

function hopEnd(lane: Extract<RankLane, `${'send' | 'recv'}${string}`>, startNs: number, endNs: number, hop: number) {
  const recorder = new SpanRecorder(1)
  recorder.record(lane, lane.startsWith('send') ? 'send' : 'recv', startNs, endNs, { iteration: 0, step: 0 }, { hop, peer: 0, bytes: 8, payload: 'kv' })
  return recorder.take()
}

describe('LiveTimeline', () => {
  it('counts hops that were received before they were sent, whichever end is heard first', () => {
    const timeline = live()
    timeline.append(0, hopEnd('send', 100, 110, 1))
    timeline.append(1, hopEnd('recv', 50, 90, 1))
    timeline.append(1, hopEnd('recv gradient', 200, 220, 2))
    timeline.append(0, hopEnd('send gradient', 230, 240, 2))
    timeline.append(0, hopEnd('send', 300, 310, 3))
    timeline.append(1, hopEnd('recv', 302, 312, 3))
    expect(timeline.causalityViolations).toBe(2)
  })

  it('remembers what each rank did last on its compute thread', () => {
    const timeline = live()
    const recorder = new SpanRecorder(2)
    recorder.record('compute', 'compute', 0, 5, { iteration: 0, step: 1 }, { flops: 8 })
    recorder.record('recv', 'recv', 0, 5, { iteration: 0, step: 1 }, { hop: 1, peer: 0, payload: 'kv' })
    timeline.append(1, recorder.take())
    expect([timeline.lastSpan(0), timeline.lastSpan(1)]).toEqual([null, 'step 1 · KV of rank 0'])
  })

  it('has the lanes of the plan, as a simulation has, and puts spans and what they carry there', () => {
    const timeline = live()
    timeline.append(1, hopEnd('recv gradient', 5, 9, 1))
    const { run, lanes } = simulateRing(config, { gflopsPerRank: 1, link: null })
    if (run === null) throw new Error('a simulation has a record')
    const grown = timeline.timeline(run)
    expect(grown.lanes).toEqual(lanes)
    expect(grown.lanes[grown.spans.lane[0]].name).toBe('Rank 1 · recv gradient')
    expect(PAYLOADS[grown.spans.payload[0]]).toBe('kv')
  })

  it('refuses a span on a lane that the plan does not use', () => {
    expect(() => live().append(0, hopEnd('send query', 0, 1, 1))).toThrow(/rank 0 recorded a span on "send query"/)
  })
})
