import { describe, expect, it } from 'vitest'
import { parseRunConfig, type RunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import type { CellLimits } from '../../preload/contract/sweep.ts'
import { kernelRates, type KernelRates, limitsOf, type ModelledMachine, probeKey, probesOf, workOf } from './kernelModel.ts'
import { TEST_CACHES, TEST_ROOFLINE } from './testing.ts'

const machine: ModelledMachine = { roofline: TEST_ROOFLINE, caches: TEST_CACHES }
const configOf = (parts: Partial<RunConfigInput> = {}): RunConfig =>
  parseRunConfig({ world: 1, layout: 'contiguous', mask: 'full', seqLen: 2048, heads: 1, headDim: 64, ...parts }, 'test')

/** Rates of a kernel whose probes took what a unit of 10 ns, a row of 100 ns and an operation of 0.04 ns make of them. */
function ratesOf(backend: 'wasm' | 'tfjs-wasm', unitNs = 10, flopNs = 0.04, rowNs = 100): KernelRates {
  const probes = probesOf(configOf(), backend, TEST_CACHES)
  const rates = kernelRates(probes, backend, probes.map((probe) => {
    const work = workOf(probe, backend)
    return work === null ? Number.NaN : work.units * unitNs + work.rows * rowNs + work.flops * flopNs
  }))
  if (rates === null) throw new TypeError('no rates')
  return rates
}

function limitsAt(backend: 'wasm' | 'tfjs-wasm', blockQ: number, blockK: number, rates = ratesOf(backend), parts: Partial<RunConfigInput> = {}): CellLimits {
  const work = workOf(configOf({ ...parts, blockQ, blockK }), backend)
  if (work === null) throw new TypeError('not modelled')
  return limitsOf(work, rates, machine)
}

describe('kernelRates', () => {
  it('finds the costs that the probes were made of', () => {
    for (const backend of ['wasm', 'tfjs-wasm'] as const) {
      const { unitNs, rowNs, flopNs } = ratesOf(backend)
      expect(unitNs).toBeCloseTo(10, 3)
      expect(flopNs).toBeCloseTo(0.04, 6)
      // The fused kernel has none.
      expect(rowNs).toBeCloseTo(backend === 'wasm' ? 0 : 100, 3)
    }
  })

  it('has no model of kernels on a GPU', () => {
    expect(workOf(configOf(), 'webgpu')).toBeNull()
    expect(kernelRates([configOf()], 'webgpu', [1])).toBeNull()
  })
})

describe('probesOf', () => {
  it('are small, of one key/value head, without mask, and keep head size and query heads a key/value head', () => {
    const config = configOf({ world: 2, mask: 'causal', layout: 'zigzag', heads: 8, kvHeads: 2, headDim: 96, batch: 2, lookback: 3, seqLen: 65_536 })
    for (const backend of ['wasm', 'tfjs-wasm'] as const) {
      for (const probe of probesOf(config, backend, TEST_CACHES)) {
        expect(probe).toMatchObject({ world: 1, mask: 'full', heads: 4, kvHeads: 1, headDim: 96, batch: 1, lookback: null })
        expect(probe.seqLen).toBeLessThanOrEqual(1024)
      }
    }
    expect(probeKey(config)).toBe(probeKey({ ...config, seqLen: 128, batch: 1, heads: 4, kvHeads: 1 }))
    expect(probeKey(config)).not.toBe(probeKey({ ...config, headDim: 64 }))
  })
})

describe('limitsOf', () => {
  it('has shares that sum to 1', () => {
    for (const backend of ['wasm', 'tfjs-wasm'] as const) {
      for (const [blockQ, blockK] of [[8, 8], [64, 512], [2048, 2048]]) {
        const { dispatchShare, cacheShare, arithmeticShare } = limitsAt(backend, blockQ, blockK)
        expect(dispatchShare + cacheShare + arithmeticShare).toBeCloseTo(1, 10)
      }
    }
  })

  it('calls small tiles of dear operations limited by dispatch, and large ones not', () => {
    const dear = ratesOf('tfjs-wasm', 20_000)
    expect(limitsAt('tfjs-wasm', 32, 32, dear)).toMatchObject({ limitedBy: 'dispatch' })
    expect(limitsAt('tfjs-wasm', 512, 512, dear).limitedBy).not.toBe('dispatch')
  })

  it('finds the optimum of the generic kernel between dispatch and the caches', () => {
    // 16 dimensions: little arithmetic for every score, so that where scores stay decides.
    const rates = ratesOf('tfjs-wasm', 1000, 0.01)
    const ms = [64, 256, 2048].map((size) => limitsAt('tfjs-wasm', size, size, rates, { headDim: 16 }).predictedMs)
    expect(ms[1]).toBeLessThan(ms[0])
    expect(ms[1]).toBeLessThan(ms[2])
    expect(limitsAt('tfjs-wasm', 2048, 2048, rates, { headDim: 16 })).toMatchObject({ limitedBy: 'cache', servedBy: 'memory' })
  })

  it('lets the fused kernel work from its caches at any size of tile', () => {
    const rates = ratesOf('wasm')
    const ms = [64, 256, 2048].map((size) => limitsAt('wasm', size, size, rates).predictedMs)
    for (const time of ms) expect(time / ms[0]).toBeGreaterThan(0.95)
    for (const time of ms) expect(time / ms[0]).toBeLessThan(1.05)
    expect(limitsAt('wasm', 256, 256, rates).limitedBy).toBe('arithmetic')
    expect(limitsAt('wasm', 256, 256, rates).cacheShare).toBeLessThan(0.01)
  })

  it('charges the fused kernel for streaming a head\'s keys from beyond L2, the more the smaller its query tiles', () => {
    const rates = ratesOf('wasm')
    const shares = (seqLen: number): number[] => [8, 64, 512].map((blockQ) => limitsAt('wasm', blockQ, 72, rates, { seqLen }).cacheShare)
    expect(shares(512)).toEqual([0, 0, 0])
    const [small, middle, large] = shares(16_384)
    expect(small).toBeGreaterThan(0.1)
    expect(middle).toBeLessThan(small / 4)
    expect(large).toBeLessThan(middle)
  })

  it('names the level that serves most of the traffic, and its bandwidth', () => {
    const { servedBy, gbps, trafficBytes } = limitsAt('tfjs-wasm', 2048, 2048, ratesOf('tfjs-wasm'), { headDim: 16 })
    // Scores of 2 x 16 MiB: some of them stay within 60 % of the 16 MiB of L3.
    expect(servedBy).toBe('memory')
    expect(gbps).toBeGreaterThan(10)
    expect(gbps).toBeLessThan(20)
    expect(trafficBytes).toBe(7 * 4 * 2048 * 2048)
  })
})
