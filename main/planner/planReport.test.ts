import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LAYOUTS, MASKS, parseRunConfig, type RunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/plan.ts'
import { runResult } from '../analysis/runResult.ts'
import { simulate } from '../simulator/simulate.ts'
import { contiguousMakespanPairs } from './contiguous.ts'
import { minShardTokens, stepDivisor } from './hideCondition.ts'
import { planReport } from './planReport.ts'

const configOf = (fields: Partial<RunConfigInput>): RunConfig =>
  parseRunConfig({ world: 8, seqLen: 4096, heads: 8, headDim: 64, ...fields }, 'test')

describe('plan report', () => {
  test('zigzag gains 2 - 1/N over contiguous as sequences grow', () => {
    expect(planReport(configOf({ layout: 'zigzag' })).speedupOverContiguous).toBeCloseTo(2 - 1 / 8, 2)
    expect(planReport(configOf({ layout: 'contiguous' })).speedupOverContiguous).toBe(1)
    expect(planReport(configOf({ layout: 'zigzag', mask: 'full' })).speedupOverContiguous).toBe(1)
  })

  test('the contiguous makespan is that of the contiguous plan, padded lengths included', () => {
    for (const mask of MASKS) {
      for (const seqLen of [1, 7, 100, 256]) {
        const config = configOf({ layout: 'contiguous', mask, seqLen })
        expect(contiguousMakespanPairs(config)).toBe(planRun(config).makespanPairs)
      }
    }
  })

  test('golden work of S = 256 on 8 ranks', () => {
    const report = planReport(configOf({ layout: 'contiguous', seqLen: 256 }))
    expect(report).toMatchObject({ makespanPairs: 7696, totalPairs: 32896 })
    expect(report.idleFraction).toBeCloseTo(0.4657, 4)
    expect(report.plan.ranks[0].steps.map(({ kind }) => kind)).toEqual(['diagonal', ...Array<string>(7).fill('skip')])
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

  test('simulated figures are those of the simulation\'s timeline', () => {
    const link = { bandwidthGBps: 0.3, latencyUs: 7 }
    for (const layout of LAYOUTS) {
      for (const overlap of [true, false]) {
        const config = configOf({ layout, overlap, link, model: { gflops: 20 }, seqLen: 1000, stragglers: { 2: 1.7 } })
        const { makespanMs, overlapRatio, idleFraction } = runResult(simulate(config, { gflopsPerRank: 20, link }), null)
        expect(planReport(config).simulated).toEqual({ makespanMs, overlapRatio, idleFraction })
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

describe('hide condition', () => {
  const anyCase = fc.record({
    layout: fc.constantFrom(...LAYOUTS), mask: fc.constantFrom(...MASKS), kvHeads: fc.constantFrom(1, 2, 8),
    gflopsPerRank: fc.double({ min: 1, max: 1e6, noNaN: true }), bandwidthGBps: fc.double({ min: 0.1, max: 1000, noNaN: true }),
  })

  test('without latency it is κ (e/2) (Hkv/Hq) F/B, rounded up', () => {
    fc.assert(fc.property(anyCase, ({ gflopsPerRank, bandwidthGBps, ...fields }) => {
      const config = configOf(fields)
      const exact = stepDivisor(config) * 2 * (config.kvHeads / config.heads) * (gflopsPerRank / bandwidthGBps)
      const tokens = minShardTokens(config, { gflopsPerRank, bandwidthGBps, latencyUs: 0 })
      expect(Math.abs(tokens - Math.max(1, Math.ceil(exact)))).toBeLessThanOrEqual(1e-9 * exact + 1)
      expect(tokens).toBeGreaterThanOrEqual(exact * (1 - 1e-9))
    }))
  })

  test('it is the smallest length whose step covers latency and bytes', () => {
    fc.assert(fc.property(anyCase, fc.double({ min: 0, max: 1000, noNaN: true }), ({ gflopsPerRank, bandwidthGBps, ...fields }, latencyUs) => {
      const config = configOf(fields)
      const covers = (tokens: number): boolean => {
        const computeNs = (4 * config.heads * config.headDim * tokens ** 2) / stepDivisor(config) / gflopsPerRank
        const hopNs = latencyUs * 1000 + (2 * config.kvHeads * config.headDim * tokens * 4) / bandwidthGBps
        return computeNs >= hopNs * (1 - 1e-12)
      }
      const tokens = minShardTokens(config, { gflopsPerRank, bandwidthGBps, latencyUs })
      expect(covers(tokens)).toBe(true)
      if (tokens > 2) expect(covers(tokens * (1 - 1e-9) - 1)).toBe(false)
    }))
  })

  test('rates beyond all reason give a number, at once', () => {
    for (const bandwidthGBps of [1e-9, 1e-300]) {
      const tokens = minShardTokens(configOf({}), { gflopsPerRank: 1e9, bandwidthGBps, latencyUs: 0 })
      expect(Number.isFinite(tokens)).toBe(true)
      expect(tokens).toBeGreaterThan(1e17)
    }
  })
})
