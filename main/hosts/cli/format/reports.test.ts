import { describe, expect, test } from 'vitest'
import { parseRunConfig } from '../../../../kernels/config/runConfig.ts'
import type { RunProgress, RunResult } from '../../../../preload/contract/run.ts'
import type { SweepReport } from '../../../../preload/contract/sweep.ts'
import { describeSteps } from './planReport.ts'
import { progressBar, runFraction } from './progress.ts'
import { formatRunReport } from './runReport.ts'
import { formatSweepReport } from './sweepReport.ts'

const config = parseRunConfig({ name: 'pair', world: 2, seqLen: 4096, heads: 4, headDim: 64 }, 'test')

const rank = (number: number): RunResult['ranks'][number] => ({
  rank: number, computeMs: 120.4, commMs: 8.25, overlapMs: 8, exposedMs: 0.25, waitPeerMs: 12, waitLinkMs: 0.2, idleMs: 13, flops: 4e9, gflops: 33.2,
})

const result: RunResult = {
  config,
  plan: { world: 2, shardTokens: 2048, paddedSeqLen: 4096, hops: 1, bytesPerHop: 4_194_304, ranks: [] },
  backend: 'wasm', device: 'relaxed-SIMD, 1 thread', transport: 'socket', modelled: false, warnings: ['more ranks than cores'],
  iterations: [{ iteration: 1, makespanMs: 133.4, overlapRatio: 0.97, idleFraction: 0.0975 }],
  makespanMs: 133.4, overlapRatio: 0.97, idleFraction: 0.0975,
  theory: { idleFraction: 0.000_122, hops: 1, bytesPerHop: 4_194_304, speedupOverContiguous: 1.5 },
  hops: 1, bytesPerHop: 4_194_304, ranks: [rank(0), rank(1)],
  verification: { checkedRows: 128, maxAbsError: 2.4e-7, maxAbsGradError: null, tolerance: 1e-5, passed: true },
  outputChecksum: 1, failure: null, tracePath: 'pair.json',
}

describe('the report of a run', () => {
  test('says what ran, theory beside measurement, every rank, warnings, verification, where the trace is', () => {
    const text = formatRunReport(result)
    for (const line of [
      /^pair$/m, /^2 ranks, zigzag, causal, overlap on; batch 1, 4,096 tokens, heads 4, head dimension 64, tiles 128 x 256$/m,
      /^backend wasm \(relaxed-SIMD, 1 thread\), transport socket$/m,
      /^idle fraction +9\.75 % +0\.0122 %$/m, /^bytes per hop +4\.00 MiB +4\.00 MiB$/m,
      /^ +measured +theory$/m, /^totals over 1 iteration$/m,
      /^ +1 +120 ms +8\.25 ms +8\.00 ms +250 µs +12\.0 ms +200 µs +13\.0 ms +33\.2 GFLOP\/s$/m,
      /^verification passed: 128 rows against float64, largest error 2\.4e-7 \(tolerance 1\.0e-5\)$/m,
      /^warning: more ranks than cores$/m, /^trace saved to pair\.json$/m,
    ]) expect(text).toMatch(line)
    expect(text).not.toMatch(/MODELLED|EMULATED|FAILED|undefined|NaN/)
  })

  test('modelled and emulated conditions stand out', () => {
    const emulated = { ...config, backend: 'modelled' as const, model: { gflops: 20 }, link: { bandwidthGBps: 0.2, latencyUs: 50 }, stragglers: { 1: 1.8 } }
    const text = formatRunReport({ ...result, config: emulated, modelled: true, verification: null })
    expect(text).toMatch(/^ +modelled +theory$/m)
    expect(text).toMatch(/^MODELLED: .* at 20\.0 GFLOP\/s a rank/m)
    expect(text).toMatch(/^EMULATED LINK: 0\.200 GB\/s, 50\.0 µs latency$/m)
    expect(text).toMatch(/^EMULATED STRAGGLERS: rank 1 x1\.80$/m)
    expect(text).toContain('verification: not done, the modelled backend computes nothing')
  })

  test('wrong results and early ends are said in capitals', () => {
    const wrong = { checkedRows: 8, maxAbsError: 0.5, maxAbsGradError: null, tolerance: 1e-5, passed: false }
    expect(formatRunReport({ ...result, verification: wrong })).toMatch(/^verification FAILED: 8 rows .* largest error 5\.0e-1/m)
    const failure = { kind: 'crashed' as const, rank: 1, iteration: 2, step: 0, lastSpan: null, message: 'rank 1 was killed' }
    const text = formatRunReport({ ...result, iterations: [], ranks: [], verification: null, failure, tracePath: null })
    expect(text).toMatch(/^FAILED: rank 1 was killed$/m)
    expect(text).toContain('no iteration was measured')
    expect(text).toContain('verification: not done, the run ended early')
    expect(formatRunReport({ ...result, failure: { ...failure, kind: 'cancelled', message: 'stopped' } })).toMatch(/^CANCELLED: stopped$/m)
  })
})

