import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Comparison, MetricRow } from '../../preload/contract/compare.ts'
import { runResult } from '../analysis/runResult.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { openTraces } from '../traces/open/openTraces.ts'
import { compareTimelines } from './compareTimelines.ts'
import { type DrawnIteration, drawnRun, sourceOf } from './testing.ts'

const MS = 1e6
const REPOSITORY = join(import.meta.dirname, '../..')

/** Rank 0 computes 3 + 4 ms and rank 1 `first` + 4 ms; who is done first waits. */
const iteration = (first: number, jitterNs = 0): DrawnIteration => ({ ranks: [[3 * MS, (first - 3) * MS, MS, 4 * MS + jitterNs], [first * MS, 0, MS, 4 * MS + jitterNs]] })
const steady = (first: number, title = `first ${first}`): Timeline => drawnRun([0, 1000, 2000, 3000, 4000].map((jitter) => iteration(first, jitter)), { title })

function rowOf({ metrics }: Comparison, id: string): MetricRow {
  const found = metrics.find((row) => row.id === id)
  if (found === undefined) throw new TypeError(`no metric ${id}`)
  return found
}

describe('two runs', () => {
  const comparison = compareTimelines([sourceOf(steady(3)), sourceOf(steady(5))])

  it('are laid over each other by measured iterations', () => {
    expect(comparison.sources.map(({ kind, windowKind, windows }) => [kind, windowKind, windows.length])).toEqual([['run', 'iterations', 5], ['run', 'iterations', 5]])
    expect(comparison.sources[0].windows[1]).toEqual({ startNs: 8_001_000, endNs: 16_002_000 })
    expect(comparison.warnings).toEqual([])
  })

  it('values are medians over the iterations, with their scatter, and agree with those of the runs', () => {
    const makespan = rowOf(comparison, 'makespan')
    expect(makespan.values).toEqual([8.002, 10.002])
    expect(makespan.noise[0]).toBeCloseTo(0.001, 9)
    expect(makespan.values).toEqual([3, 5].map((first) => runResult(steady(first), null).makespanMs))
    expect(rowOf(comparison, 'waitPeer').values).toEqual([0, 1])
    expect(rowOf(comparison, 'imbalance').values[1]).toBeCloseTo(100 * 2 / 9.002, 9)
    expect(rowOf(comparison, 'hops').values).toEqual([1, 1])
    expect(rowOf(comparison, 'bytes').values).toEqual([1024, 1024])
    // 2 x 2 blocks of 4096 operations in 14.004 ms.
    expect(rowOf(comparison, 'gflops').values[0]).toBeCloseTo(4 * 4096 / 14.004e6, 12)
  })

  it('a difference is absolute and relative, told from the scatter, and has its ranks and steps', () => {
    const [, makespan] = rowOf(comparison, 'makespan').deltas
    expect(makespan).toMatchObject({ significant: true, parts: [{ rank: 1, step: 0, delta: 2 }] })
    expect(makespan?.absolute).toBeCloseTo(2, 9)
    expect(makespan?.relative).toBeCloseTo(2 / 8.002, 9)
    expect(rowOf(comparison, 'compute').deltas[1]?.parts).toEqual([{ rank: 1, step: 0, delta: 2 }])
    expect(rowOf(comparison, 'waitPeer').deltas[1]?.parts).toEqual([{ rank: 0, step: 0, delta: 2 }])
    expect(rowOf(comparison, 'waitPeer').deltas[1]?.relative).toBeNull()
    expect(rowOf(comparison, 'idle').deltas[1]?.parts).toMatchObject([{ rank: 0, step: null, delta: 2 }])
    expect(rowOf(comparison, 'makespan').deltas[0]).toBeNull()
  })

  it('the verdict says how much, how sure, and what of, by the critical paths', () => {
    const path = (computeUs: number, imbalanceUs: number, wireUs: number) =>
      ({ criticalPath: { makespanUs: computeUs + imbalanceUs + wireUs, computeUs, imbalanceUs, wireUs, launchGapUs: 0, memoryUs: 0, otherUs: 0, segments: [], whatIf: { balancedLayoutUs: 0, fullOverlapUs: 0, infiniteLinkUs: 0 } } })
    const verdict = (first: number, before: ReturnType<typeof path>, second: number, after: ReturnType<typeof path>) =>
      compareTimelines([{ ...sourceOf(steady(first)), analysis: before }, { ...sourceOf(steady(second)), analysis: after }]).verdicts[0]
    const [balanced, late] = [path(35_000, 0, 5000), path(35_000, 10_000, 5000)]
    expect(verdict(3, balanced, 5, late)).toEqual({
      source: 1, change: 'slower',
      sentence: '25 % slower (makespan 10 ms against 8 ms, noise 0.0125 %); most of it is more waiting for a late rank: rank 1 computes 1 ms more than the mean rank',
    })
    expect(verdict(5, late, 3, balanced)).toMatchObject({ change: 'faster', sentence: expect.stringContaining('less waiting for a late rank: rank 1 computed 1 ms more') as string })
    expect(verdict(3, balanced, 5, path(45_000, 0, 5000)).sentence).toMatch(/; most of it is more compute, on rank 1$/)
    expect(verdict(3, balanced, 5, path(39_000, 3000, 8000)).sentence).toMatch(/; the largest part \(40 % of it\) is more compute, on rank 1$/)
    expect(compareTimelines([{ ...sourceOf(steady(3)), analysis: { criticalPath: null } }, sourceOf(steady(5))]).verdicts[0].sentence).toMatch(/noise 0\.0125 %\)$/)
  })

  it('spans are counted by name and category, per iteration', () => {
    expect(comparison.spans.find(({ name }) => name === 'wait')).toEqual({ name: 'wait', category: 'wait-peer', counts: [0, 1], totalMs: [0, 2], missingIn: [0] })
    expect(comparison.spans.find(({ name }) => name === 'own block')).toEqual({ name: 'own block', category: 'compute', counts: [2, 2], totalMs: [6, 8], missingIn: [] })
    expect(comparison.spans[0].totalMs).toEqual([0, 2])
    expect(compareTimelines([sourceOf(steady(3)), sourceOf(steady(5))], 2)).toMatchObject({ spans: [{}, {}], moreSpans: comparison.spans.length - 2 })
  })
})

