import { describe, expect, test } from 'vitest'
import { parseRunConfig } from '../../../../kernels/config/runConfig.ts'
import { planRun } from '../../../../kernels/plan/planRun.ts'
import type { RunProgress, RunResult } from '../../../../preload/contract/run.ts'
import type { RingSweepReport, SweepReport } from '../../../../preload/contract/sweep.ts'
import { planFigures } from '../../../planner/planReport.ts'
import { describeConfig } from './configLines.ts'
import { describeSteps, formatPlanReport } from './planReport.ts'
import { progressBar, runFraction } from './progress.ts'
import { formatRunReport } from './runReport.ts'
import { formatSweepReport } from './sweepReport.ts'

const config = parseRunConfig({ name: 'pair', world: 2, seqLen: 4096, heads: 4, headDim: 64 }, 'test')

const rank = (number: number): RunResult['ranks'][number] => ({
  rank: number, computeMs: 120.4, commMs: 8.25, overlapMs: 8, exposedMs: 0.25, waitPeerMs: 12, waitLinkMs: 0.2, idleMs: 13, flops: 4e9, gflops: 33.2,
})

const result: RunResult = {
  config,
  plan: { world: 2, shardTokens: 2048, paddedSeqLen: 4096, hops: 1, bytesPerHop: 4_194_304, traffic: [], ranks: [] },
  backend: 'wasm', device: 'relaxed-SIMD, 1 thread', transport: 'socket', modelled: false, warnings: ['more ranks than cores'],
  iterations: [{ iteration: 1, makespanMs: 133.4, overlapRatio: 0.97, idleFraction: 0.0975 }],
  makespanMs: 133.4, overlapRatio: 0.97, idleFraction: 0.0975,
  theory: { idleFraction: 0.000_122, hops: 1, bytesPerHop: 4_194_304, speedupOverContiguous: 1.5 },
  hops: 1, bytesPerHop: 4_194_304,
  traffic: [{ channel: 'kv', payload: 'kv', pass: 'forward', hops: 1, bytesPerHop: 4_194_304, theory: { hops: 1, bytesPerHop: 4_194_304 } }],
  ranks: [rank(0), rank(1)],
  verification: { checkedRows: 128, checkedGradRows: 0, maxAbsError: 2.4e-7, maxAbsGradError: null, tolerance: 1e-5, gradTolerance: null, passed: true },
  outputChecksum: 1, failure: null, tracePath: 'pair.json',
}

