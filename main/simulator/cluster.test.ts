import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LAYOUTS, type RunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { shardTokens, shardRuns, positionsOf } from '../../kernels/plan/layout.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import type { ClusterModel } from '../../preload/contract/simulation.ts'
import { runResult } from '../analysis/runResult.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { simulate } from './simulate.ts'
import { simulateFigures } from './simulateFigures.ts'
import { anyCluster, anyDisturbance, clusterOf, disturbedBy } from './testClusters.ts'
import { anyConfig, configOf } from './testConfigs.ts'

const spansOf = ({ spans, lanes, strings }: Timeline) => Array.from({ length: spans.count }, (_, at) => ({
  rank: lanes[spans.lane[at]].rank ?? -1, lane: lanes[spans.lane[at]].tid, category: SPAN_CATEGORIES[spans.category[at]], name: strings[spans.name[at]],
  step: spans.step[at], peer: spans.peer[at], hop: spans.hop[at], start: spans.startNs[at], end: spans.startNs[at] + spans.durationNs[at],
}))

/** A device that takes one ns for a pair of the config. */
const pairPerNs = (config: RunConfig): Partial<ClusterModel['device']> => {
  const { flopsPerPair, backwardFlopsPerPair } = planRun(config)
  return { forwardGflops: flopsPerPair, backwardGflops: backwardFlopsPerPair }
}

const makespanNs = (config: RunConfig, cluster: ClusterModel, disturbance = disturbedBy({})): number =>
  simulateFigures(config, cluster, disturbance).makespanMs * 1e6

describe('golden work and idle figures through the simulator: causal, S = 256, free communication', () => {
  // Reference section 2.5, and its closed form for block-cyclic at other N.
  test.each([
    [8, { layout: 'contiguous' }, 7696, 0.4657], [8, { layout: 'striped' }, 4224, 0.0265], [8, { layout: 'zigzag' }, 4112, 0],
    [8, { layout: 'block-cyclic', cyclicWidth: 4 }, 4560, 0.0982], [8, { layout: 'block-cyclic', cyclicWidth: 8 }, 5008, 0.1789],
    [8, { layout: 'block-cyclic', cyclicWidth: 16 }, 5904, 0.3035],
    [4, { layout: 'contiguous' }, 14368, 0.4276], [4, { layout: 'striped' }, 8320, 0.0115], [4, { layout: 'zigzag' }, 8224, 0],
    [2, { layout: 'contiguous' }, 24640, 0.3325], [2, { layout: 'striped' }, 16512, 0.0039], [2, { layout: 'zigzag' }, 16448, 0],
  ] as const)('N=%i %j: makespan %i pairs, idle %d, free-running and with a barrier at every step', (world, layout, makespan, idle) => {
    const config = configOf({ world, ...layout })
    for (const progress of ['free', 'barrier'] as const) {
      const { makespanMs, idleFraction } = simulateFigures(config, clusterOf({}, pairPerNs(config)), disturbedBy({ progress }))
      expect(makespanMs * 1e6).toBeCloseTo(makespan, 6)
      expect(idleFraction).toBeCloseTo(1 - 32896 / (world * makespan), 12)
      expect(Math.abs(idleFraction - idle)).toBeLessThan(5.1e-5)
    }
  })

  test.each([2, 4, 8])('N=%i: a device of whole square tiles takes what the closed forms say', (world) => {
    const tile = 8
    for (const m of [2, 4]) {
      const half = (m * (m + 1)) / 2
      const tiles = { contiguous: half + (world - 1) * m * m, striped: world * half, zigzag: half + ((world - 1) * m * m) / 2 }
      for (const layout of ['contiguous', 'striped', 'zigzag'] as const) {
        const config = configOf({ world, layout, seqLen: world * m * tile })
        const device = { ...pairPerNs(config), tile: { blockQ: tile, blockK: tile } }
        expect(makespanNs(config, clusterOf({}, device))).toBeCloseTo(tiles[layout] * tile * tile, 6)
      }
    }
  })
})

/** Pairs of the causal block of rank r at step s, position by position. */
function pairsAt(layout: RunConfig['layout'], world: number, seqLen: number, rank: number, step: number): number {
  const tokens = shardTokens(layout, seqLen, world, 1, 4)
  const at = (position: number): Int32Array => positionsOf(shardRuns(layout, world, tokens, position, 4))
  const [queries, keys] = [at(rank), at((rank - step + world) % world)]
  return queries.reduce((sum, query) => sum + keys.filter((key) => key <= query).length, 0)
}

