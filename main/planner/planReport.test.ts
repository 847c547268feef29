import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LAYOUTS, MASKS, parseRunConfig, PASSES, type RunConfig, type RunConfigInput, WIRE_DTYPES } from '../../kernels/config/runConfig.ts'
import type { StepPass } from '../../kernels/plan/plan.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import { runResult } from '../analysis/runResult.ts'
import { simulateRing } from '../simulator/testSimulation.ts'
import { anyConfig, anyLink } from '../simulator/testConfigs.ts'
import { contiguousMakespanPairs, contiguousRing } from './contiguous.ts'
import { minShardTokens, stepDivisor } from './hideCondition.ts'
import { planFigures, planReport } from './planReport.ts'

const configOf = (fields: Partial<RunConfigInput>): RunConfig =>
  parseRunConfig({ world: 8, seqLen: 4096, heads: 8, headDim: 64, ...fields }, 'test')

describe('plan report', () => {
  test('zigzag gains 2 - 1/N over contiguous as sequences grow', () => {
    expect(planReport(configOf({ layout: 'zigzag' })).speedupOverContiguous).toBeCloseTo(2 - 1 / 8, 2)
    expect(planReport(configOf({ layout: 'contiguous' })).speedupOverContiguous).toBe(1)
    expect(planReport(configOf({ layout: 'zigzag', mask: 'full' })).speedupOverContiguous).toBe(1)
  })

  test.each([
    // Whole heads on an Nth of the work: as balanced as zigzag.
    [{ algorithm: 'ulysses' }, 2 - 1 / 8], [{ algorithm: 'hybrid', ulyssesDegree: 2 }, 2 - 1 / 8],
    [{ algorithm: 'double-ring', window: 2 }, 2 - 1 / 8], [{ algorithm: 'double-ring', window: 2, layout: 'contiguous' }, 1],
    // (N - 1/2) c² against (N/2 + 1/2) c².
    [{ algorithm: 'distflash', layout: 'contiguous' }, 7.5 / 4.5],
    // Two sets of four ranks, each with half the batch: 2 * 7.5 c² against 3.5 (2c)².
    [{ ringSets: 2, batch: 2, layout: 'contiguous' }, 15 / 14], [{ ringSets: 2, batch: 2 }, 2 - 1 / 8],
    [{ batch: 2, keyPadding: [4096, 4096] }, 2 - 1 / 8],
  ] satisfies [Partial<RunConfigInput>, number][])('%j gains over one contiguous ring what its ranks compute less at most: %d', (fields, gain) => {
    expect(planReport(configOf(fields)).speedupOverContiguous).toBeCloseTo(gain, 2)
  })

  test('a mask that leaves nothing to compute leaves nothing to gain', () => {
    expect(planReport(configOf({ keyPadding: [0] }))).toMatchObject({ totalPairs: 0, speedupOverContiguous: 1 })
  })

  test('the contiguous makespan is that of the contiguous plan, whatever the mask and the algorithm compared with it', () => {
    for (const mask of MASKS) {
      for (const seqLen of [1, 7, 100, 256]) {
        const config = configOf({ layout: 'contiguous', mask, seqLen })
        expect(contiguousMakespanPairs(config)).toBe(planRun(config).makespanPairs)
      }
    }
    fc.assert(fc.property(anyConfig, (config) => {
      expect(contiguousMakespanPairs(config)).toBe(planRun(contiguousRing(config)).makespanPairs)
    }))
  })

  test('golden work of S = 256 on 8 ranks', () => {
    const report = planReport(configOf({ layout: 'contiguous', seqLen: 256 }))
    expect(report).toMatchObject({ makespanPairs: 7696, totalPairs: 32896 })
    expect(report.idleFraction).toBeCloseTo(0.4657, 4)
    expect(report.plan.ranks[0].steps.map(({ kind }) => kind)).toEqual(['diagonal', ...Array<string>(7).fill('skip')])
  })

  test('golden work in whole tiles: a quarter shard a tile takes the gain from striped, a shard a tile all of it', () => {
    const tiled = (layout: 'striped' | 'zigzag', block: number) =>
      planReport(configOf({ layout, seqLen: 256, blockQ: block, blockK: block })).tileQuantised
    expect(tiled('striped', 8)).toMatchObject({ blockQ: 8, blockK: 8, makespanPairs: 8 * 10 * 64 })
    expect(tiled('striped', 8)?.speedupOverContiguous).toBeCloseTo(122 / 80, 12)
    expect(tiled('zigzag', 8)?.speedupOverContiguous).toBeCloseTo(122 / 66, 12)
    expect(tiled('striped', 32)?.speedupOverContiguous).toBe(1)
    // Larger worlds too: m = 2 tiles a shard, every step but the first half of what the contiguous ring's last rank has.
    expect(planReport(configOf({ world: 256, seqLen: 256 * 16, blockQ: 8, blockK: 8 })).tileQuantised?.makespanPairs).toBe((3 + 255 * 2) * 64)
    expect(planReport(configOf({ world: 256, seqLen: 1 << 24, lookback: 5000, blockQ: 1 })).tileQuantised).toBeNull()
  })

  test('steps say what they are, and transfers are counted by kind', () => {
    const { plan } = planReport(configOf({ algorithm: 'hybrid', ulyssesDegree: 2, pass: 'forward-backward' }))
    expect(plan.traffic.map(({ payload, channel, pass, hops }) => [payload, channel, pass, hops])).toEqual([
      ['qkv', 'all-to-all', 'forward', 1], ['kv', 'kv', 'forward', 3], ['out', 'all-to-all', 'forward', 1],
      ['dout', 'all-to-all', 'backward', 1], ['kv', 'kv', 'backward', 3], ['dkv', 'dkv', 'backward', 3], ['dqkv', 'all-to-all', 'backward', 1],
    ])
    const [first, second] = plan.ranks[2].steps
    expect(first).toEqual({ step: 0, pass: 'forward', stage: 'exchange', kvOwner: -1, queryOwner: -1, kind: 'none', pairs: 0 })
    expect(second).toMatchObject({ step: 1, pass: 'forward', stage: 'attend', kvOwner: 2, queryOwner: 2, kind: 'diagonal' })
    expect(plan.ranks[2].steps).toHaveLength(1 + 4 + 1 + 1 + 4 + 1)
  })

  test('the basis names where both rates come from', () => {
    expect(planReport(configOf({})).hideCondition.basis).toMatch(/rate assumed: 30 GFLOP\/s.*link assumed: 6 GB\/s/)
    const given = planReport(configOf({ model: { gflops: 50 }, link: { bandwidthGBps: 0.5, latencyUs: 20 } })).hideCondition
    expect(given).toMatchObject({ gflopsPerRank: 50, bandwidthGBps: 0.5, latencyUs: 20 })
    expect(given.basis).toMatch(/model\.gflops.*link from the config/)
  })

  test('simulated figures: a shard above the hide condition overlaps, one far below does not', () => {
    const link = { bandwidthGBps: 1, latencyUs: 0 }
    const base = { world: 2, layout: 'contiguous', mask: 'full', model: { gflops: 100 }, link } as const
    const { minShardTokens: least } = planReport(configOf(base)).hideCondition
    expect(least).toBe(200)
    expect(planReport(configOf({ ...base, seqLen: 2 * least })).simulated.overlapRatio).toBeCloseTo(1, 5)
    expect(planReport(configOf({ ...base, seqLen: least / 5 })).simulated.overlapRatio).toBeLessThan(0.15)
  })

  test('simulated figures are those of the simulation\'s timeline, for every algorithm', () => {
    fc.assert(fc.property(anyConfig, anyLink, (any, link) => {
      const config: RunConfig = { ...any, link, model: { gflops: 2 } }
      const { makespanMs, overlapRatio, idleFraction } = runResult(simulateRing(config, { gflopsPerRank: 2, link }), null)
      expect(planReport(config).simulated).toEqual({ makespanMs, overlapRatio, idleFraction })
    }))
  })

  test('figures without steps are those with them', () => {
    const config = configOf({ algorithm: 'double-ring', window: 2, pass: 'forward-backward' })
    const { plan: { ranks, ...plan }, ...figures } = planReport(config)
    const without = planFigures(config, planRun(config))
    expect(without).toEqual({ ...figures, plan: { ...plan, ranks: ranks.map((rank) => ({ ...rank, steps: [] })) } })
  })

  test('every figure is finite at the ends of what a config may say', () => {
    const slowest = { model: { gflops: 1e-9 }, link: { bandwidthGBps: 1e-9, latencyUs: 1e12 }, stragglers: { 0: 1e6 } }
    for (const fields of [slowest, { ...slowest, keyPadding: [0] }, { model: { gflops: 1e12 }, link: { bandwidthGBps: 1e12, latencyUs: 0 }, seqLen: 1 }]) {
      const report = planReport(configOf({ pass: 'forward-backward', ...fields }))
      const { makespanMs, overlapRatio, idleFraction } = report.simulated
      for (const figure of [makespanMs, overlapRatio ?? 0, idleFraction, report.idleFraction, report.speedupOverContiguous]) {
        expect(Number.isFinite(figure)).toBe(true)
      }
    }
  })

  test('one rank: nothing to send, nothing to hide', () => {
    const report = planReport(configOf({ world: 1 }))
    expect(report.simulated.overlapRatio).toBeNull()
    expect(report.simulated.idleFraction).toBeCloseTo(0, 6)
    expect(report.hideCondition.minShardTokens).toBe(1)
  })
})

