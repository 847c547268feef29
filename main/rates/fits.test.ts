import { describe, expect, test } from 'vitest'
import { parseRunConfig, type RunConfigInput } from '../../kernels/config/runConfig.ts'
import type { AttentionShape } from '../../preload/contract/rates.ts'
import type { ClusterModel } from '../../preload/contract/simulation.ts'
import { simulate } from '../simulator/simulate.ts'
import { blockDeviation, type CalibrationRun, fitAttention, fitRing, fitTransport, usual } from './fits.ts'
import { ringSamples } from './ringSamples.ts'

const SHAPE: AttentionShape = { backend: 'wasm', headDim: 16, heads: 4, kvHeads: 2, blockQ: 32, blockK: 64, processes: 2 }
const DEVICE: ClusterModel['device'] = { forwardGflops: 40, backwardGflops: 30, blockOverheadUs: 25, rowNs: 50, tile: null, memoryBytes: null }
const RUNTIME = { stepUs: 100, startUs: 300, startRowNs: 20, finishRowNs: 30, rendezvousUs: 500 } as const
const KINDS = [{ layout: 'contiguous', mask: 'full' }, { layout: 'zigzag', mask: 'causal' }, { layout: 'striped', mask: 'causal' }] as const

/** Simulated runs of a machine that is known, taken apart as real ones are. */
function runsOf(device: ClusterModel['device'], fields: Partial<RunConfigInput> = {}): CalibrationRun[] {
  const cluster: ClusterModel = {
    label: 'a machine', device, elementBytes: null, intra: { bandwidthGBps: 2, latencyUs: 150 }, inter: null, ranksPerNode: null, runtime: RUNTIME,
  }
  return [256, 512, 1024].flatMap((shard) => KINDS.map((kind) => {
    const { heads, kvHeads, headDim, blockQ, blockK } = SHAPE
    const config = parseRunConfig({ world: 2, seqLen: 2 * shard, heads, kvHeads, headDim, blockQ, blockK, ...kind, ...fields }, 'a test')
    return { config, samples: ringSamples(simulate(config, cluster)) }
  }))
}

describe('the rates of blocks', () => {
  test('are found again in runs of both passes', () => {
    const rate = fitAttention(SHAPE, runsOf(DEVICE, { pass: 'forward-backward' }))
    expect(rate).toMatchObject({ ...SHAPE, tile: null })
    expect(rate.forwardGflops).toBeCloseTo(40, 2)
    expect(rate.backwardGflops).toBeCloseTo(30, 2)
    expect(rate.blockOverheadUs).toBeCloseTo(25, 1)
    expect(rate.rowNs).toBeCloseTo(50, 1)
    expect(rate.fitError).toBeLessThan(1e-3)
  })

  test('know nothing of a backward pass that was not run', () => {
    const rate = fitAttention(SHAPE, runsOf(DEVICE))
    expect(rate.forwardGflops).toBeCloseTo(40, 2)
    expect(rate.backwardGflops).toBeNull()
  })

  test.each([{ blockQ: 8, blockK: 1 }, { blockQ: 32, blockK: 64 }])('tell that a kernel computes tiles of $blockQ x $blockK', (tile) => {
    const rate = fitAttention(SHAPE, runsOf({ ...DEVICE, tile }))
    expect(rate.tile).toEqual(tile)
    expect(rate.forwardGflops).toBeCloseTo(40, 2)
  })
})

describe('what a ring adds', () => {
  test('is found again', () => {
    const ring = fitRing({ backend: 'wasm', transport: 'shared-memory', world: 2, linkBound: false }, runsOf(DEVICE))
    expect(ring.stepUs).toBeCloseTo(100, 1)
    expect(ring.startUs).toBeCloseTo(300, 1)
    expect(ring.startRowNs).toBeCloseTo(20, 2)
    expect(ring.finishRowNs).toBeCloseTo(30, 1)
    expect(ring.rendezvousUs).toBeCloseTo(500, 1)
    expect(ring.bandwidthGBps).toBeCloseTo(2, 3)
    expect(ring.latencyUs).toBeCloseTo(150, 1)
    expect(ring.fitError).toBeLessThan(1e-3)
    for (const deviation of Object.values(ring.jitter)) expect(deviation).toBeLessThan(1e-3)
  })

  test('is the same link whatever the dtype on the wire', () => {
    const transport = fitTransport('socket', runsOf(DEVICE, { wireDtype: 'bfloat16' }))
    expect(transport.bandwidthGBps).toBeCloseTo(2, 3)
    expect(transport.latencyUs).toBeCloseTo(150, 1)
  })
})

test('what is usual is not what happens when the machine does other things too', () => {
  const values = Array.from({ length: 38 }, (_, at) => 9 + at % 3)
  const { level, deviation } = usual([...values, 5000, 9000])
  expect(level).toBe(10)
  expect(deviation).toBeCloseTo(0.148, 2)
  expect(usual([])).toEqual({ level: 0, deviation: 0 })
})

test('blocks scatter as long ones do: short ones are disturbed in larger proportion', () => {
  const [run] = runsOf(DEVICE)
  const block = { rank: 0, pass: 'forward' } as const
  const long = [98e6, 99e6, 100e6, 101e6, 102e6].map((durationNs) => ({ ...block, step: 0, durationNs }))
  const short = [1e5, 2e5, 3e5, 9e5, 10e5].map((durationNs) => ({ ...block, step: 1, durationNs }))
  expect(blockDeviation([{ ...run, samples: { ...run.samples, blocks: [...long, ...short] } }])).toBeCloseTo(0.0148, 3)
  expect(blockDeviation([{ ...run, samples: { ...run.samples, blocks: [] } }])).toBe(0)
})
