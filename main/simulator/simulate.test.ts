import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LAYOUTS, type RunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { PAYLOADS, SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import { runResult } from '../analysis/runResult.ts'
import { channelOfSpan } from '../timeline/rankLanes.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { simulateRing } from './testSimulation.ts'
import { anyConfig, anyLink, configOf } from './testConfigs.ts'

/** One pair takes one ns. */
const pairPerNs = (config: RunConfig): number => planRun(config).flopsPerPair

const spansOf = (timeline: Timeline) => {
  const { spans, lanes, strings } = timeline
  return Array.from({ length: spans.count }, (_, index) => ({
    rank: lanes[spans.lane[index]].rank ?? -1, lane: lanes[spans.lane[index]].name, name: strings[spans.name[index]],
    category: SPAN_CATEGORIES[spans.category[index]], channel: channelOfSpan(timeline, index), payload: PAYLOADS[spans.payload[index]],
    start: spans.startNs[index], end: spans.startNs[index] + spans.durationNs[index],
    step: spans.step[index], hop: spans.hop[index], peer: spans.peer[index], bytes: spans.bytes[index],
  }))
}

const makespanNs = (timeline: Timeline): number => timeline.run?.iterations[0].endNs ?? Number.NaN

describe('simulation', () => {
  for (const layout of LAYOUTS) {
    for (const world of [1, 2, 4, 8]) {
      test(`free communication: ${layout} on ${world} ranks lasts exactly the plan's makespan`, () => {
        const config = configOf({ world, layout })
        const plan = planRun(config)
        const timeline = simulateRing(config, { gflopsPerRank: pairPerNs(config), link: null })
        expect(makespanNs(timeline)).toBe(plan.makespanPairs)
        expect(runResult(timeline, null).idleFraction).toBeCloseTo(plan.idleFraction, 12)
      })
    }
  }

  test('a hop shorter than every step hides wholly with overlap, and adds itself N - 1 times without', () => {
    const link = { bandwidthGBps: 2, latencyUs: 0.5 }
    const ring = { world: 4, layout: 'contiguous', mask: 'full', heads: 1, kvHeads: 1 } as const
    const run = (overlap: boolean): Timeline => {
      const config = configOf({ ...ring, overlap })
      return simulateRing(config, { gflopsPerRank: pairPerNs(config), link })
    }
    const hop = 500 + planRun(configOf(ring)).bytesPerHop / 2
    expect(runResult(run(true), null).overlapRatio).toBe(1)
    expect(runResult(run(false), null).overlapRatio).toBe(0)
    expect(makespanNs(run(false)) - makespanNs(run(true))).toBeCloseTo(3 * hop, -0.5)
  })

  test('a straggler delays every step by its factor and is waited for as a peer', () => {
    // With two ranks the only hop starts before the delay: nobody waits within the pass. With three, step 1 waits.
    const config = configOf({ world: 3, layout: 'contiguous', mask: 'full', seqLen: 255, stragglers: { 1: 3 } })
    const timeline = simulateRing(config, { gflopsPerRank: pairPerNs(config), link: null })
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
    const { ranks } = runResult(simulateRing(config, { gflopsPerRank: pairPerNs(config), link: { bandwidthGBps: 1, latencyUs: 1000 } }), null)
    for (const rank of ranks) {
      expect(rank.waitPeerMs).toBe(0)
      expect(rank.waitLinkMs).toBeGreaterThan(0.9)
    }
  })

  const anyCase = fc.tuple(anyConfig, anyLink).map(([config, link]) =>
    ({ config, timeline: simulateRing(config, { gflopsPerRank: pairPerNs(config) / 7, link }) }))

  test('spans of a lane are disjoint', () => {
    fc.assert(fc.property(anyCase, ({ timeline }) => {
      const lanes = Map.groupBy(spansOf(timeline), (span) => span.lane)
      for (const spans of lanes.values()) {
        const sorted = spans.toSorted((a, b) => a.start - b.start || a.end - b.end)
        for (let index = 1; index < sorted.length; index++) expect(sorted[index].start).toBeGreaterThanOrEqual(sorted[index - 1].end)
      }
    }))
  })

  test('every block that the plan moves is sent and received once, and never received before it is sent', () => {
    fc.assert(fc.property(anyCase, ({ config, timeline }) => {
      const spans = spansOf(timeline)
      const sends = new Map(spans.filter((span) => span.category === 'send').map((span) => [span.hop, span]))
      const receives = spans.filter((span) => span.category === 'recv')
      const planned = planRun(config).ranks.flatMap(({ rank, steps }) => steps.flatMap(({ step, recvs }) =>
        recvs.map(({ hop, peer, channel, payload, bytes, settleStep }) =>
          ({ rank, step: config.overlap ? settleStep : step, hop, peer, channel, payload, bytes }))))
      const byHop = (a: { hop: number }, b: { hop: number }): number => a.hop - b.hop
      expect(receives.map(({ rank, step, hop, peer, channel, payload, bytes }) => ({ rank, step, hop, peer, channel, payload, bytes })).sort(byHop))
        .toEqual(planned.sort(byHop))
      expect(sends.size).toBe(receives.length)
      for (const receive of receives) {
        const send = sends.get(receive.hop)
        expect(send).toMatchObject({ rank: receive.peer, peer: receive.rank, payload: receive.payload, channel: receive.channel, bytes: receive.bytes })
        expect(receive.end).toBeGreaterThanOrEqual(send?.start ?? Number.POSITIVE_INFINITY)
      }
    }))
  })

  test('a wait is charged to one neighbour, the one whose half of the hop ends last, as in a run', () => {
    // Rank 1 computes long after its neighbours: rank 0 waits for it to take its block, though rank 2's came early.
    const config = configOf({ world: 3, layout: 'contiguous', mask: 'full', seqLen: 255, overlap: false, stragglers: { 1: 5 } })
    const timeline = simulateRing(config, { gflopsPerRank: pairPerNs(config), link: { bandwidthGBps: 10, latencyUs: 0 } })
    const waits = spansOf(timeline).filter((span) => span.rank === 0 && span.step === 0 && span.category.startsWith('wait'))
    expect(waits.map(({ category, peer, payload }) => [category, peer, payload])).toEqual([['wait-peer', 1, 'kv'], ['wait-link', 1, 'kv']])
  })

  test('a rank computes or waits from its first step to its last, without gaps', () => {
    fc.assert(fc.property(anyCase, ({ timeline }) => {
      const lanes = Map.groupBy(spansOf(timeline).filter((span) => span.lane.endsWith('compute')), (span) => span.rank)
      for (const spans of lanes.values()) {
        const sorted = spans.toSorted((a, b) => a.start - b.start || a.end - b.end)
        for (let index = 1; index < sorted.length; index++) expect(sorted[index].start).toBe(sorted[index - 1].end)
      }
    }))
  })

  const lanesOf = (fields: Parameters<typeof configOf>[0]): string[] => {
    const config = configOf(fields)
    const { lanes } = simulateRing(config, { gflopsPerRank: 1, link: null })
    return lanes.filter(({ rank }) => rank === 0).map(({ name }) => name.replace('Rank 0 · ', ''))
  }

  test('ranks have the lanes that their plan uses', () => {
    expect(lanesOf({ world: 1 })).toEqual(['compute'])
    expect(lanesOf({ world: 2 })).toEqual(['compute', 'send', 'recv'])
    expect(lanesOf({ world: 4, algorithm: 'double-ring', window: 2, pass: 'forward-backward' })).toEqual([
      'compute', 'send', 'recv', 'send outer', 'recv outer', 'send gradient', 'recv gradient', 'send outer gradient', 'recv outer gradient',
    ])
    expect(lanesOf({ world: 4, algorithm: 'hybrid', ulyssesDegree: 2 })).toEqual(['compute', 'send', 'recv', 'send all-to-all', 'recv all-to-all'])
    expect(lanesOf({ world: 4, algorithm: 'distflash', layout: 'contiguous' }))
      .toEqual(['compute', 'send', 'recv', 'send query', 'recv query', 'send result', 'recv result'])
  })

  test('no link hides an all-to-all: nothing of it overlaps', () => {
    const config = configOf({ world: 4, algorithm: 'ulysses', mask: 'full', pass: 'forward-backward' })
    const result = runResult(simulateRing(config, { gflopsPerRank: pairPerNs(config), link: { bandwidthGBps: 1, latencyUs: 1 } }), null)
    expect(result.overlapRatio).toBe(0)
    expect(result.ranks[0].waitLinkMs).toBeCloseTo(result.ranks[0].exposedMs, 6)
  })

  test('the outer hops of a double ring are waited for by nobody', () => {
    const config = configOf({ world: 8, algorithm: 'double-ring', window: 4, mask: 'full' })
    const { bytesPerHop, ranks } = planRun(config)
    const link = { bandwidthGBps: bytesPerHop / (3 * ranks[0].steps[0].pairs), latencyUs: 0 }
    const spans = spansOf(simulateRing(config, { gflopsPerRank: pairPerNs(config), link }))
    const outerPeers = spans.filter(({ channel, category }) => channel === 'kv-outer' && category === 'recv').map(({ rank, peer }) => `${rank} ${peer}`)
    const waits = spans.filter(({ category }) => category === 'wait-link')
    expect(outerPeers).toHaveLength(8)
    expect(waits).toHaveLength(8 * 2 * 3)
    expect(waits.some(({ rank, peer }) => outerPeers.includes(`${rank} ${peer}`))).toBe(false)
  })

  test('flops of both passes are those of the plan', () => {
    const config = configOf({ world: 4, pass: 'forward-backward' })
    const plan = planRun(config)
    const result = runResult(simulateRing(config, { gflopsPerRank: 1, link: null }), null)
    const flops = result.ranks.reduce((sum, rank) => sum + rank.flops, 0)
    expect(flops).toBe(3.5 * plan.totalPairs * plan.flopsPerPair)
  })
})
