import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Layout, LAYOUTS, type Mask, MASKS, parseRunConfig, type RunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/plan.ts'
import { emulatedArrival, emulatedDeparture } from '../../kernels/transport/emulatedLink.ts'
import { RANK_LANES, SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import { runResult } from '../analysis/runResult.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { simulate } from './simulate.ts'

const configOf = (fields: Partial<RunConfigInput> & { world: number; layout?: Layout; mask?: Mask }): RunConfig =>
  parseRunConfig({ seqLen: 256, heads: 1, headDim: 4, ...fields }, 'test')

/** One pair takes one ns. */
const pairPerNs = (config: RunConfig): number => planRun(config).flopsPerPair

interface Span {
  readonly rank: number
  readonly lane: string
  readonly category: string
  readonly start: number
  readonly end: number
  readonly step: number
  readonly hop: number
  readonly peer: number
}

const spansOf = ({ spans, lanes }: Timeline): Span[] => Array.from({ length: spans.count }, (_, index) => ({
  rank: lanes[spans.lane[index]].rank ?? -1, lane: RANK_LANES[spans.lane[index] % RANK_LANES.length],
  category: SPAN_CATEGORIES[spans.category[index]],
  start: spans.startNs[index], end: spans.startNs[index] + spans.durationNs[index],
  step: spans.step[index], hop: spans.hop[index], peer: spans.peer[index],
}))

const makespanNs = (timeline: Timeline): number => timeline.run?.iterations[0].endNs ?? Number.NaN

describe('simulation', () => {
  for (const layout of LAYOUTS) {
    for (const world of [1, 2, 4, 8]) {
      test(`free communication: ${layout} on ${world} ranks lasts exactly the plan's makespan`, () => {
        const config = configOf({ world, layout })
        const plan = planRun(config)
        const timeline = simulate(config, { gflopsPerRank: pairPerNs(config), link: null })
        expect(makespanNs(timeline)).toBe(plan.makespanPairs)
        expect(runResult(timeline, null).idleFraction).toBeCloseTo(plan.idleFraction, 12)
      })
    }
  }

  test('a hop shorter than every step hides wholly with overlap, and adds itself N - 1 times without', () => {
    const link = { bandwidthGBps: 2, latencyUs: 0.5 }
    const run = (overlap: boolean): Timeline => {
      const config = configOf({ world: 4, layout: 'contiguous', mask: 'full', overlap })
      return simulate(config, { gflopsPerRank: pairPerNs(config), link })
    }
    const hop = 500 + planRun(configOf({ world: 4 })).bytesPerHop / 2
    expect(runResult(run(true), null).overlapRatio).toBe(1)
    expect(runResult(run(false), null).overlapRatio).toBe(0)
    expect(makespanNs(run(false)) - makespanNs(run(true))).toBeCloseTo(3 * hop, -0.5)
  })

  test('a straggler delays every step by its factor and is waited for as a peer', () => {
    // With two ranks the only hop starts before the delay: nobody waits within the pass. With three, step 1 waits.
    const config = configOf({ world: 3, layout: 'contiguous', mask: 'full', seqLen: 255, stragglers: { 1: 3 } })
    const timeline = simulate(config, { gflopsPerRank: pairPerNs(config), link: null })
    expect(makespanNs(timeline)).toBe(3 * planRun(config).makespanPairs)
    const { ranks } = runResult(timeline, null)
    expect(ranks[2].waitPeerMs).toBeGreaterThan(0)
    expect(ranks[2].waitLinkMs).toBe(0)
    expect(ranks[1].waitPeerMs).toBe(0)
    expect(ranks[0].flops).toBe(ranks[1].flops)
    expect(timeline.strings).toContain('straggler delay')
  })

  test('a wire slower than compute shows as waiting for the wire, not for a peer', () => {
    const config = configOf({ world: 2, mask: 'full' })
    const { ranks } = runResult(simulate(config, { gflopsPerRank: pairPerNs(config), link: { bandwidthGBps: 1, latencyUs: 1000 } }), null)
    for (const rank of ranks) {
      expect(rank.waitPeerMs).toBe(0)
      expect(rank.waitLinkMs).toBeGreaterThan(0.9)
    }
  })

  const anyCase = fc.record({
    world: fc.integer({ min: 1, max: 6 }), layout: fc.constantFrom(...LAYOUTS), mask: fc.constantFrom(...MASKS),
    seqLen: fc.integer({ min: 1, max: 200 }), overlap: fc.boolean(),
    bandwidthGBps: fc.double({ min: 0.01, max: 100, noNaN: true }), latencyUs: fc.double({ min: 0, max: 5, noNaN: true }),
    slow: fc.double({ min: 1, max: 4, noNaN: true }),
  }).map(({ bandwidthGBps, latencyUs, slow, ...fields }) => {
    const config = configOf({ ...fields, stragglers: { 0: slow } })
    const link = { bandwidthGBps, latencyUs }
    return { config, link, timeline: simulate(config, { gflopsPerRank: pairPerNs(config) / 7, link }) }
  })

  test('spans of a lane are disjoint', () => {
    fc.assert(fc.property(anyCase, ({ timeline }) => {
      const lanes = Map.groupBy(spansOf(timeline), (span) => `${span.rank} ${span.lane}`)
      for (const spans of lanes.values()) {
        const sorted = spans.toSorted((a, b) => a.start - b.start || a.end - b.end)
        for (let index = 1; index < sorted.length; index++) expect(sorted[index].start).toBeGreaterThanOrEqual(sorted[index - 1].end)
      }
    }))
  })

  test('a block is computed on only once it has arrived, and a receive never ends before its send starts', () => {
    fc.assert(fc.property(anyCase, ({ config, timeline }) => {
      const spans = spansOf(timeline)
      const sends = new Map(spans.filter((span) => span.category === 'send').map((span) => [span.hop, span]))
      const receives = spans.filter((span) => span.category === 'recv')
      expect(receives).toHaveLength(config.world * (config.world - 1))
      expect(sends.size).toBe(receives.length)
      for (const receive of receives) {
        const send = sends.get(receive.hop)
        expect(send?.rank).toBe((receive.rank + config.world - 1) % config.world)
        expect(receive.end).toBeGreaterThanOrEqual(send?.start ?? Number.POSITIVE_INFINITY)
        const next = spans.find((span) => span.category === 'compute' && span.rank === receive.rank && span.step === receive.step + 1)
        if (next !== undefined) expect(next.start).toBeGreaterThanOrEqual(receive.end)
      }
    }))
  })

  test('hops last as long as the executor\'s emulated link makes them, at both ends', () => {
    fc.assert(fc.property(anyCase, ({ config, timeline, link }) => {
      const { bytesPerHop } = planRun(config)
      const spans = spansOf(timeline)
      const receives = new Map(spans.filter((span) => span.category === 'recv').map((span) => [span.hop, span]))
      for (const send of spans.filter((span) => span.category === 'send')) {
        const departure = emulatedDeparture(link, { startNs: send.start, endNs: send.start }, bytesPerHop)
        const arrival = emulatedArrival(link, { senderStartNs: send.start, startNs: send.start, endNs: send.start }, bytesPerHop)
        const receive = receives.get(send.hop)
        // Each instant is rounded once, here from a start that was rounded before.
        for (const [simulated, emulated] of [[send.end, departure.endNs], [receive?.start, arrival.startNs], [receive?.end, arrival.endNs]]) {
          expect(Math.abs((simulated ?? Number.NaN) - (emulated ?? Number.NaN))).toBeLessThanOrEqual(1)
        }
      }
    }))
  })

  test('a wait is charged to one neighbour, the one whose half of the hop ends last, as in a run', () => {
    // Rank 1 computes long after its neighbours: rank 0 waits for it to take its block, though rank 2's came early.
    const config = configOf({ world: 3, layout: 'contiguous', mask: 'full', seqLen: 255, overlap: false, stragglers: { 1: 5 } })
    const timeline = simulate(config, { gflopsPerRank: pairPerNs(config), link: { bandwidthGBps: 10, latencyUs: 0 } })
    const waits = spansOf(timeline).filter((span) => span.rank === 0 && span.step === 0 && span.category.startsWith('wait'))
    expect(waits.map(({ category, peer }) => [category, peer])).toEqual([['wait-peer', 1], ['wait-link', 1]])
  })

  test('a rank computes or waits from its first step to its last, without gaps', () => {
    fc.assert(fc.property(anyCase, ({ timeline }) => {
      const lanes = Map.groupBy(spansOf(timeline).filter((span) => span.lane === 'compute'), (span) => span.rank)
      for (const spans of lanes.values()) {
        const sorted = spans.toSorted((a, b) => a.start - b.start || a.end - b.end)
        for (let index = 1; index < sorted.length; index++) expect(sorted[index].start).toBe(sorted[index - 1].end)
      }
    }))
  })
})
