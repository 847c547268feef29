import { describe, expect, test } from 'vitest'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { CATEGORY_CODE, PAYLOAD_CODE, type RankLane, RANK_LANES, type SpanCategory } from '../../kernels/timeline/categories.ts'
import type { IterationWindow, RunRecord } from '../../preload/contract/run.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { addRankLanes } from '../timeline/rankLanes.ts'
import { type Timeline, TimelineBuilder } from '../timeline/timeline.ts'
import { medianOrZero, runResult } from './runResult.ts'

type SpanRow = readonly [rank: number, category: SpanCategory, iteration: number, startNs: number, endNs: number]

const LANE_OF: Partial<Record<SpanCategory, RankLane>> = { send: 'send', recv: 'recv' }

/** Two ranks on the full mask; rows give the spans. */
function runOf(rows: readonly SpanRow[], iterations: readonly IterationWindow[], failure: RunRecord['failure'] = null): Timeline {
  const builder = new TimelineBuilder('test', 'run')
  const config = parseRunConfig({ world: 2, mask: 'full', seqLen: 4, heads: 1, headDim: 4 }, 'test')
  const lanes = addRankLanes(builder, planRun(config))
  let hop = 0
  for (const [rank, category, iteration, startNs, endNs] of rows) {
    const lane = lanes[rank][RANK_LANES.indexOf(LANE_OF[category] ?? 'compute')]
    builder.append({
      lane, category: CATEGORY_CODE[category], name: builder.intern(category), startNs, durationNs: endNs - startNs, iteration,
      ...(category === 'compute' ? { flops: 1000 } : {}), ...(category === 'recv' ? { hop: hop++, bytes: 64, step: 0, peer: 1 - rank, payload: PAYLOAD_CODE.kv } : {}),
    })
  }
  return builder.timeline({
    config, backend: 'wasm', device: 'test', transport: 'socket', modelled: false, warnings: ['as given'], iterations, clocks: [],
    recorderOverheadNs: 100, causalityViolations: 0, verification: null, outputChecksum: null, failure,
    startedAt: '2026-01-01T00:00:00.000Z',
  })
}

const window = (iteration: number, startNs: number, endNs: number, warmup = false): IterationWindow =>
  ({ iteration, warmup, startNs, endNs })

const ONE_ITERATION: readonly SpanRow[] = [
  [0, 'compute', 1, 1000, 5000], [0, 'merge', 1, 5000, 5500], [0, 'recv', 1, 4000, 7000], [0, 'wait-link', 1, 5500, 7000],
  [0, 'compute', 1, 7000, 8000],
  [1, 'compute', 1, 1000, 2000], [1, 'send', 1, 4000, 7000], [1, 'wait-peer', 1, 2000, 4000], [1, 'compute', 1, 9000, 11000],
]

describe('figures of a run', () => {
  test('one iteration by hand: compute includes merging, comm is bytes under way, waiting is neither', () => {
    const result = runResult(runOf(ONE_ITERATION, [window(1, 1000, 11000)]), 'trace.json')
    expect(result.ranks[0]).toEqual({
      rank: 0, computeMs: 0.0055, commMs: 0.003, overlapMs: 0.0015, exposedMs: 0.0015, waitPeerMs: 0, waitLinkMs: 0.0015,
      idleMs: 0.0045, flops: 2000, gflops: 2000 / 5500,
    })
    expect(result.ranks[1]).toMatchObject({ computeMs: 0.003, commMs: 0.003, overlapMs: 0, exposedMs: 0.003, waitPeerMs: 0.002, idleMs: 0.007 })
    expect(result.makespanMs).toBe(0.01)
    expect(result.overlapRatio).toBe(1500 / 6000)
    expect(result.idleFraction).toBeCloseTo(1 - 8500 / 20000, 12)
    expect(result.theory).toMatchObject({ idleFraction: 0, hops: 1, speedupOverContiguous: 1 })
    expect(result.traffic).toEqual([
      { channel: 'kv', payload: 'kv', pass: 'forward', hops: 1, bytesPerHop: 64, theory: { hops: 1, bytesPerHop: 64 } },
    ])
    expect(result).toMatchObject({ hops: 1, bytesPerHop: 64, tracePath: 'trace.json', warnings: ['as given'] })
  })

  test('warm-up is in no figure; the makespan is the median and a rank\'s times are totals', () => {
    const rows: SpanRow[] = [
      [0, 'compute', 0, 0, 900], [0, 'compute', 1, 1000, 1010], [0, 'compute', 2, 2000, 2030], [0, 'compute', 3, 3000, 3020],
    ]
    const result = runResult(runOf(rows, [window(0, 0, 1000, true), window(1, 1000, 1100), window(2, 2000, 2300), window(3, 3000, 3200)]), null)
    expect(result.iterations.map(({ iteration }) => iteration)).toEqual([1, 2, 3])
    expect(result.makespanMs).toBe(200 / 1e6)
    expect(result.ranks[0].computeMs).toBe(60 / 1e6)
    expect(result.overlapRatio).toBeNull()
  })

  test('spans that reach over the window are cut at it, so idle is never negative', () => {
    const result = runResult(runOf([[0, 'compute', 1, 500, 2500], [1, 'compute', 1, 1000, 2000]], [window(1, 1000, 2000)]), null)
    expect(result.idleFraction).toBe(0)
    expect(result.ranks[0].idleMs).toBe(0)
  })

  test('an iteration in which the run failed counts for nothing', () => {
    const failure = { kind: 'crashed', rank: 1, iteration: 2, step: 0, lastSpan: null, message: 'killed' } as const
    const rows: SpanRow[] = [...ONE_ITERATION, [0, 'compute', 2, 20000, 21000]]
    const result = runResult(runOf(rows, [window(1, 1000, 11000), window(2, 20000, 99000)], failure), null)
    expect(result.iterations).toHaveLength(1)
    expect(result.makespanMs).toBe(0.01)
    expect(result.failure).toEqual(failure)
  })

  test('a run that failed before its first measured iteration has finite figures and says why they are 0', () => {
    const failure = { kind: 'cancelled', rank: null, iteration: null, step: null, lastSpan: null, message: 'cancelled' } as const
    const result = runResult(runOf([[0, 'compute', 0, 0, 10]], [window(0, 0, 1000, true)], failure), null)
    expect(result).toMatchObject({ makespanMs: 0, iterations: [], overlapRatio: null, idleFraction: 0, hops: 0, bytesPerHop: 0 })
    expect(result.warnings.at(-1)).toMatch(/no measured iteration/)
    expect(JSON.parse(JSON.stringify(result))).toEqual(result)
  })

  test('a timeline without a run record is refused by name', () => {
    expect(() => runResult(new TimelineBuilder('someone.json', 'trace').timeline(null), null)).toThrow(/someone\.json/)
  })

  test('median of odd, even and no values', () => {
    expect([medianOrZero([3, 1, 2]), medianOrZero([4, 1, 2, 3]), medianOrZero([])]).toEqual([2, 2.5, 0])
  })
})
