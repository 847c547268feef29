import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRunConfig, type RunConfigInput } from '../../../kernels/config/runConfig.ts'
import { CATEGORY_CODE, type SpanCategory } from '../../../kernels/timeline/categories.ts'
import type { CriticalPath } from '../../../preload/contract/analysis.ts'
import type { CommKernel, CommMatch, Communication } from '../../comm/comm.ts'
import type { RingRates } from '../../simulator/emulatedCluster.ts'
import { simulateRing } from '../../simulator/testSimulation.ts'
import { type Timeline, TimelineBuilder } from '../../timeline/timeline.ts'
import { criticalPath } from './criticalPath.ts'

const SILENCE: Communication = { kernels: [], matches: [], splits: [], notes: [] }

const partsUs = ({ computeUs, wireUs, imbalanceUs, launchGapUs, memoryUs, otherUs }: CriticalPath): number =>
  computeUs + wireUs + imbalanceUs + launchGapUs + memoryUs + otherUs

/** [rank, lane, category, start, end] in µs. */
type Row = readonly [rank: number, lane: number, category: SpanCategory, startUs: number, endUs: number]

function timelineOf(rows: readonly Row[]): Timeline {
  const builder = new TimelineBuilder('by hand', 'trace')
  const lanes = new Map<string, number>()
  for (const [rank, lane, category, startUs, endUs] of rows) {
    const key = `${rank} ${lane}`
    const index = lanes.get(key) ?? builder.addLane({ rank, name: `stream ${lane}`, pid: rank, tid: lane, kind: 'gpu' })
    lanes.set(key, index)
    builder.append({ lane: index, category: CATEGORY_CODE[category], name: builder.intern(category), startNs: startUs * 1000, durationNs: (endUs - startUs) * 1000 })
  }
  return builder.timeline(null)
}

/** Every communication span of a position on its rank matches those of the others at that position; each needs all others. */
function matched(timeline: Timeline): Communication {
  const { spans, lanes } = timeline
  const kernels: CommKernel[] = []
  const orders = new Map<number, number>()
  for (let span = 0; span < spans.count; span++) {
    if (spans.category[span] !== CATEGORY_CODE.communication) continue
    const rank = lanes[spans.lane[span]].rank ?? 0
    const order = orders.get(rank) ?? 0
    orders.set(rank, order + 1)
    kernels.push({
      span, rank, kind: 'all-reduce', group: 'all', order, startNs: spans.startNs[span], endNs: spans.startNs[span] + spans.durationNs[span],
      source: null, destination: null, members: null, bytes: null,
    })
  }
  const positions = kernels.map((_, at) => at)
  const matches = [...Map.groupBy(positions, (at) => kernels[at].order).values()].map((members): CommMatch => ({
    kind: 'all-reduce', kernels: members, complete: true, evidence: 'process group',
    needs: members.map((at) => members.filter((other) => other !== at)),
  }))
  const splits = positions.map((kernel) => {
    const { startNs, endNs, order } = kernels[kernel]
    const readyNs = Math.max(...kernels.filter((other) => other.order === order).map((other) => other.startNs))
    const waitNs = Math.max(0, Math.min(endNs, readyNs) - startNs)
    return { kernel, waitNs, transferNs: endNs - startNs - waitNs, method: 'peers' as const, waitedFor: null }
  })
  return { kernels, matches, splits, notes: [] }
}

const pathOf = (rows: readonly Row[], communication = (timeline: Timeline): Communication => matched(timeline)): CriticalPath => {
  const timeline = timelineOf(rows)
  const path = criticalPath(timeline, communication(timeline), [])
  if (path === null) throw new Error('no path')
  return path
}