describe('the report of a run', () => {
  test('says what ran, theory beside measurement, every rank, warnings, verification, where the trace is', () => {
    const text = formatRunReport(result)
    for (const line of [
      /^pair$/m, /^2 ranks, zigzag, causal, overlap on; batch 1, 4,096 tokens, heads 4, head dimension 64, tiles 128 x 256$/m,
      /^backend wasm \(relaxed-SIMD, 1 thread\), transport socket$/m,
      /^idle fraction +9\.75 % +0\.0122 %$/m, /^forward +K\/V +1\.00 +1 +4\.00 MiB +4\.00 MiB$/m,
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
    const wrong = { checkedRows: 8, checkedGradRows: 0, maxAbsError: 0.5, maxAbsGradError: null, tolerance: 1e-5, gradTolerance: null, passed: false }
    expect(formatRunReport({ ...result, verification: wrong })).toMatch(/^verification FAILED: 8 rows .* largest error 5\.0e-1/m)
    const failure = { kind: 'crashed' as const, rank: 1, iteration: 2, step: 0, lastSpan: null, message: 'rank 1 was killed' }
    const text = formatRunReport({ ...result, iterations: [], ranks: [], verification: null, failure, tracePath: null })
    expect(text).toMatch(/^FAILED: rank 1 was killed$/m)
    expect(text).toContain('no iteration was measured')
    expect(text).toContain('verification: not done, the run ended early')
    expect(formatRunReport({ ...result, failure: { ...failure, kind: 'cancelled', message: 'stopped' } })).toMatch(/^CANCELLED: stopped$/m)
  })
})

describe('a backward pass in the report of a run', () => {
  const both = { ...config, pass: 'forward-backward' as const }
  const gradient = { channel: 'dkv' as const, payload: 'dkv' as const, pass: 'backward' as const, hops: 0.5, bytesPerHop: 0, theory: { hops: 1, bytesPerHop: 64 } }
  const verification = { checkedRows: 128, checkedGradRows: 96, maxAbsError: 2.4e-7, maxAbsGradError: 3.5e-6, tolerance: 1e-5, gradTolerance: 1e-4, passed: true }

  test('shows gradients apart: what travels and how far it is from float64', () => {
    const text = formatRunReport({ ...result, config: both, traffic: [...result.traffic, gradient], verification })
    expect(text).toMatch(/^backward +dK\/dV +0\.500 +1 +0 B +64\.0 B$/m)
    expect(text).toMatch(/^verification passed: .*; gradients: 96 rows, largest error 3\.5e-6 \(tolerance 1\.0e-4\)$/m)
  })

  test('says that a bfloat16 wire rounded, where anything travelled', () => {
    const line = (world: number): string => formatRunReport({ ...result, config: { ...config, world, wireDtype: 'bfloat16' } })
    expect(line(2)).toMatch(/^verification passed: .*; K\/V travelled as bfloat16$/m)
    expect(line(1)).not.toMatch(/travelled as/)
  })
})

describe('a config in words', () => {
  const line = (fields: object): string => describeConfig(parseRunConfig({ name: 'x', world: 4, seqLen: 4096, batch: 2, heads: 4, headDim: 64, ...fields }, 'test')).split('\n')[1]
  test.each([
    [{ algorithm: 'double-ring', window: 2 }, '4 ranks, double ring in windows of 2, zigzag, causal, overlap on'],
    [{ algorithm: 'hybrid', ulyssesDegree: 2, ringSets: 2 }, '4 ranks, Ulysses of 2 x ring, 2 ring sets, zigzag, causal, overlap on'],
    [{ layout: 'block-cyclic', cyclicWidth: 32, lookback: 1000 }, '4 ranks, block-cyclic by 32, causal, lookback 1,000, overlap on'],
    [{ mask: 'full', cuSeqlens: [0, 700, 4096], keyPadding: [4096, 9] }, '4 ranks, zigzag, full, 2 packed documents, key lengths 4,096 and 9, overlap on'],
    [{ algorithm: 'distflash', layout: 'contiguous', pass: 'forward-backward', wireDtype: 'bfloat16', overlap: false },
      '4 ranks, DistFlashAttention, contiguous, causal, forward and backward, bfloat16 wire, overlap off'],
  ])('%o', (fields, expected) => { expect(line(fields).split(';')[0]).toBe(expected) })
})

describe('the report of a plan', () => {
  const reportOf = (fields: object): string => {
    const planned = parseRunConfig({ name: 'x', world: 4, seqLen: 4096, heads: 4, headDim: 64, ...fields }, 'test')
    const plan = planRun(planned)
    return formatPlanReport(planFigures(planned, plan), plan)
  }

  test('has tiles beside exact pairs, memory beside its formula, and every kind of transfer', () => {
    const text = reportOf({ pass: 'forward-backward' })
    expect(text).toMatch(/^ +exact +in tiles of 128 x 256 +simulated$/m)
    expect(text).toMatch(/^idle fraction +0 % +\S+ % +\S+ %$/m)
    expect(text).toMatch(/^memory per rank +\S+ MiB/m)
    expect(text).toMatch(/^ +by the formula +\S+ MiB/m)
    // One K/V block: 2 x 4 heads x 1024 tokens x 64 x 4 bytes; the gradient makes as many hops as K/V.
    for (const what of ['forward +K/V', 'backward +K/V', 'backward +dK/dV']) expect(text).toMatch(new RegExp(`^${what} +3 +2\\.00 MiB$`, 'm'))
    expect(text).toMatch(/K\/V and gradient behind a backward step's from [\d,]+/)
    expect(text).toMatch(/^ +0 .* diagonal, second-half-q x3 +second-half-q x3, diagonal$/m)
  })

  test('says whom a rank helps, and where an all-to-all is', () => {
    expect(reportOf({ algorithm: 'distflash', layout: 'contiguous' })).toMatch(/^ +0 .*full for rank 3/m)
    const ulysses = reportOf({ algorithm: 'ulysses' })
    expect(ulysses).toMatch(/^ +0 .* all-to-all, diagonal, all-to-all$/m)
    expect(ulysses).toMatch(/^forward +Q, K, V, all-to-all +3 /m)
    // Nothing hides an all-to-all, however long the shards are.
    expect(ulysses).not.toContain('hides behind')
    expect(reportOf({ algorithm: 'hybrid', ulyssesDegree: 2 })).toMatch(/^a hop hides behind a step's compute from [\d,]+ tokens per rank$/m)
  })

  test('of one rank speaks of no hops', () => {
    expect(reportOf({ world: 1 })).not.toMatch(/hop|travels|NaN/)
  })
})

test('the report of a sweep lists the fastest cell first and names failures', () => {
  const cell = (blockQ: number, gflops: number, passed = true): SweepReport['cells'][number] =>
    ({
      blockQ, blockK: 64, values: {}, medianMs: 10 / gflops, madMs: 0.01, repeats: 5, noisy: false, reused: false, gflops, workingSetBytes: blockQ * 1024,
      fitsL2: true, maxAbsError: 1e-7, passed, limits: null, counters: null,
    })
  const report: SweepReport = {
    kind: 'tile', config, backend: 'wasm', device: 'one core', machine: { l1d: 49_152, l2: 2_097_152, l3: null }, axes: [], repeats: 5,
    cells: [cell(32, 10), cell(64, 30, false), cell(128, 20)],
    best: { blockQ: 128, blockK: 64, values: {}, gflops: 20 }, predictedBest: { blockQ: 32, blockK: 64, values: {}, speedOfBest: 0.5 }, peakGflops: 31,
    roofline: null, countersFrom: 'none here', reusedCells: 0, warnings: [],
  }
  const text = formatSweepReport(report)
  expect([...text.matchAll(/^ +(\d+) +64 /gm)].map((match) => match[1])).toEqual(['64', '128', '32'])
  expect(text).toContain('caches: L1d 48.0 KiB, L2 2.00 MiB, L3 -')
  expect(text).toContain('measured best: 128 x 64 at 20.0 GFLOP/s')
  expect(text).toContain('verification FAILED in 1 of 3 cells')
  expect(text).toContain('predicted best: 32 x 64, at 50.0 % of the best\'s speed')
  expect(text).toContain('counters: none here')
  expect(formatSweepReport({ ...report, predictedBest: null })).toContain('predicted best: none, every tile of this sweep takes more than 60 % of L2')
  expect(formatSweepReport({ ...report, predictedBest: null, machine: { ...report.machine, l2: null } }))
    .toContain('predicted best: unknown, the size of L2 is not known')
  expect(formatSweepReport({ ...report, warnings: ['measured otherwise'] })).toMatch(/^warning: measured otherwise$/m)

  const limits: SweepReport['cells'][number]['limits'] = {
    predictedMs: 1.5, dispatchShare: 0.1, cacheShare: 0.62, arithmeticShare: 0.28, limitedBy: 'cache', servedBy: 'l3', trafficBytes: 2 ** 30, gbps: 18,
  }
  const counters = { instructions: 3e9, cycles: 1e9, l1Misses: 4096, l2Misses: null, l3Misses: 7 }
  const explained = formatSweepReport({
    ...report, reusedCells: 1, axes: [{ path: 'headDim', values: [32] }],
    roofline: { peakGflops: 90, levels: [{ level: 'l1', bufferBytes: 1, gbps: 100 }], dispatchUs: 0.1, gexps: 1, build: 'relaxed' },
    cells: [{ ...cell(32, 10), values: { headDim: 32 }, noisy: true, reused: true, limits, counters }],
    best: { blockQ: 32, blockK: 64, values: { headDim: 32 }, gflops: 10 },
  })
  expect(explained).toContain('cache 62 %, arithmetic 28 %, dispatch 10 %; 1.00 GiB from L3 at 18.0 GB/s')
  expect(explained).toContain('noisy, reused')
  expect(explained).toContain('measured best: 32 x 64, headDim 32 at 10.0 GFLOP/s')
  expect(explained).toContain('roofline of one core: 90.0 GFLOP/s multiply-adds, L1 100 GB/s')
  expect(explained).toMatch(/32 x 64, headDim 32 +3,000,000,000 +1,000,000,000 +3\.00 +4,096 +- +7$/m)
  expect(explained).toContain('1 of 1 cells are from earlier sweeps')
})

test('the report of a sweep of rings says what was hidden, and what the formula says', () => {
  const report: RingSweepReport = {
    kind: 'ring', config, backend: 'modelled', device: 'waits', modelled: true, axes: [{ path: 'seqLen', values: [256, 512] }], repeats: 2,
    cells: [256, 512].map((seqLen) => ({
      values: { seqLen }, shardTokens: seqLen / 2, medianMs: 2, madMs: 0.01, repeats: 8, noisy: false, reused: seqLen === 512, overlapRatio: 0.5, idleFraction: 0.1,
      exposedMs: 0.2, waitLinkMs: 0.1, waitPeerMs: 0, hopMs: 0.4, stepComputeMs: 0.8, hidden: seqLen === 512, tokensPerSecond: seqLen * 500,
      maxAbsError: null, passed: null, predictedMs: seqLen === 512 ? 1.9 : null,
    })),
    best: { values: { seqLen: 512 }, tokensPerSecond: 256_000 }, hideThreshold: { measuredShardTokens: 256, predictedShardTokens: 200 },
    reusedCells: 1, warnings: ['two ranks, one core'],
  }
  const text = formatSweepReport(report)
  expect(text).toContain('(modelled: arithmetic is waited for, not done)')
  expect(text).toMatch(/^ +256 +128 +2\.00 ms .* no +not checked$/m)
  expect(text).toMatch(/^ +512 +256 +2\.00 ms .* 1\.90 ms .* yes +not checked +reused$/m)
  expect(text).toContain('most tokens a second: seqLen 512, 256,000')
  expect(text).toContain('hops are hidden from 256 tokens per rank; the formula says 200')
  expect(text).toContain('warning: two ranks, one core')
  expect(formatSweepReport({ ...report, hideThreshold: { measuredShardTokens: null, predictedShardTokens: 900 } })).toContain('more tokens per rank than were measured')
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