describe('a barrier at every step', () => {
  test('T = Σ max(max comp, comm) with overlap and Σ (max comp + comm) without', () => {
    fc.assert(fc.property(fc.integer({ min: 2, max: 6 }), fc.constantFrom(...LAYOUTS), fc.boolean(), fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 4000 }), fc.double({ min: 0, max: 3, noNaN: true }), (world, layout, overlap, chunks, latencyNs, wirePerPair) => {
        const seqLen = world * chunks * 4
        const config = configOf({ world, layout, seqLen, overlap })
        const wireNs = Math.max(1, wirePerPair * (chunks * 4) ** 2)
        const intra = { bandwidthGBps: planRun(config).bytesPerHop / wireNs, latencyUs: latencyNs / 1000 }
        let expected = 0
        for (let step = 0; step < world; step++) {
          const compute = Math.max(...Array.from({ length: world }, (_, rank) => pairsAt(layout, world, seqLen, rank, step)))
          const comm = step < world - 1 ? latencyNs + wireNs : 0
          expected += overlap ? Math.max(compute, comm) : compute + comm
        }
        expect(makespanNs(config, clusterOf({ intra }, pairPerNs(config)), disturbedBy({ progress: 'barrier' }))).toBeCloseTo(expected, -0.5)
      }), { numRuns: 60 })
  })

  test('is waited for in spans of its own, and all begin the next step together', () => {
    const config = configOf({ world: 4, layout: 'contiguous' })
    const spans = spansOf(simulate(config, clusterOf({}, pairPerNs(config)), disturbedBy({ progress: 'barrier' })))
    const barriers = spans.filter(({ category }) => category === 'barrier')
    // Rank 0 is done after its diagonal, rank 3 never waits.
    expect(barriers.filter(({ rank }) => rank === 0).map(({ start, end }) => end - start)).toEqual([64 * 64, 64 * 64])
    expect(barriers.some(({ rank }) => rank === 3)).toBe(false)
    const begins = Map.groupBy(spans.filter(({ category }) => category === 'compute'), ({ step }) => step)
    for (const ofStep of begins.values()) expect(new Set(ofStep.map(({ start }) => start)).size).toBe(1)
  })
})

describe('a device', () => {
  const full = { mask: 'full', layout: 'contiguous', batch: 3, heads: 2, kvHeads: 2 } as const

  test('takes its overhead for every block that it computes, and so much for every row, head and item', () => {
    const config = configOf({ world: 4, ...full })
    const { makespanPairs } = planRun(config)
    const device = { ...pairPerNs(config), blockOverheadUs: 2, rowNs: 0.5 }
    expect(makespanNs(config, clusterOf({}, device))).toBeCloseTo(makespanPairs + 4 * (2000 + 64 * 2 * 3 * 0.5), 6)
  })

  test('charges skipped blocks nothing, and half the rows where zigzag has half the queries', () => {
    const rowsOnly = (layout: RunConfig['layout']) => {
      const config = configOf({ world: 4, layout, heads: 1, kvHeads: 1 })
      return simulateFigures(config, clusterOf({}, { forwardGflops: 1e12, rowNs: 1 })).ranks.map(({ computeMs }) => Math.round(computeMs * 1e6))
    }
    expect(rowsOnly('contiguous')).toEqual([64, 128, 192, 256])
    expect(rowsOnly('zigzag')).toEqual([64 + 3 * 32, 128 + 2 * 32, 192 + 32, 256])
  })

  test('has a rate of its own backward', () => {
    const config = configOf({ world: 2, ...full, pass: 'forward-backward' })
    const { flopsPerPair, makespanPairs } = planRun(config)
    const device = { forwardGflops: flopsPerPair, backwardGflops: 2 * flopsPerPair }
    expect(makespanNs(config, clusterOf({}, device))).toBeCloseTo(makespanPairs * (1 + 2.5 / 2), 6)
  })

  test('whose tiles cannot be counted is refused with what to do', () => {
    const config = configOf({ world: 64, seqLen: 1 << 22, lookback: 5000, layout: 'striped' })
    expect(() => simulateFigures(config, clusterOf({}, { tile: { blockQ: 1, blockK: 1 } }))).toThrow(InvalidInputError)
    expect(() => simulateFigures(config, clusterOf({}, { tile: { blockQ: 1, blockK: 1 } }))).toThrow(/device\.tile: expected null .*set it to null/)
  })

  test('whose processes take time idles before each block, clears and finishes its accumulators, and lets bytes go later', () => {
    const config = configOf({ world: 2, ...full, pass: 'forward-backward', overlap: false })
    const runtime = { stepUs: 3, startUs: 10, startRowNs: 2, finishRowNs: 4, rendezvousUs: 0 }
    const cluster = clusterOf({}, pairPerNs(config))
    const rows = 128 * 3 * 2
    const before = simulateFigures(config, cluster)
    const after = simulateFigures(config, { ...cluster, runtime })
    expect((after.makespanMs - before.makespanMs) * 1e6).toBeCloseTo(4 * 3000 + 10_000 + rows * (2 + 2 * 4), 3)
    expect((after.ranks[0].computeMs - before.ranks[0].computeMs) * 1e6).toBeCloseTo(2 * rows * 4, 3)
    const spans = spansOf(simulate(config, { ...cluster, runtime }))
    expect(spans.filter(({ rank, category }) => rank === 0 && category === 'merge')).toHaveLength(2)
    // One hop forward, one of K/V and one of a gradient backward, each of the last two at a step of its own.
    const late = simulateFigures(config, { ...cluster, runtime: { ...runtime, rendezvousUs: 7 } })
    expect((late.makespanMs - after.makespanMs) * 1e6).toBeCloseTo(3 * 7000, 3)
  })
})

