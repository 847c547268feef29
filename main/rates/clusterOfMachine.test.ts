import { describe, expect, test } from 'vitest'
import { parseRunConfig, type RunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import { clusterModel } from '../../preload/contract/simulation.ts'
import { clusterOfMachine } from './clusterOfMachine.ts'
import { RatesMissingError } from './errors.ts'
import type { RatesNeeded } from './measureRates.ts'
import { someAttention, someRates, someRing } from './testRates.ts'

const configOf = (fields: Partial<RunConfigInput> = {}): RunConfig =>
  parseRunConfig({ world: 2, seqLen: 4096, heads: 4, headDim: 64, backend: 'wasm', ...fields }, 'a test')

const shape = { backend: 'wasm', headDim: 64, heads: 4, kvHeads: 4, blockQ: 128, blockK: 256, processes: 2 } as const
const computing: RatesNeeded = { shape, transport: 'shared-memory', ring: { backend: 'wasm', world: 2, linkBound: false }, backward: false }
const waiting: RatesNeeded = { shape: null, transport: 'shared-memory', ring: { backend: 'modelled', world: 8, linkBound: false }, backward: false }

describe('the model of a config on this machine', () => {
  test('is its blocks, its ring and its hops as measured', () => {
    const cluster = clusterOfMachine(configOf(), someRates(), computing)
    expect(cluster).toMatchObject({
      device: { forwardGflops: 40, blockOverheadUs: 5, rowNs: 30, tile: { blockQ: 8, blockK: 1 } },
      intra: { bandwidthGBps: 3, latencyUs: 100 }, inter: null, elementBytes: null,
      runtime: { stepUs: 200, rendezvousUs: 500, jitter: { step: 0.5 } },
    })
    expect(clusterModel.parse(cluster)).toEqual(cluster)
  })

  test('takes turns where ranks outnumber the cores that they were measured on', () => {
    const { device } = clusterOfMachine(configOf({ world: 8 }), someRates(), computing)
    expect(device).toMatchObject({ forwardGflops: 10, blockOverheadUs: 20, rowNs: 120 })
  })

  test('has the link that the config emulates, and windows of a double ring joined by a second one', () => {
    const link = { bandwidthGBps: 0.1, latencyUs: 70 }
    const cluster = clusterOfMachine(configOf({ link, algorithm: 'double-ring', window: 1 }), someRates(), computing)
    expect(cluster).toMatchObject({ intra: link, inter: link, ranksPerNode: 1, runtime: { rendezvousUs: 500 } })
  })

  test('computes at the config\'s rate where compute is modelled, with nothing around a block but what threads add', () => {
    const rates = someRates({ rings: [someRing({ backend: 'modelled', world: 8, stepUs: 150, startRowNs: 0, finishRowNs: 0 })] })
    const cluster = clusterOfMachine(configOf({ world: 8, backend: 'modelled', model: { gflops: 12 } }), rates, waiting)
    expect(cluster).toMatchObject({
      device: { forwardGflops: 12, backwardGflops: 12, blockOverheadUs: 0, rowNs: 0, tile: null }, runtime: { stepUs: 150, finishRowNs: 0 },
    })
  })

  test('of one rank has nothing to wait for', () => {
    const cluster = clusterOfMachine(configOf({ world: 1 }), someRates({ rings: [], attention: [someAttention({ processes: 1 })] }),
      { ...computing, shape: { ...shape, processes: 1 }, ring: { backend: 'wasm', world: 1, linkBound: false } })
    expect(cluster.intra).toBeNull()
    expect(cluster).not.toHaveProperty('runtime')
  })

  test('is refused where something of it was not measured', () => {
    expect(() => clusterOfMachine(configOf(), someRates({ attention: [someAttention({ headDim: 128 })] }), computing)).toThrow(RatesMissingError)
    expect(() => clusterOfMachine(configOf(), someRates({ rings: [] }), computing)).toThrow(/ring of 2 ranks on wasm over shared-memory/)
    expect(() => clusterOfMachine(configOf({ world: 8 }), someRates(), waiting)).toThrow(RatesMissingError)
  })
})
