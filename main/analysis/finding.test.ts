import { describe, expect, test } from 'vitest'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { parseRunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { namesRanks, TimelineBuilder } from '../timeline/timeline.ts'
import { simulate, type SimulationRates } from '../simulator/simulate.ts'
import { findingOf } from './finding.ts'
import { analyzeTimeline } from './traceAnalysis.ts'

const simulated = (fields: Partial<RunConfigInput>, link: SimulationRates['link'] = null): Timeline =>
  simulate(parseRunConfig({ world: 8, seqLen: 4096, heads: 8, headDim: 64, ...fields }, 'test'), { gflopsPerRank: 50, link })

const finding = (timeline: Timeline): string =>
  findingOf(analyzeTimeline(timeline), namesRanks(timeline))

describe('finding', () => {
  test('contiguous causal: the first rank idles for the last', () => {
    // Rank r idles (N-1-r)/(N-1/2) of the pass: 7/7.5 for rank 0.
    expect(finding(simulated({ layout: 'contiguous' }))).toBe('Rank 0 idles 93 % waiting for rank 7')
  })

  test('zigzag: balanced', () => {
    expect(finding(simulated({ layout: 'zigzag' }))).toBe('Ranks are balanced: at most 0 % idle')
  })

  test('a straggler is named', () => {
    expect(finding(simulated({ layout: 'zigzag', stragglers: { 3: 2 } }))).toMatch(/^Rank \d idles 50 % waiting for rank 3$/)
  })

  test('a slow wire is named, not a rank', () => {
    expect(finding(simulated({ layout: 'zigzag' }, { bandwidthGBps: 0.01, latencyUs: 0 }))).toMatch(/^Ranks idle up to 9\d %, mostly waiting for the wire$/)
  })

  test('a trace that names no ranks is not said to have any', () => {
    const traceOf = (pids: readonly number[], rank: number | null): Timeline => {
      const builder = new TimelineBuilder('foreign', 'trace')
      for (const pid of pids) {
        const lane = builder.addLane({ rank, name: 'thread', pid, tid: 1 })
        for (const startNs of [0, 600]) builder.append({ lane, category: CATEGORY_CODE.other, name: builder.intern('work'), startNs, durationNs: 400 })
      }
      return builder.timeline(null)
    }
    expect(finding(traceOf([7], null))).toBe('This trace is idle 20 % of the time')
    expect(finding(traceOf([7, 8], null))).toBe('One of 2 processes is idle 20 % of the time')
    expect(finding(traceOf([7], 3))).toBe('Rank 3 is idle 20 % of the time')
  })

  test('one rank, and an empty timeline', () => {
    expect(finding(simulated({ world: 1 }))).toBe('Rank 0 computes 100 % of the time')
    expect(finding(new TimelineBuilder('empty', 'trace').timeline(null))).toBe('Nothing was recorded')
  })
})

describe('ring steps', () => {
  test('every rank and step has a cell; idle before the hop is what the latest rank computes longer', () => {
    const timeline = simulated({ world: 4, layout: 'contiguous' })
    const { steps, ranks, run } = analyzeTimeline(timeline)
    expect(steps.map(({ rank, step }) => [rank, step])).toEqual([0, 1, 2, 3].flatMap((rank) => [0, 1, 2, 3].map((step) => [rank, step])))
    const cell = (rank: number, step: number) => steps[rank * 4 + step]
    // Step 0 is a triangle for everyone; at step 1 rank 0 has nothing to do while the others compute a whole square.
    expect(cell(0, 0).imbalanceUs).toBe(0)
    expect(cell(0, 1).computeUs).toBe(0)
    expect(cell(0, 1).imbalanceUs).toBeCloseTo(cell(3, 1).computeUs, 2)
    expect(cell(3, 3).imbalanceUs).toBe(0)
    for (const { rank, computeUs } of ranks) {
      const steptotal = steps.filter((step) => step.rank === rank).reduce((sum, step) => sum + step.computeUs, 0)
      expect(steptotal).toBeCloseTo(computeUs, 6)
    }
    expect(run?.ranks.map(({ idleMs }) => idleMs * 1000)).toEqual(ranks.map(({ idleUs }) => expect.closeTo(idleUs, 6) as number))
  })
})