describe('links of two levels', () => {
  /** Four ranks in two nodes; a hop takes so many steps within a node, and so many between. */
  const stepsOf = (fields: Partial<RunConfigInput>, intra: number, inter: number, ranksPerNode: number | null = 2): number => {
    const config = configOf({ world: 4, mask: 'full', heads: 1, kvHeads: 1, ...fields })
    const { bytesPerHop, ranks } = planRun(config)
    const stepNs = ranks[0].steps[0].pairs
    const link = (steps: number) => ({ bandwidthGBps: bytesPerHop / (steps * stepNs), latencyUs: 0 })
    return makespanNs(config, clusterOf({ intra: link(intra), inter: link(inter), ranksPerNode }, pairPerNs(config))) / stepNs
  }

  test('a ring goes at the pace of the hop between nodes', () => {
    expect(stepsOf({}, 0.5, 0.9)).toBeCloseTo(4, 3)
    expect(stepsOf({}, 0.5, 1.8)).toBeCloseTo(3 * 1.8 + 1, 3)
    expect(stepsOf({}, 1.8, 0.5)).toBeCloseTo(3 * 1.8 + 1, 3)
  })

  test('a double ring whose windows are the nodes hides it behind w steps: c >= F / (w B)', () => {
    expect(stepsOf({ algorithm: 'double-ring', window: 2 }, 0.5, 1.8)).toBeCloseTo(4, 3)
    expect(stepsOf({ algorithm: 'double-ring', window: 2 }, 0.5, 2)).toBeCloseTo(4, 3)
    expect(stepsOf({ algorithm: 'double-ring', window: 2 }, 0.5, 3)).toBeCloseTo(3 + 2, 3)
    // Inner hops are waited for as in a ring, one in each window.
    expect(stepsOf({ algorithm: 'double-ring', window: 2 }, 1.5, 2)).toBeCloseTo(2 * 2.5, 3)
  })

  test('each level has a wire of its own; in one node all of a rank shares one', () => {
    expect(stepsOf({ algorithm: 'double-ring', window: 2 }, 1.5, 1.5)).toBeCloseTo(5, 3)
    // The inner block first, then the outer one until 3; then a window of one hop.
    expect(stepsOf({ algorithm: 'double-ring', window: 2 }, 1.5, 1.5, null)).toBeCloseTo(3 + 2.5, 3)
  })

  test('latency is paid once a hop', () => {
    const config = configOf({ world: 3, mask: 'full', layout: 'contiguous', seqLen: 255, overlap: false })
    const one = planRun(config).makespanPairs
    const cluster = clusterOf({ intra: { bandwidthGBps: 1e12, latencyUs: 5 }, inter: { bandwidthGBps: 1e12, latencyUs: 20 }, ranksPerNode: 2 }, pairPerNs(config))
    // Each rank posts when it is done and both ends are there: the slow latency reaches everyone in two steps.
    expect(makespanNs(config, cluster)).toBeCloseTo(one + 2 * 20_000, -1)
  })

  test('element sizes of the cluster are what travels', () => {
    const config = configOf({ world: 4, mask: 'full' })
    const sent = (elementBytes: ClusterModel['elementBytes']): number => simulateFigures(config, clusterOf({ elementBytes })).ranks[1].bytesSent
    expect(sent(null)).toBe(3 * planRun(config).bytesPerHop)
    expect(sent({ kv: 2, query: 2, gradient: 2 })).toBe(3 * planRun(config).bytesPerHop / 2)
  })
})