describe('memory', () => {
  const memoryOf = (fields: Partial<RunConfigInput>) => planReport(configOf({ heads: 8, headDim: 64, blockQ: 64, blockK: 64, ...fields })).memory

  test('golden: a zigzag ring of 4 with 1024 tokens each holds q, out and two blocks of K and V', () => {
    const { bytesPerRank, formulaBytes } = memoryOf({ world: 4 })
    const tensor = 1024 * 8 * 64 * 4
    expect(bytesPerRank).toBeGreaterThan(6 * tensor)
    expect(bytesPerRank).toBeLessThan(6.2 * tensor)
    expect(formulaBytes).toBe(7 * tensor + 8 * 1024 * 8 + 4 * (64 * 64 + 4 * 64 * 64 + 128))
  })

  test('it does not grow with the sequence where ranks grow with it', () => {
    for (const pass of PASSES) {
      const four = memoryOf({ world: 4, seqLen: 4096, pass })
      expect(memoryOf({ world: 64, seqLen: 65536, pass })).toEqual(four)
    }
  })

  test('what is allotted keeps within 1.3 times the formula', () => {
    const algorithms: Partial<RunConfigInput>[] = [
      { algorithm: 'ring' }, { algorithm: 'double-ring', window: 2 }, { algorithm: 'double-ring', window: 4 }, { algorithm: 'double-ring', window: 8 },
      { algorithm: 'ulysses' }, { algorithm: 'hybrid', ulyssesDegree: 2 }, { algorithm: 'distflash', layout: 'contiguous' },
      { ringSets: 2, batch: 2 }, { world: 1 },
    ]
    for (const algorithm of algorithms) {
      for (const pass of PASSES) {
        for (const wireDtype of WIRE_DTYPES) {
          for (const kvHeads of [8, 1]) {
            const fields = { ...algorithm, pass, wireDtype, kvHeads }
            const { bytesPerRank, formulaBytes } = memoryOf(fields)
            expect(bytesPerRank / formulaBytes, JSON.stringify(fields)).toBeLessThanOrEqual(1.3)
            expect(bytesPerRank / formulaBytes, JSON.stringify(fields)).toBeGreaterThan(0.6)
          }
        }
      }
    }
  })

  test('a share that no rank can hold is told, not refused', () => {
    expect(memoryOf({ world: 1, seqLen: 1 << 22 }).bytesPerRank).toBeGreaterThan(2 ** 32)
  })
})

