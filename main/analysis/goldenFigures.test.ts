import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { TraceRankFigures } from '../../preload/contract/analysis.ts'
import { communicationOf } from '../comm/communication.ts'
import { openTraces } from '../traces/open/openTraces.ts'
import { SAMPLE_TRACES } from '../traces/testing/sampleTraces.ts'
import { analyzeTimeline } from './traceAnalysis.ts'

const TWO_RANKS = ['kineto-two-ranks/rank-0.json.gz', 'kineto-two-ranks/rank-1.json.gz']

/** What HolisticTraceAnalysis' definitions give, in µs: span, busy, idle, U(comp), U(comm), U(mem), overlap, exposed comm, exposed mem. */
const GOLDEN: readonly [string, number, readonly number[]][] = [
  [TWO_RANKS[0], 14.95, [1222847, 547656, 675191, 210320, 396199, 1325, 59216, 336983, 353]],
  [TWO_RANKS[1], 19.93, [1231186, 580050, 651136, 271973, 379053, 16504, 75530, 303523, 4554]],
  ['kineto-nccl-args/nccl-data.json.gz', 15.61, [660551, 157500, 503051, 115655.8, 46876.5, 2653.5, 7317.0, 39559.5, 2284.7]],
  ['compare-pair/control.json.gz', 46.24, [464594, 388587, 76007, 281336, 163535, 54638, 75614, 87921, 19330]],
]

type Shared = NonNullable<TraceRankFigures['hta']>

function expectGolden(figures: Shared, exposedCommUs: number, golden: readonly number[], overlapPercent: number): void {
  const busyUs = figures.spanUs - figures.idleUs
  // Nothing in these traces is other work, so what neither computing nor communicating covers is memory.
  const actual = [figures.spanUs, busyUs, figures.idleUs, figures.computeUs, figures.commUs, figures.memoryUs, figures.overlapUs,
    exposedCommUs, busyUs - figures.computeUs - exposedCommUs]
  actual.forEach((value, at) => { expect(Math.abs(value / golden[at] - 1)).toBeLessThan(1e-4) })
  expect((figures.overlapRatio ?? Number.NaN) * 100).toBeCloseTo(overlapPercent, 2)
}

describe.skipIf(!existsSync(SAMPLE_TRACES))(`sample traces (in ${SAMPLE_TRACES}; skipped where it is absent)`, () => {
  test.each(GOLDEN)('%s: the reference figures to 0.01 %, by HTA\'s patterns and by ours', async (file, overlapPercent, golden) => {
    const [timeline] = await openTraces([join(SAMPLE_TRACES, file)])
    const [figures] = analyzeTimeline(timeline).ranks
    expect(figures.hta).not.toBeNull()
    if (figures.hta !== null) expectGolden(figures.hta, figures.hta.commUs - figures.hta.overlapUs, golden, overlapPercent)
    expectGolden(figures, figures.exposedCommUs, golden, overlapPercent)
  })

  test('two ranks opened together keep their figures, each its own', async () => {
    const timelines = await openTraces(TWO_RANKS.map((file) => join(SAMPLE_TRACES, file)))
    expect(timelines).toHaveLength(1)
    const { ranks, rankSources, world, files } = analyzeTimeline(timelines[0])
    expect(ranks.map(({ rank }) => rank)).toEqual([0, 1])
    ranks.forEach((figures, at) => { expectGolden(figures, figures.exposedCommUs, GOLDEN[at][2], GOLDEN[at][1]) })
    expect(rankSources.map(({ from }) => from)).toEqual(['distributedInfo', 'distributedInfo'])
    expect(files.map((file) => file.ranks)).toEqual([[0], [1]])
    expect(world).toBe(128)
  })

  test.each([[TWO_RANKS], [['kineto-nccl-args/nccl-data.json.gz']], [['compare-pair/control.json.gz']]])(
    'waiting and transfer of %j add up to its communication kernels, and its all-to-alls are no ring', async (files) => {
      const [timeline] = await openTraces(files.map((file) => join(SAMPLE_TRACES, file)))
      const communication = communicationOf(timeline)
      const { ranks, rings, steps } = analyzeTimeline(timeline, communication)
      for (const { rank, waitUs, transferUs, collectiveWaitUs, collectiveTransferUs, estimatedWaitUs } of ranks) {
        const summed = (pointToPoint: boolean): number => communication.kernels
          .filter((kernel) => kernel.rank === rank && (kernel.kind === 'send-recv') === pointToPoint)
          .reduce((sum, { startNs, endNs }) => sum + endNs - startNs, 0) / 1000
        expect(waitUs + transferUs).toBeCloseTo(summed(true), 3)
        expect(collectiveWaitUs + collectiveTransferUs).toBeCloseTo(summed(false), 3)
        expect(summed(false)).toBeGreaterThan(0)
        expect(estimatedWaitUs).toBeLessThanOrEqual(waitUs + collectiveWaitUs + 1e-6)
      }
      expect(rings).toEqual([])
      expect(steps).toEqual([])
    })
})
