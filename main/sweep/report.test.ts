import { describe, expect, it } from 'vitest'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { workingSetBytes } from '../../kernels/sweep/workingSet.ts'
import { cellOf, sweepReport, type SweepFacts, type TileMeasurements } from './report.ts'

const config = parseRunConfig({ world: 1, seqLen: 4096, heads: 1, headDim: 64 }, 'test')
const shape = { batch: 1, heads: 1, kvHeads: 1, headDim: 64, tokens: 4096 }
const facts = (l2: number | null = 2 ** 20): SweepFacts => ({
  config, backend: 'wasm', shape, machine: { l1d: 32768, l2, l3: null }, repeats: 3, tolerance: 1e-5, warnings: ['said'],
})
const measured = (blockQ: number, blockK: number, durationsMs: number[], maxAbsError: number | null = 1e-7): TileMeasurements =>
  ({ tile: { blockQ, blockK }, maxAbsError, durationsNs: durationsMs.map((ms) => ms * 1e6) })

describe('cellOf', () => {
  it('is the median, its spread and the rate at the median', () => {
    expect(cellOf(measured(64, 128, [4, 5, 9]), 10e6, facts())).toEqual({
      blockQ: 64, blockK: 128, medianMs: 5, madMs: 1, gflops: 2, maxAbsError: 1e-7, passed: true, fitsL2: true,
      workingSetBytes: workingSetBytes('wasm', { ...shape, blockQ: 64, blockK: 128 }),
    })
  })

  it('does not exist before the first repeat', () => {
    expect(cellOf(measured(64, 64, []), 1, facts())).toBeUndefined()
    expect(cellOf(measured(64, 64, [], null), 1, facts())).toBeUndefined()
  })

  it('says whether it fits L2, where that is known', () => {
    expect(cellOf(measured(4096, 4096, [1]), 1, facts())?.fitsL2).toBe(false)
    expect(cellOf(measured(4096, 4096, [1]), 1, facts(null))?.fitsL2).toBeNull()
  })
})

describe('sweepReport', () => {
  const measurements = [measured(64, 64, [10, 11, 12]), measured(128, 256, [5, 6, 7]), measured(2048, 2048, [3, 8, 8])]

  it('has the fastest median as best, the fastest single repeat as peak, and what was said on the way', () => {
    const report = sweepReport(measurements, 60e6, 'a device', facts())
    expect(report.best).toEqual({ blockQ: 128, blockK: 256, gflops: 10 })
    expect(report.peakGflops).toBe(20)
    expect(report).toMatchObject({ backend: 'wasm', device: 'a device', repeats: 3, warnings: ['said'] })
  })

  it('predicts the largest tile within 60 % of L2', () => {
    expect(sweepReport(measurements, 1, '', facts()).predictedBest).toEqual({ blockQ: 128, blockK: 256 })
    expect(sweepReport(measurements, 1, '', facts(2 ** 26)).predictedBest).toEqual({ blockQ: 2048, blockK: 2048 })
    expect(sweepReport(measurements, 1, '', facts(1024)).predictedBest).toBeNull()
    expect(sweepReport(measurements, 1, '', facts(null)).predictedBest).toBeNull()
  })

  it('never calls a wrong tile the best while another is right', () => {
    const wrong = [measured(64, 64, [10]), measured(128, 256, [5], 1e-3)]
    const report = sweepReport(wrong, 1e6, '', facts())
    expect(report.cells.map(({ passed }) => passed)).toEqual([true, false])
    expect(report.best).toMatchObject({ blockQ: 64, blockK: 64 })
  })

  it('refuses a tile that was never measured', () => {
    expect(() => sweepReport([measured(8, 8, [])], 1, '', facts())).toThrow(RangeError)
  })
})