describe('hide condition', () => {
  type Rates = Parameters<typeof minShardTokens>[3]
  const least = (fields: Partial<RunConfigInput>, rates: Rates, pass: StepPass = 'forward'): number => {
    const config = configOf({ pass: 'forward-backward', ...fields })
    return minShardTokens(config, planRun(config), pass, rates)
  }
  /** F/B = 1000: 100 TFLOP/s behind 100 GB/s. */
  const thousand: Rates = { gflopsPerRank: 100_000, bandwidthGBps: 100, latencyUs: 0 }
  const plain = { layout: 'contiguous', wireDtype: 'bfloat16' } as const

  test.each([
    // F/B for bfloat16 and equal heads (Liu et al. 2023), twice that for float32, twice that where steps are half.
    [plain, 1000, 1200], [{ layout: 'contiguous' }, 2000, 1600], [{ layout: 'zigzag' }, 4000, 3200], [{ ...plain, mask: 'full', layout: 'striped' }, 1000, 1200],
    // Fewer key heads to send.
    [{ ...plain, kvHeads: 2 }, 250, 300],
    // The inner ring is a ring. With windows of one all is outer; with windows of two no step sends K/V and a gradient within.
    [{ ...plain, algorithm: 'double-ring', window: 4 }, 1000, 1200], [{ ...plain, algorithm: 'double-ring', window: 1 }, 1000, 1200],
    [{ ...plain, algorithm: 'double-ring', window: 2 }, 1000, 1200],
    // Positions of a hybrid have `ulyssesDegree` times the tokens.
    [{ ...plain, algorithm: 'hybrid', ulyssesDegree: 2 }, 500, 600],
    // There is nothing to hide behind in an all-to-all.
    [{ ...plain, algorithm: 'ulysses' }, 1, 1],
    // K/V and a result with its lse: (4 + 4 + 4/64) / 4. Backward Q, dO, delta and lse there, and dK and dV back: (16 + 8/64) / 10.
    [{ ...plain, algorithm: 'distflash' }, 2016, 1613],
  ] as const)('golden: %j needs %i tokens forward and %i backward at F/B = 1000', (fields, forward, backward) => {
    expect([least(fields, thousand), least(fields, thousand, 'backward')]).toEqual([forward, backward])
  })

  const anyCase = fc.record({
    layout: fc.constantFrom(...LAYOUTS), mask: fc.constantFrom(...MASKS), kvHeads: fc.constantFrom(1, 2, 8), wireDtype: fc.constantFrom(...WIRE_DTYPES),
    gflopsPerRank: fc.double({ min: 1, max: 1e6, noNaN: true }), bandwidthGBps: fc.double({ min: 0.1, max: 1000, noNaN: true }),
  })

  test('without latency it is κ (e/2) (Hkv/Hq) F/B, and backward κ (e+4)/5 (Hkv/Hq) F/B, rounded up', () => {
    fc.assert(fc.property(anyCase, fc.constantFrom('forward' as const, 'backward' as const), ({ gflopsPerRank, bandwidthGBps, ...fields }, pass) => {
      const config = configOf(fields)
      const e = config.wireDtype === 'bfloat16' ? 2 : 4
      const exact = stepDivisor(config) * (pass === 'forward' ? e / 2 : (e + 4) / 5) * (config.kvHeads / config.heads) * (gflopsPerRank / bandwidthGBps)
      const tokens = least(fields, { gflopsPerRank, bandwidthGBps, latencyUs: 0 }, pass)
      expect(Math.abs(tokens - Math.max(1, Math.ceil(exact)))).toBeLessThanOrEqual(1e-9 * exact + 1)
      expect(tokens).toBeGreaterThanOrEqual(exact * (1 - 1e-9))
    }))
  })

  test('it is the smallest length whose step covers latency and bytes', () => {
    fc.assert(fc.property(anyCase, fc.double({ min: 0, max: 1000, noNaN: true }), ({ gflopsPerRank, bandwidthGBps, ...fields }, latencyUs) => {
      const config = configOf(fields)
      const e = config.wireDtype === 'bfloat16' ? 2 : 4
      const covers = (tokens: number): boolean => {
        const computeNs = (4 * config.heads * config.headDim * tokens ** 2) / stepDivisor(config) / gflopsPerRank
        const hopNs = latencyUs * 1000 + (2 * config.kvHeads * config.headDim * tokens * e) / bandwidthGBps
        return computeNs >= hopNs * (1 - 1e-12)
      }
      const tokens = least(fields, { gflopsPerRank, bandwidthGBps, latencyUs })
      expect(covers(tokens)).toBe(true)
      if (tokens > 2) expect(covers(tokens * (1 - 1e-9) - 1)).toBe(false)
    }))
  })

  test.each([
    { algorithm: 'ring' }, { algorithm: 'double-ring', window: 1 }, { algorithm: 'double-ring', window: 2 },
  ] as const)('a simulation agrees: shards of that length hide both passes, shorter ones do not: %j', (algorithm) => {
    const base = {
      world: 8, ...plain, ...algorithm, mask: 'full', pass: 'forward-backward', model: { gflops: 1000 }, link: { bandwidthGBps: 1, latencyUs: 0 },
    } as const
    const { minShardTokens: forward, backwardMinShardTokens: backward } = planReport(configOf(base)).hideCondition
    expect([forward, backward]).toEqual([1000, 1200])
    const overlap = (tokens: number): number | null => planReport(configOf({ ...base, seqLen: 8 * tokens })).simulated.overlapRatio
    expect(overlap(1200)).toBeCloseTo(1, 6)
    // What is not hidden: some backward steps wait for a twelfth of what they send.
    expect(overlap(1100)).toBeLessThan(0.995)
    const forwardOverlap = (tokens: number): number | null => planReport(configOf({ ...base, pass: 'forward', seqLen: 8 * tokens })).simulated.overlapRatio
    expect(forwardOverlap(1000)).toBeCloseTo(1, 6)
    expect(forwardOverlap(900)).toBeLessThan(0.995)
  })

  test('rates beyond all reason give a number, at once', () => {
    for (const bandwidthGBps of [1e-9, 1e-300]) {
      const tokens = least({}, { gflopsPerRank: 1e9, bandwidthGBps, latencyUs: 0 })
      expect(Number.isFinite(tokens)).toBe(true)
      expect(tokens).toBeGreaterThan(1e17)
    }
  })
})