describe('what makes timelines hard to compare is said', () => {
  const base = steady(3)
  const warnings = (other: Timeline): string => compareTimelines([sourceOf(base), sourceOf(other)]).warnings.join('\n')

  it('another shape, modelled times, a failed run, a single window, warnings of the run', () => {
    expect(warnings(drawnRun([iteration(3)], { title: 'long', config: { seqLen: 128 } }))).toBe('long: other shape: seqLen 128 against 64\nlong: has a single window, so nothing is known of its noise')
    expect(warnings(drawnRun([iteration(3), iteration(3)], { title: 'model', record: { modelled: true } }))).toBe('model: modelled times against measured ones')
    const failure = { kind: 'crashed', rank: 1, iteration: 1, step: 0, lastSpan: null, message: 'gone' } as const
    expect(warnings(drawnRun([iteration(3), iteration(3), iteration(3)], { title: 'bad', record: { failure, warnings: ['slow disk'] } })))
      .toBe('bad: failed (crashed): only its 2 complete measured iterations count\nbad: warned: slow disk')
  })

  it('of timelines with one title each by its position', () => {
    expect(warnings(drawnRun([iteration(3)], { title: 'first 3' }))).toBe('first 3 (2): has a single window, so nothing is known of its noise')
  })

  it('a run that measured nothing is no verdict', () => {
    const failure = { kind: 'crashed', rank: 1, iteration: 0, step: 0, lastSpan: null, message: 'gone' } as const
    const { verdicts, metrics } = compareTimelines([sourceOf(base), sourceOf(drawnRun([iteration(3)], { title: 'none', record: { failure } }))])
    expect(verdicts).toEqual([{ source: 1, change: 'unclear', sentence: 'nothing to compare: none has no measured window' }])
    expect(metrics.find(({ id }) => id === 'makespan')).toMatchObject({ values: [8.002, null], deltas: [null, null] })
  })

  it('single windows on a side leave a difference unclear, however large', () => {
    const { verdicts } = compareTimelines([sourceOf(base), sourceOf(drawnRun([iteration(9)], { title: 'once' }))])
    expect(verdicts[0]).toMatchObject({ change: 'unclear', sentence: expect.stringContaining('a single window says nothing of noise') as string })
  })
})

