import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { checkAxes, configsOf } from './axes.ts'

const config = parseRunConfig({ world: 2, seqLen: 96, heads: 4, headDim: 8 }, 'test')

function problemsOf(attempt: () => void): readonly string[] {
  try {
    attempt()
  } catch (error) {
    if (error instanceof InvalidInputError) return error.problems.map(({ path }) => path)
    throw error
  }
  return []
}

describe('checkAxes', () => {
  it('takes any numeric field of the config, however deep', () => {
    const paths = { headDim: 64, lookback: 3, 'link.bandwidthGBps': 0.5, 'model.gflops': 1e3, 'stragglers.1': 1.5, kvHeads: 2, seed: 7 }
    expect(problemsOf(() => { checkAxes(Object.entries(paths).map(([path, value]) => ({ path, values: [value] }))) })).toEqual([])
  })

  it('refuses what is unknown, no number, or out of range, by its path', () => {
    for (const path of ['headdim', 'layout', 'link', 'link.speed', 'headDim.x', 'stragglers.one', 'verify', '', '__proto__']) {
      expect([path, problemsOf(() => { checkAxes([{ path, values: [1] }]) })]).toEqual([path, [path]])
    }
    expect(() => { checkAxes([{ path: 'headDim', values: [64, 513, 1.5] }]) }).toThrow(/headDim: expected an integer from 1 to 512, got 513\n.*headDim: .*got 1\.5/)
    expect(() => { checkAxes([{ path: 'headDim', values: [] }]) }).toThrow('at least one value')
  })

  it('refuses an axis twice, and those of the tile', () => {
    expect(() => { checkAxes([{ path: 'seed', values: [1] }, { path: 'seed', values: [2] }]) }).toThrow('every axis once')
    expect(problemsOf(() => { checkAxes([{ path: 'blockQ', values: [8] }], ['blockQ', 'blockK']) })).toEqual(['blockQ'])
  })
})

describe('configsOf', () => {
  it('is every combination, each value once, in the order of the axes', () => {
    const swept = configsOf(config, [{ path: 'headDim', values: [8, 16, 8] }, { path: 'seqLen', values: [64, 128] }])
    expect(swept.map(({ values }) => values)).toEqual([
      { headDim: 8, seqLen: 64 }, { headDim: 8, seqLen: 128 }, { headDim: 16, seqLen: 64 }, { headDim: 16, seqLen: 128 }])
    for (const { values, config: made } of swept) expect(made).toEqual({ ...config, ...values })
  })

  it('is the config itself without axes', () => {
    expect(configsOf(config, [])).toEqual([{ values: {}, config }])
  })

  it('reaches into objects that are not there yet', () => {
    const [{ config: made }] = configsOf({ ...config, link: { bandwidthGBps: 1, latencyUs: 2 } }, [{ path: 'link.bandwidthGBps', values: [5] }])
    expect(made.link).toEqual({ bandwidthGBps: 5, latencyUs: 2 })
    expect(() => configsOf(config, [{ path: 'link.bandwidthGBps', values: [5] }])).toThrow('link.bandwidthGBps 5: link.latencyUs')
  })

  it('keeps as many key/value heads as heads where they were as many', () => {
    expect(configsOf(config, [{ path: 'heads', values: [2, 8] }]).map(({ config: made }) => made.kvHeads)).toEqual([2, 8])
    expect(configsOf({ ...config, kvHeads: 2 }, [{ path: 'heads', values: [2, 8] }]).map(({ config: made }) => made.kvHeads)).toEqual([2, 2])
  })

  it('names every combination that makes no config', () => {
    const attempt = (): void => { configsOf(config, [{ path: 'kvHeads', values: [1, 3] }, { path: 'heads', values: [4, 6, 8] }]) }
    expect(problemsOf(attempt)).toEqual(['kvHeads 3, heads 4: kvHeads', 'kvHeads 3, heads 8: kvHeads'])
  })

  it('refuses more combinations than anybody can wait for', () => {
    const values = Array.from({ length: 200 }, (_, at) => at + 1)
    expect(() => configsOf(config, [{ path: 'headDim', values }, { path: 'seed', values }])).toThrow('10000')
  })

  it('never changes what no axis names', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 512 }), fc.integer({ min: 0, max: 100 }), (headDim, seed) => {
      const [{ config: made }] = configsOf(config, [{ path: 'headDim', values: [headDim] }, { path: 'seed', values: [seed] }])
      expect({ ...made, headDim: 8, seed: 0 }).toEqual(config)
    }))
  })
})