describe('jitter', () => {
  const config = configOf({ world: 32, mask: 'full', seqLen: 32 * 64, heads: 1, kvHeads: 1 })
  const cluster = clusterOf({ intra: { bandwidthGBps: 2, latencyUs: 1 } }, pairPerNs(config))
  const durations = (timeline: Timeline, category: string): Map<string, number> => new Map(spansOf(timeline)
    .filter((span) => span.category === category).map(({ rank, step, start, end }) => [`${rank} ${step}`, end - start]))

  test('is the same for a seed and another for another', () => {
    const disturbed = (seed: number) => simulateFigures(config, cluster, disturbedBy({ computeJitter: 0.1, linkJitter: 0.1, seed }))
    expect(disturbed(1)).toEqual(disturbed(1))
    expect(disturbed(1).makespanMs).not.toBe(disturbed(2).makespanMs)
  })

  test('spreads blocks and transfers about their undisturbed durations by what it says', () => {
    const [plain, disturbed] = [simulate(config, cluster), simulate(config, cluster, disturbedBy({ computeJitter: 0.2, linkJitter: 0.3, seed: 3 }))]
    for (const [category, deviation] of [['compute', 0.2], ['send', 0.3]] as const) {
      const [before, after] = [durations(plain, category), durations(disturbed, category)]
      const factors = [...after].map(([key, duration]) => duration / (before.get(key) ?? Number.NaN))
      const mean = factors.reduce((sum, factor) => sum + factor, 0) / factors.length
      const spread = Math.sqrt(factors.reduce((sum, factor) => sum + (factor - mean) ** 2, 0) / factors.length)
      expect(factors.length).toBeGreaterThanOrEqual(32 * 31)
      expect(Math.abs(mean - 1)).toBeLessThan(4 * deviation / Math.sqrt(factors.length))
      expect(Math.abs(spread / deviation - 1)).toBeLessThan(0.1)
    }
  })

  test('of a block is the same whatever happens around it: another link, a barrier', () => {
    const jittered = (other: ClusterModel, progress: 'free' | 'barrier') =>
      durations(simulate(config, other, disturbedBy({ computeJitter: 0.2, seed: 3, progress })), 'compute')
    // Within the rounding of both ends.
    const [a, b] = [jittered(cluster, 'free'), jittered(clusterOf({}, pairPerNs(config)), 'barrier')]
    for (const [key, duration] of a) expect(Math.abs(duration - (b.get(key) ?? 0))).toBeLessThanOrEqual(1)
  })

  test('makes a ring slower than its mean: everybody waits for the slowest', () => {
    expect(makespanNs(config, cluster, disturbedBy({ computeJitter: 0.3 }))).toBeGreaterThan(1.05 * makespanNs(config, cluster))
  })
})

