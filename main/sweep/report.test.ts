import { describe, expect, it } from 'vitest'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import { workingSetBytes } from '../../kernels/sweep/workingSet.ts'
import type { CellLimits } from '../../preload/contract/sweep.ts'
import { cellOf, measuredCell, type MeasuredCell, type PlannedCell, predictBest, sweepReport, type SweepFacts } from './report.ts'

const config = parseRunConfig({ world: 1, seqLen: 4096, heads: 1, headDim: 64 }, 'test')
const shapeOf = (blockQ: number, blockK: number): PlannedCell['shape'] => ({ batch: 1, heads: 1, kvHeads: 1, headDim: 64, tokens: 4096, blockQ, blockK })
const limits = (predictedMs: number): CellLimits => ({
  predictedMs, dispatchShare: 0.2, cacheShare: 0, arithmeticShare: 0.8, limitedBy: 'arithmetic', servedBy: 'l2', trafficBytes: 1, gbps: 1,
})
const planned = (blockQ: number, blockK: number, predictedMs: number | null = null, values = {}): PlannedCell =>
  ({ blockQ, blockK, values, config, shape: shapeOf(blockQ, blockK), limits: predictedMs === null ? null : limits(predictedMs) })
const measured = (durationsMs: number[], flops = 10e6, passed = true): MeasuredCell =>
  measuredCell(durationsMs.map((ms) => ms * 1e6), { flops, maxAbsError: 1e-7, passed })
const facts = (parts: Partial<SweepFacts> = {}): SweepFacts => ({
  config, backend: 'wasm', device: 'a device', machine: { l1d: 32768, l2: 2 ** 20, l3: null }, axes: [], repeats: 3, roofline: null,
  countersFrom: 'nowhere', warnings: ['said'], ...parts,
})

describe('cellOf', () => {
  it('is the median, its spread, the rate at the median and what the model says', () => {
    expect(cellOf(planned(64, 128, 4, { headDim: 64 }), measured([4, 5, 9]), facts())).toEqual({
      blockQ: 64, blockK: 128, values: { headDim: 64 }, medianMs: 5, madMs: 1, repeats: 3, noisy: true, reused: false, gflops: 2,
      maxAbsError: 1e-7, passed: true, fitsL2: true, workingSetBytes: workingSetBytes('wasm', shapeOf(64, 128)), limits: limits(4), counters: null,
    })
  })

  it('says whether it fits L2, where that is known', () => {
    expect(cellOf(planned(4096, 4096), measured([1]), facts()).fitsL2).toBe(false)
    expect(cellOf(planned(4096, 4096), measured([1]), facts({ machine: { l1d: null, l2: null, l3: null } })).fitsL2).toBeNull()
  })
})

describe('predictBest', () => {
  const grid = [planned(64, 64), planned(128, 256), planned(2048, 2048)]
  const flops = [1, 1, 1]

  it('is the tile with the least predicted time, or the highest rate where shapes differ', () => {
    const cells = [planned(64, 64, 3), planned(128, 256, 2), planned(2048, 2048, 2.5)]
    expect(predictBest(cells, flops, 'wasm', null)).toBe(cells[1])
    expect(predictBest(cells, [1, 1, 2], 'wasm', null)).toBe(cells[2])
  })

  it('is of those that are as good as each other the one that asks least of its caches', () => {
    const cells = [10, 2, 5].map((trafficBytes, at): PlannedCell => ({ ...planned(64, 64 + at), limits: { ...limits(2 + at / 1000), trafficBytes } }))
    expect(predictBest(cells, flops, 'wasm', null)).toBe(cells[1])
  })

  it('without a model is the largest tile within 60 % of L2', () => {
    expect(predictBest(grid, flops, 'tensorflow', 2 ** 20)).toBe(grid[1])
    expect(predictBest(grid, flops, 'tensorflow', 2 ** 27)).toBe(grid[2])
    expect(predictBest(grid, flops, 'tensorflow', 1024)).toBeNull()
    expect(predictBest(grid, flops, 'tensorflow', null)).toBeNull()
  })
})

describe('sweepReport', () => {
  const cells = [planned(64, 64), planned(128, 256), planned(2048, 2048)]
  const all = [measured([10, 11, 12], 60e6), measured([5, 6, 7], 60e6), measured([3, 8, 8], 60e6)]

  it('has the fastest median as best, the fastest single repeat as peak, and what was said on the way', () => {
    const report = sweepReport(cells, all, null, facts())
    expect(report.best).toEqual({ blockQ: 128, blockK: 256, values: {}, gflops: 10 })
    expect(report.peakGflops).toBe(20)
    expect(report).toMatchObject({ kind: 'tile', backend: 'wasm', device: 'a device', repeats: 3, warnings: ['said'], predictedBest: null, reusedCells: 0 })
  })

  it('says how fast the predicted tile is, where it was measured', () => {
    expect(sweepReport(cells, all, cells[2], facts()).predictedBest).toEqual({ blockQ: 2048, blockK: 2048, values: {}, speedOfBest: 0.75 })
    expect(sweepReport(cells, [all[0], all[1], null], cells[2], facts()).predictedBest).toMatchObject({ speedOfBest: null })
  })

  it('never calls a wrong tile the best while another is right', () => {
    const report = sweepReport(cells.slice(0, 2), [measured([10]), measured([5], 10e6, false)], null, facts())
    expect(report.cells.map(({ passed }) => passed)).toEqual([true, false])
    expect(report.best).toMatchObject({ blockQ: 64, blockK: 64 })
  })

  it('has the cells that a cancelled sweep came to, and is none without any', () => {
    expect(sweepReport(cells, [all[0], null, null], null, facts()).cells).toHaveLength(1)
    expect(() => sweepReport(cells, [null, null, null], null, facts())).toThrow(RangeError)
  })

  it('compares cells of different shapes by their rates', () => {
    const swept = [planned(64, 64, null, { seqLen: 1024 }), planned(64, 64, null, { seqLen: 2048 })]
    expect(sweepReport(swept, [measured([1], 10e6), measured([3], 40e6)], swept[0], facts())).toMatchObject({
      best: { values: { seqLen: 2048 } }, predictedBest: { values: { seqLen: 1024 }, speedOfBest: 0.75 },
    })
  })

  it('counts what earlier sweeps knew', () => {
    const reused = { ...all[0], spread: { ...all[0].spread, reused: true } }
    expect(sweepReport(cells, [reused, all[1], all[2]], null, facts()).reusedCells).toBe(1)
  })
})