describe('the chain that determined the makespan', () => {
  test('on one rank: compute, copies, unknown kernels and the gaps before them', () => {
    const path = pathOf([[0, 7, 'compute', 10, 40], [0, 7, 'memory', 45, 50], [0, 9, 'other', 50, 60], [0, 9, 'compute', 20, 30]])
    expect(path).toMatchObject({ makespanUs: 50, computeUs: 30, launchGapUs: 5, memoryUs: 5, otherUs: 10, wireUs: 0, imbalanceUs: 0 })
    expect(path.segments).toEqual([
      { rank: 0, kind: 'compute', startNs: 10_000, endNs: 40_000, spanIndex: 0 }, { rank: 0, kind: 'launch-gap', startNs: 40_000, endNs: 45_000, spanIndex: null },
      { rank: 0, kind: 'memory', startNs: 45_000, endNs: 50_000, spanIndex: 1 }, { rank: 0, kind: 'other', startNs: 50_000, endNs: 60_000, spanIndex: 2 },
    ])
  })

  test('leads from a kernel that waited to the rank that was waited for, and calls its surplus of compute imbalance', () => {
    const path = pathOf([
      [0, 7, 'compute', 0, 10], [0, 9, 'communication', 10, 35],
      [1, 7, 'compute', 0, 30], [1, 9, 'communication', 30, 35], [1, 7, 'compute', 35, 36],
    ])
    // Before the kernel the ranks computed 10 and 30: 20 each would have done.
    expect(path).toMatchObject({ makespanUs: 36, computeUs: 20.5, imbalanceUs: 10.5, wireUs: 5, launchGapUs: 0 })
    expect(path.segments.map(({ rank, kind, startNs, endNs }) => [rank, kind, startNs / 1000, endNs / 1000])).toEqual([
      [1, 'compute', 0, 20], [1, 'imbalance', 20, 30], [1, 'wire', 30, 35], [1, 'compute', 35, 35.5], [1, 'imbalance', 35.5, 36],
    ])
    expect(path.whatIf).toEqual({ balancedLayoutUs: 25.5, fullOverlapUs: 31, infiniteLinkUs: 31 })
  })

  test('of two streams follows what ended last; a transfer that compute hides is not on it', () => {
    const hidden: Row[] = [0, 1].flatMap((rank): Row[] => [[rank, 7, 'compute', 0, 30], [rank, 9, 'communication', 0, 20], [rank, 7, 'compute', 30, 50]])
    expect(pathOf(hidden)).toMatchObject({ computeUs: 50, wireUs: 0, whatIf: { fullOverlapUs: 50, infiniteLinkUs: 50 } })
    const exposed: Row[] = [0, 1].flatMap((rank): Row[] => [[rank, 7, 'compute', 0, 30], [rank, 9, 'communication', 0, 40], [rank, 7, 'compute', 40, 60]])
    // However well it overlaps, data that takes 40 to arrive is waited for.
    expect(pathOf(exposed)).toMatchObject({ computeUs: 20, wireUs: 40, whatIf: { fullOverlapUs: 60, infiniteLinkUs: 50 } })
  })

  test('what is waited for a rank without a trace is imbalance', () => {
    const estimate = (timeline: Timeline): Communication => {
      const { kernels } = matched(timeline)
      return { kernels, matches: [], splits: [{ kernel: 0, waitNs: 6000, transferNs: 4000, method: 'estimate', waitedFor: null }], notes: [] }
    }
    expect(pathOf([[0, 7, 'compute', 0, 10], [0, 9, 'communication', 10, 20]], estimate))
      .toMatchObject({ makespanUs: 20, computeUs: 10, imbalanceUs: 6, wireUs: 4, whatIf: { balancedLayoutUs: 20, infiniteLinkUs: 16 } })
  })

  test('there is none without device spans, and none of ranks that share no clock', () => {
    expect(criticalPath(timelineOf([]), SILENCE, [])).toBeNull()
    const timeline = timelineOf([[0, 7, 'compute', 0, 1], [1, 7, 'compute', 5, 6]])
    const none = { template: new Uint32Array(2), templates: ['', ''], digitsAt: new Uint32Array(2), digits: new Uint8Array(0) }
    const rank = { file: 0, rankFrom: 'order' as const, offsetNs: 0 }
    const apart = (uncertaintyNs: number | null): Timeline => ({ ...timeline, trace: {
      fileClocks: [], ranks: [{ ...rank, rank: 0, uncertaintyNs: 0 }, { ...rank, rank: 1, uncertaintyNs }], world: null,
      clock: { method: '', originNs: null, aligned: false }, args: none, form: new Uint8Array(2), kind: new Uint8Array(2), kindNames: [''], rulesFrom: null,
      flows: { from: new Uint32Array(0), to: new Uint32Array(0), name: new Uint32Array(0) }, counters: [],
    } })
    expect(criticalPath(apart(null), SILENCE, [])).toBeNull()
    expect(criticalPath(apart(5), SILENCE, [])?.makespanUs).toBe(6)
  })
})