describe('a device that dies', () => {
  const config = configOf({ world: 4, mask: 'full', layout: 'contiguous', heads: 1, kvHeads: 1 })
  const cluster = clusterOf({ intra: { bandwidthGBps: 1, latencyUs: 1 } }, pairPerNs(config))
  const death = { rank: 2, step: 2 }
  const timeline = simulate(config, cluster, disturbedBy({ death }))
  const spans = spansOf(timeline)
  const end = timeline.run?.iterations[0].endNs ?? Number.NaN

  test('is the failure of the run: rank, step and what it did last', () => {
    expect(timeline.run?.failure).toMatchObject({ kind: 'crashed', rank: 2, step: 2, iteration: 0 })
    expect(timeline.run?.failure?.lastSpan).toMatch(/^(step 1|wire|wait)/)
    expect(timeline.run?.failure?.message).toMatch(/rank 2 died as it began step 2/)
    const result = runResult(timeline, null)
    expect(result.iterations).toEqual([])
    expect(result.failure?.rank).toBe(2)
  })

  test('does nothing from then on; the others go on until they need it', () => {
    const lastStep = (rank: number): number => Math.max(...spans.filter((span) => span.rank === rank && span.category === 'compute').map(({ step }) => step))
    // Rank 1 has a block for it and rank 3 wants one, at step 2. Rank 0 has neither to do with it.
    expect([0, 1, 2, 3].map(lastStep)).toEqual([3, 2, 1, 2])
  })

  test('is waited for as a late peer until the end of what is known', () => {
    const last = (rank: number) => spans.filter((span) => span.rank === rank && span.lane === 0).at(-1)
    expect(last(1)).toMatchObject({ category: 'wait-peer', peer: 2, end, name: 'wait for rank 2 to take KV' })
    expect(last(3)).toMatchObject({ category: 'wait-peer', peer: 2, end, name: 'wait for rank 2 to send KV' })
    expect(last(0)?.end).toBe(end)
  })

  test('leaves the others at the barrier', () => {
    const slow = { ...config, stragglers: { 1: 2 } }
    const stopped = spansOf(simulate(slow, cluster, disturbedBy({ death, progress: 'barrier' })))
    const latest = Math.max(...stopped.map((span) => span.end))
    const last = (rank: number) => stopped.filter((span) => span.rank === rank && span.lane === 0).at(-1)
    expect(last(0)).toMatchObject({ category: 'barrier', step: 2, end: latest })
    expect(last(3)).toMatchObject({ category: 'wait-peer', peer: 2, end: latest })
  })

  test('has figures of the part that came about', () => {
    const figures = simulateFigures(config, cluster, disturbedBy({ death }))
    expect(figures.death).toMatchObject(death)
    expect(figures.makespanMs * 1e6).toBeCloseTo(end, 6)
  })

  test('must be there: a rank and a step that there are not are refused together', () => {
    const run = (): unknown => simulate(config, cluster, disturbedBy({ death: { rank: 4, step: 9 } }))
    expect(run).toThrow(/2 problems[^]*death\.rank: expected a rank from 0 to 3, got 4[^]*death\.step: expected a step of an iteration from 0 to 3, got 9/)
  })

  test('at any moment, of any rank, in any algorithm: the timeline is whole up to there', () => {
    fc.assert(fc.property(anyConfig, anyCluster, anyDisturbance, fc.nat(), fc.nat(), (any, other, disturbance, rank, step) => {
      const mortal = { rank: rank % any.world, step: step % planRun(any).stepCount }
      const died = simulate(any, other, { ...disturbance, death: mortal })
      expect(died.run?.failure).toMatchObject(mortal)
      const ended = died.run?.iterations[0].endNs ?? Number.NaN
      const spans = spansOf(died)
      for (const span of spans) {
        expect(span.end).toBeLessThanOrEqual(ended)
        if (span.rank === mortal.rank && span.category === 'compute') expect(span.step).toBeLessThan(mortal.step)
      }
      const hops = (category: string): number[] => spans.filter((span) => span.category === category).map(({ hop }) => hop).sort((a, b) => a - b)
      expect(hops('recv')).toEqual(hops('send'))
    }), { numRuns: 60 })
  })
})

test('figures are those of the timeline, on any cluster, whatever disturbs it', () => {
  fc.assert(fc.property(anyConfig, anyCluster, anyDisturbance, (config, cluster, disturbance) => {
    const { ranks, ...figures } = simulateFigures(config, cluster, disturbance)
    const timeline = simulate(config, cluster, disturbance)
    const { makespanMs, overlapRatio, idleFraction, ranks: measured } = runResult(timeline, null)
    expect(figures).toEqual({ makespanMs, overlapRatio, idleFraction, death: null })
    const waited = new Float64Array(config.world)
    for (const { rank, category, start, end } of spansOf(timeline)) {
      if (category === 'wait-peer' || category === 'wait-link' || category === 'barrier') waited[rank] += (end - start) / 1e6
    }
    for (const { rank, computeMs, commMs, exposedMs, waitMs } of ranks) {
      expect({ computeMs, commMs, exposedMs }).toEqual({
        computeMs: measured[rank].computeMs, commMs: measured[rank].commMs, exposedMs: measured[rank].exposedMs,
      })
      // Each wait is rounded at both ends.
      expect(Math.abs(waitMs - waited[rank])).toBeLessThan(1e-5)
    }
  }))
})
