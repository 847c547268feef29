import type { RunConfig } from '../../preload/contract/config.ts'
import type { Roofline } from '../../preload/contract/rates.ts'
import type { CellLimits, RingCell, RingSweepReport, SweepCell, SweepProgress, SweepReport } from '../../preload/contract/sweep.ts'

// Sweeps as they cross the bridge, for tests.

const CONFIG = { name: 'test', world: 4, seqLen: 4096 } as unknown as RunConfig

export const ROOFLINE: Roofline = {
  peakGflops: 50, dispatchUs: 0.2, gexps: 0.5, build: 'relaxed SIMD',
  levels: [
    { level: 'l1', bufferBytes: 16_384, gbps: 200 }, { level: 'l2', bufferBytes: 1 << 20, gbps: 80 },
    { level: 'l3', bufferBytes: 1 << 24, gbps: 25 }, { level: 'memory', bufferBytes: 1 << 28, gbps: 10 },
  ],
}

export const limits = (change: Partial<CellLimits> = {}): CellLimits => ({
  predictedMs: 1, dispatchShare: 0.1, cacheShare: 0.3, arithmeticShare: 0.6, limitedBy: 'arithmetic', servedBy: 'l2', trafficBytes: 1e6, gbps: 80, ...change,
})

export const tileCell = (blockQ: number, blockK: number, gflops: number, change: Partial<SweepCell> = {}): SweepCell => ({
  blockQ, blockK, values: {}, gflops, medianMs: 1, madMs: 0.02, repeats: 5, noisy: false, reused: false, workingSetBytes: blockQ * blockK * 4, fitsL2: true,
  maxAbsError: 1e-6, passed: true, limits: null, counters: null, ...change,
})

export const tileReport = (cells: readonly SweepCell[], change: Partial<SweepReport> = {}): SweepReport => ({
  kind: 'tile', config: CONFIG, backend: 'wasm', device: 'a processor', machine: { l1d: 32 << 10, l2: 1 << 20, l3: 32 << 20 }, axes: [], repeats: 5, cells,
  best: cells.reduce((a, b) => (b.gflops > a.gflops ? b : a)), predictedBest: null, peakGflops: 45, roofline: null, countersFrom: 'none', reusedCells: 0, warnings: [], ...change,
})

export const ringCellOf = (shardTokens: number, change: Partial<RingCell> = {}): RingCell => ({
  values: { seqLen: shardTokens * 4 }, shardTokens, medianMs: shardTokens / 10, madMs: 0.1, repeats: 3, noisy: false, reused: false, overlapRatio: 0.9, idleFraction: 0.1,
  exposedMs: 0.5, waitLinkMs: 0.2, waitPeerMs: 0.1, hopMs: shardTokens / 100, stepComputeMs: shardTokens ** 2 / 10_000, hidden: shardTokens >= 256, tokensPerSecond: 40_000,
  maxAbsError: 1e-6, passed: true, predictedMs: shardTokens / 10 * 1.05, ...change,
})

export const ringReport = (cells: readonly RingCell[], change: Partial<RingSweepReport> = {}): RingSweepReport => ({
  kind: 'ring', config: CONFIG, backend: 'wasm', device: 'a processor', modelled: false, axes: [{ path: 'seqLen', values: cells.map(({ values }) => values['seqLen']) }], repeats: 3,
  cells, best: cells[0], hideThreshold: { measuredShardTokens: 256, predictedShardTokens: 190 }, reusedCells: 0, warnings: [], ...change,
})

export const progressOf = (change: Partial<SweepProgress> = {}): SweepProgress => ({
  sweepId: 'sweep-1', kind: 'tile', axes: [{ path: 'blockQ', values: [32, 64] }, { path: 'blockK', values: [64, 128] }], done: 3, total: 10, paused: false, secondsLeft: 7.2,
  cells: [tileCell(32, 64, 30)], ringCells: [], ...change,
})
