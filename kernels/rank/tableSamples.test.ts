import { beforeAll, describe, expect, it } from 'vitest'
import { buildKernels } from '../../scripts/build-kernels.mjs'
import { verifyRank } from '../attention/verify.ts'
import { toleranceOf } from '../backends/tolerance.ts'
import { parseRunConfig } from '../config/runConfig.ts'
import { describeSample } from './testing/describeTable.ts'
import { checksumOf, runCase, sampleOf } from './testing/table.ts'

describeSample('a sample of the table', 'tfjs-cpu', sampleOf(17))
describeSample('K/V that travels as bfloat16', 'wasm', sampleOf(19, { wireDtype: 'bfloat16' }))
describeSample('K/V that travels as bfloat16', 'tfjs-cpu', sampleOf(157, { wireDtype: 'bfloat16' }))
describeSample('blocks that travel after compute', 'wasm', sampleOf(23, { overlap: false }))
describeSample('forward passes alone', 'wasm', sampleOf(29, { pass: 'forward' }))

describe('what ranks say of their own results', () => {
  const cases = [...sampleOf(37), ...sampleOf(101, { wireDtype: 'bfloat16' })]
  let kernelsDir: string
  beforeAll(async () => { kernelsDir = await buildKernels() })

  it(`is that they are right, in a second iteration too (${cases.length} cases)`, async () => {
    for (const each of cases) {
      const { config } = each
      const { wrong, result } = await runCase(each, 'wasm', kernelsDir, 2)
      expect(wrong, each.name).toEqual([])
      const verified = result.ranks.map(({ schedule, arena }) => verifyRank(config, schedule, arena))
      const tolerance = toleranceOf('wasm', config.wireDtype)
      verified.forEach(({ maxAbsError, maxAbsGradError, checkedRows, checkedKeyGradRows }, rank) => {
        expect(maxAbsError, each.name).toBeLessThanOrEqual(tolerance.output)
        expect(maxAbsGradError, each.name).toBeLessThanOrEqual(tolerance.gradient)
        const ownsTokens = result.ranks[rank].schedule.homePositions[0] < config.seqLen
        expect([checkedRows > 0, checkedKeyGradRows > 0], each.name).toEqual([ownsTokens, ownsTokens])
      })
      if (config.wireDtype === 'bfloat16') continue
      const checksum = verified.reduce((sum, rank) => sum + rank.checksum, 0)
      // Thousands of float32 values, each off by up to 1e-7 or two, of either sign; a row that is wrong is off by far more.
      expect(Math.abs(checksum - checksumOf(config)), each.name).toBeLessThan(1e-5 * Math.max(1, Math.abs(checksumOf(config))))
    }
  })
})

describe('the table itself', () => {
  it('notices inputs of another run', async () => {
    const [first] = sampleOf(1)
    const { wrong, result } = await runCase(first, 'tfjs-cpu', '')
    expect(wrong).toEqual([])
    const other = parseRunConfig({ ...first.config, seed: first.config.seed + 1 }, 'test')
    const [rank] = result.ranks
    expect(verifyRank(other, rank.schedule, rank.arena).maxAbsError).toBeGreaterThan(0.1)
  })

  it('has every world, algorithm, layout, mask and number of heads in its samples', () => {
    const all = sampleOf(1).map(({ config }) => config)
    for (const stride of [17, 19, 23, 29, 37]) {
      const seen = sampleOf(stride).map(({ config }) => config)
      for (const key of ['world', 'algorithm', 'layout', 'mask', 'lookback', 'heads', 'kvHeads', 'ringSets', 'window', 'ulyssesDegree'] as const) {
        expect(new Set(seen.map((config) => config[key])), `${key}, stride ${stride}`).toEqual(new Set(all.map((config) => config[key])))
      }
    }
  })
})