describe('for any run', () => {
  const length = fc.integer({ min: 1, max: 400 }).map((tens) => tens * 10_000)
  const rank = fc.tuple(length, length, length, length)
  const iterations = fc.array(fc.record({ ranks: fc.tuple(rank, rank) }), { minLength: 2, maxLength: 6 })
  const scaled = (all: readonly DrawnIteration[], factor: number): DrawnIteration[] =>
    all.map(({ ranks }) => ({ ranks: ranks.map(([a, b, c, d]) => [a * factor, b * factor, c * factor, d * factor].map(Math.round) as [number, number, number, number]) }))
  const rounds = { numRuns: 30 }

  it('compared with itself nothing differs, and it is the same', () => {
    fc.assert(fc.property(iterations, (all) => {
      const source = sourceOf(drawnRun(all))
      const { metrics, verdicts, spans, warnings } = compareTimelines([source, source])
      for (const { deltas } of metrics) expect(deltas[1]?.absolute ?? 0).toBe(0)
      for (const { deltas } of metrics) expect(deltas[1]?.parts ?? []).toEqual([])
      for (const { counts, totalMs, missingIn } of spans) expect([counts[0], totalMs[0], missingIn]).toEqual([counts[1], totalMs[1], []])
      expect(verdicts[0].change).toBe('same')
      expect(warnings).toEqual([])
    }), rounds)
  })

  it('a tenth longer in everything is a tenth more of every time and no other share', () => {
    fc.assert(fc.property(iterations, (all) => {
      const { metrics } = compareTimelines([sourceOf(drawnRun(all)), sourceOf(drawnRun(scaled(all, 1.1)))])
      for (const { id, unit, values, deltas } of metrics) {
        if (unit === 'ms' && values[0] !== 0) expect(deltas[1]?.relative, id).toBeCloseTo(0.1, 6)
        if (unit === '%' && values[0] !== null) expect(deltas[1]?.absolute, id).toBeCloseTo(0, 6)
      }
      expect(metrics.find(({ id }) => id === 'gflops')?.deltas[1]?.relative).toBeCloseTo(1 / 1.1 - 1, 6)
    }), rounds)
  })

  it('the other way round every difference has the other sign', () => {
    fc.assert(fc.property(iterations, iterations, (a, b) => {
      const [first, second] = [sourceOf(drawnRun(a)), sourceOf(drawnRun(b))]
      const [there, back] = [compareTimelines([first, second]), compareTimelines([second, first])]
      for (const row of there.metrics) {
        const other = back.metrics.find(({ id }) => id === row.id)?.deltas[1]
        expect(other?.absolute ?? null, row.id).toBe(row.deltas[1] === null ? null : 0 - row.deltas[1].absolute)
        expect(other?.significant, row.id).toBe(row.deltas[1]?.significant)
      }
      const opposite = { faster: 'slower', slower: 'faster', same: 'same', unclear: 'unclear' } as const
      expect(back.verdicts[0].change).toBe(opposite[there.verdicts[0].change])
    }), rounds)
  })
})

describe('traces of GPUs', () => {
  let ring: Timeline
  let run: Timeline
  beforeAll(async () => {
    [ring] = await openTraces(['0', '1', '2', '3'].map((rank) => join(REPOSITORY, `fixtures/kineto-ring/rank-${rank}.pt.trace.json.gz`)));
    [run] = await openTraces([join(REPOSITORY, 'fixtures/traces/2-ranks-zigzag-causal.json.gz')])
  })

  it("are cut by the profiler's steps; a run beside them by its iterations", () => {
    const { sources, warnings, metrics } = compareTimelines([sourceOf(ring), sourceOf(run)])
    expect(sources.map(({ windowKind, windows }) => [windowKind, windows.length])).toEqual([['profiler-steps', 3], ['iterations', 3]])
    expect(warnings.join('\n')).toMatch(/other world: 2 ranks against 4.*\n.*includes the waiting inside its kernels.*\n.*other windows: measured iterations \(3\) against the profiler's steps \(3\)/)
    expect(metrics.find(({ id }) => id === 'htaIdle')).toMatchObject({ values: [expect.any(Number), null], deltas: [null, null] })
  })

  it('windows of the steps hold what the whole trace does', () => {
    const { metrics, spans } = compareTimelines([sourceOf(ring), sourceOf(ring)])
    const totalMs = (id: string): number => 3 * (metrics.find((row) => row.id === id)?.values[0] ?? 0)
    const { ranks } = sourceOf(ring).analysis
    const mean = (figure: (rank: (typeof ranks)[number]) => number): number => ranks.reduce((sum, rank) => sum + figure(rank), 0) / ranks.length / 1000
    expect(totalMs('compute')).toBeCloseTo(mean(({ computeUs }) => computeUs), 1)
    expect(totalMs('comm')).toBeCloseTo(mean(({ commUs }) => commUs), 1)
    expect(totalMs('overlap')).toBeCloseTo(mean(({ overlapUs }) => overlapUs), 1)
    expect(totalMs('kernelWait')).toBeCloseTo(mean(({ waitUs, collectiveWaitUs }) => waitUs + collectiveWaitUs), 1)
    expect(totalMs('transfer')).toBeCloseTo(mean(({ transferUs, collectiveTransferUs }) => transferUs + collectiveTransferUs), 1)
    expect(spans.find(({ name }) => name === 'ProfilerStep#*')).toMatchObject({ counts: [4, 4], missingIn: [] })
  })
})