/** Ranks that run in lanes of their own, kernels that match where both have one; any order, any gaps, nothing nested. */
const anyJob = fc.record({
  ranks: fc.array(fc.array(fc.record({
    lane: fc.nat(2), category: fc.constantFrom<SpanCategory>('compute', 'communication', 'memory', 'other'), gap: fc.nat(5), length: fc.nat(9),
  }), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
}).map(({ ranks }) => ranks.flatMap((items, rank): Row[] => {
  const clock = [0, 0, 0]
  return items.map(({ lane, category, gap, length }): Row => {
    const startUs = clock[lane] + gap
    clock[lane] = startUs + length
    return [rank, lane, category, startUs, startUs + length]
  })
}))

describe('of any job', () => {
  test('the parts add up, the chain has no gap and no overlap, and no change costs time', () => {
    fc.assert(fc.property(anyJob, (rows) => {
      const path = pathOf(rows)
      expect(partsUs(path)).toBeCloseTo(path.makespanUs, 6)
      const first = Math.min(...rows.map(([, , , startUs]) => startUs))
      expect(path.makespanUs).toBe(Math.max(...rows.map(([, , , , endUs]) => endUs)) - first)
      let atNs = first * 1000
      for (const { startNs, endNs } of path.segments) {
        expect(startNs).toBe(atNs)
        expect(endNs).toBeGreaterThan(startNs)
        atNs = endNs
      }
      expect(atNs).toBe((first + path.makespanUs) * 1000)
      for (const us of Object.values(path.whatIf)) {
        expect(us).toBeLessThanOrEqual(path.makespanUs)
        expect(us).toBeGreaterThanOrEqual(0)
      }
    }), { numRuns: 300 })
  })

  test('where all ranks do the same and nothing travels, no change gives anything: the recording is reproduced', () => {
    fc.assert(fc.property(anyJob, fc.integer({ min: 1, max: 4 }), (rows, world) => {
      const one = rows.filter(([rank, , category]) => rank === 0 && category !== 'communication')
      fc.pre(one.length > 0)
      const path = pathOf(Array.from({ length: world }, (_, rank) => one.map(([, ...rest]): Row => [rank, ...rest])).flat())
      expect(path.whatIf).toEqual({ balancedLayoutUs: path.makespanUs, fullOverlapUs: path.makespanUs, infiniteLinkUs: path.makespanUs })
      expect(path.imbalanceUs).toBe(0)
    }))
  })
})

describe('of simulations, whose truth is known', () => {
  const simulated = (fields: Partial<RunConfigInput>, link: RingRates['link'] = { bandwidthGBps: 0.7, latencyUs: 30 }): CriticalPath => {
    const config = parseRunConfig({ name: 'ring', world: 8, seqLen: 8192, heads: 2, headDim: 64, ...fields }, 'test')
    const path = criticalPath(simulateRing(config, { gflopsPerRank: 50, link }), SILENCE, [])
    if (path === null) throw new Error('no path')
    expect(partsUs(path)).toBeCloseTo(path.makespanUs, 6)
    return path
  }
  const slow = { bandwidthGBps: 0.1, latencyUs: 30 }

  test.each([
    [true, undefined], [false, undefined], [true, null], [false, null], [false, slow],
  ])('a balanced layout of contiguous shards is as fast as zigzag (overlap %s, link %j)', (overlap, link) => {
    const contiguous = simulated({ layout: 'contiguous', overlap }, link)
    const zigzag = simulated({ layout: 'zigzag', overlap }, link)
    expect(contiguous.whatIf.balancedLayoutUs / zigzag.makespanUs).toBeCloseTo(1, 3)
    expect(zigzag.imbalanceUs).toBeCloseTo(0, 2)
    expect(contiguous.imbalanceUs).toBeGreaterThan(0.4 * contiguous.computeUs)
  })

  test.each([
    { layout: 'zigzag' }, { layout: 'contiguous' }, { layout: 'zigzag', overlap: false }, { layout: 'contiguous', overlap: false },
    { layout: 'zigzag', pass: 'forward-backward' }, { algorithm: 'ulysses', heads: 8 }, { algorithm: 'double-ring', window: 4 },
  ] as const)('an infinite link is the simulation with one: %j', (fields) => {
    expect(simulated(fields, slow).whatIf.infiniteLinkUs / simulated(fields, null).makespanUs).toBeCloseTo(1, 2)
  })

  test.each([undefined, slow])('full overlap without overlap is the simulation with it, link %j', (link) => {
    const apart = simulated({ layout: 'zigzag', overlap: false }, link)
    const beside = simulated({ layout: 'zigzag', overlap: true }, link)
    expect(apart.wireUs).toBeGreaterThan(0)
    expect(apart.whatIf.fullOverlapUs / beside.makespanUs).toBeCloseTo(1, 2)
  })

  test('a straggler is imbalance: without it ranks would compute their mean', () => {
    const path = simulated({ layout: 'zigzag', stragglers: { 3: 2 } })
    const even = simulated({ layout: 'zigzag' })
    expect(path.whatIf.balancedLayoutUs / (even.makespanUs * 9 / 8)).toBeCloseTo(1, 3)
    expect(path.imbalanceUs / (even.computeUs * 7 / 8)).toBeCloseTo(1, 2)
  })
})