test('the report of a sweep lists the fastest cell first and names failures', () => {
  const cell = (blockQ: number, gflops: number, passed = true): SweepReport['cells'][number] =>
    ({ blockQ, blockK: 64, medianMs: 10 / gflops, madMs: 0.01, gflops, workingSetBytes: blockQ * 1024, fitsL2: true, maxAbsError: 1e-7, passed })
  const report: SweepReport = {
    config, backend: 'wasm', machine: { l1d: 49_152, l2: 2_097_152, l3: null }, repeats: 5,
    cells: [cell(32, 10), cell(64, 30, false), cell(128, 20)],
    best: { blockQ: 128, blockK: 64, gflops: 20 }, predictedBest: { blockQ: 128, blockK: 64 }, peakGflops: 31,
  }
  const text = formatSweepReport(report)
  expect([...text.matchAll(/^ +(\d+) +64 /gm)].map((match) => match[1])).toEqual(['64', '128', '32'])
  expect(text).toContain('caches: L1d 48.0 KiB, L2 2.00 MiB, L3 -')
  expect(text).toContain('measured best: 128 x 64 at 20.0 GFLOP/s')
  expect(text).toContain('verification FAILED in 1 of 3 cells')
  expect(text).toContain('predicted best: 128 x 64, the largest tile within 60 % of L2')
  expect(formatSweepReport({ ...report, predictedBest: null })).toContain('predicted best: none, every tile of this sweep takes more than 60 % of L2')
  expect(formatSweepReport({ ...report, predictedBest: null, machine: { ...report.machine, l2: null } }))
    .toContain('predicted best: unknown, this machine does not tell its L2 size')
  expect(formatSweepReport({ ...report, warnings: ['measured otherwise'] })).toMatch(/^warning: measured otherwise$/m)
})

test('a rank\'s steps are counted in runs', () => {
  expect(describeSteps(['diagonal', 'full', 'full', 'skip', 'full'])).toBe('diagonal, full x2, skip, full')
  expect(describeSteps([])).toBe('')
})

test('a run is as far as its slowest rank, over warm-up and measured iterations together', () => {
  const rankAt = (number: number, iteration: number, step: number): RunProgress['ranks'][number] => ({ rank: number, iteration, step, state: 'computing' })
  expect(runFraction({ iterations: 4, ranks: [] }, 2)).toBe(0)
  expect(runFraction({ iterations: 4, ranks: [rankAt(0, 3, 0), rankAt(1, 2, 1)] }, 2)).toBe(0.625)
  expect(runFraction({ iterations: 4, ranks: [rankAt(0, 4, 1), rankAt(1, 4, 0)] }, 2)).toBe(1)
})

test('a progress bar is as long at every moment', () => {
  expect(progressBar(0, 'x')).toBe('[------------------------]   0 %  x')
  expect(progressBar(0.5, 'x')).toBe('[############------------]  50 %  x')
  expect(progressBar(1, 'x')).toBe('[########################] 100 %  x')
})
