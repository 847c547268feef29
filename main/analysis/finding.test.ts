import { describe, expect, test } from 'vitest'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { parseRunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { namesRanks, TimelineBuilder } from '../timeline/timeline.ts'
import type { RingRates } from '../simulator/emulatedCluster.ts'
import { simulateRing } from '../simulator/testSimulation.ts'
import { findingOf } from './finding.ts'
import { analyzeTimeline } from './traceAnalysis.ts'

const simulated = (fields: Partial<RunConfigInput>, link: RingRates['link'] = null): Timeline =>
  simulateRing(parseRunConfig({ world: 8, seqLen: 4096, heads: 8, headDim: 64, ...fields }, 'test'), { gflopsPerRank: 50, link })

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

  test('an all-to-all that nothing hides is named', () => {
    // To each of 7 peers q, k, v and later the output of one head, 512 tokens: 4 x 7 x 128 KiB at 0.1 GB/s are 36.7 ms; one
    // head of 4096 causal tokens takes 42.9 ms.
    expect(finding(simulated({ algorithm: 'ulysses' }, { bandwidthGBps: 0.1, latencyUs: 0 }))).toBe('The all-to-all takes 46 % of the iteration: nothing hides it')
    expect(finding(simulated({ algorithm: 'ulysses' }, { bandwidthGBps: 1000, latencyUs: 0 }))).toBe('Ranks are balanced: at most 0 % idle')
  })

  test('an all-to-all that begins late is not blamed for the rank that it waits for', () => {
    expect(finding(simulated({ algorithm: 'ulysses', stragglers: { 3: 2 } }, { bandwidthGBps: 1000, latencyUs: 0 })))
      .toMatch(/^Rank \d idles 50 % waiting for rank 3$/)
  })

  test('the pass that waits for the wire is named', () => {
    // Backward, a float32 gradient follows bfloat16 K/V: three times the bytes for two and a half times the compute.
    const fields = { layout: 'zigzag', pass: 'forward-backward', wireDtype: 'bfloat16' } as const
    expect(finding(simulated(fields, { bandwidthGBps: 0.05, latencyUs: 0 }))).toMatch(/^Ranks idle up to \d\d %, mostly waiting for the wire in the backward pass$/)
    expect(finding(simulated({ ...fields, stragglers: { 3: 2 } }))).toMatch(/waiting for rank 3$/)
  })

  test('ranks that help idle less: 22 % where a contiguous ring has 93 %', () => {
    // Ranks below N/2 idle in the last of N/2 + 1 steps alone, and the first step is half a block: 1 of 4.5 blocks.
    expect(finding(simulated({ algorithm: 'distflash', layout: 'contiguous' }))).toMatch(/^Rank [0-3] idles 22 % waiting for rank [4-7]$/)
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

describe('steps', () => {
  test('of a backward pass follow those of the forward pass, and compute two and a half times as long', () => {
    const { steps, run } = analyzeTimeline(simulated({ world: 4, pass: 'forward-backward' }))
    const planned = run?.plan.ranks[0].steps ?? []
    expect(planned.map(({ pass }) => pass)).toEqual([...Array<string>(4).fill('forward'), ...Array<string>(4).fill('backward')])
    expect(steps).toHaveLength(4 * 8)
    // Backward step 4 + b is forward step 3 - b.
    for (let step = 0; step < 4; step++) expect(steps[4 + 3 - step].computeUs).toBeCloseTo(2.5 * steps[step].computeUs, 2)
    expect(run?.ranks[0].gflops).toBeCloseTo(50, 3)
  })

  test('of an all-to-all compute nothing, are no imbalance, and are exposed', () => {
    const { steps } = analyzeTimeline(simulated({ world: 4, algorithm: 'ulysses' }, { bandwidthGBps: 1, latencyUs: 0 }))
    const first = steps.filter(({ step }) => step === 0)
    expect(first.map(({ computeUs, imbalanceUs }) => [computeUs, imbalanceUs])).toEqual(Array<number[]>(4).fill([0, 0]))
    for (const { exposedUs, waitPeerUs, waitLinkUs } of first) expect(exposedUs + waitPeerUs).toBeCloseTo(waitLinkUs + waitPeerUs, 1)
    expect(first[0].exposedUs).toBeGreaterThan(0)
  })


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
