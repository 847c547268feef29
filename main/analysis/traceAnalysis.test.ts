import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import type { StepCell, TraceAnalysis } from '../../preload/contract/analysis.ts'
import { ringTrace, type RingTrace, type RingTraceOptions } from '../comm/testing/ringTrace.ts'
import { simulateRing } from '../simulator/testSimulation.ts'
import { openTraces } from '../traces/open/openTraces.ts'
import { findingOf } from './finding.ts'
import { ringOf } from './testing.ts'
import { analyzeTimeline } from './traceAnalysis.ts'

const analysisOf = (options: Partial<RingTraceOptions>, keep?: (rank: number) => boolean): { analysis: TraceAnalysis; truth: RingTrace['truth'] } => {
  const { timeline, truth } = ringOf(options, keep)
  return { analysis: analyzeTimeline(timeline), truth }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** A cell's figures against the means over the true passes of its direction, in µs. */
function expectSteps(steps: readonly StepCell[], truth: RingTrace['truth'], digits: number): void {
  const forward = truth.passes.filter(({ pass }) => pass === 'forward')
  const backward = truth.passes.filter(({ pass }) => pass === 'backward')
  const { world } = truth
  const stepsBefore = forward.length > 0 ? world : 0
  expect(steps).toHaveLength(world * (stepsBefore + (backward.length > 0 ? world : 0)))
  for (const { rank, step, computeUs, waitPeerUs, transferUs } of steps) {
    const own = (step < stepsBefore ? forward : backward).map(({ steps: all }) => all[step % world])
    const position = truth.ranks.findIndex((each) => each.rank === rank)
    expect(computeUs).toBeCloseTo(mean(own.map(({ computeNs }) => computeNs[position])) / 1000, digits)
    expect(waitPeerUs).toBeCloseTo(mean(own.map(({ waitNs }) => waitNs[position])) / 1000, digits)
    expect(transferUs).toBeCloseTo(mean(own.map(({ transferNs }) => transferNs[position])) / 1000, digits)
  }
}

describe('a ring with known truth', () => {
  test.each(['contiguous', 'zigzag'] as const)('%s: times per rank and step, backward after forward', (layout) => {
    const { analysis, truth } = analysisOf({ layout })
    expectSteps(analysis.steps, truth, 3)
    for (const cell of analysis.steps) {
      expect(cell.exposedUs).toBeLessThanOrEqual(cell.transferUs)
      expect(cell.waitLinkUs).toBe(cell.exposedUs)
      expect(cell.idleUs).toBeGreaterThanOrEqual(0)
    }
  })

  test('totals per rank, point-to-point apart from collectives', () => {
    const { analysis: { ranks }, truth } = analysisOf({ layout: 'striped', world: 3, seqLen: 3072 })
    ranks.forEach((figures, at) => {
      const { computeNs, commNs, overlapNs, waitNs, transferNs, collectiveWaitNs, collectiveTransferNs } = truth.ranks[at]
      const figure = [figures.computeUs, figures.commUs, figures.overlapUs, figures.waitUs, figures.transferUs, figures.collectiveWaitUs, figures.collectiveTransferUs]
      const expected = [computeNs, commNs, overlapNs, waitNs, transferNs, collectiveWaitNs, collectiveTransferNs]
      figure.forEach((us, index) => { expect(us).toBeCloseTo(expected[index] / 1000, 3) })
      expect(figures.estimatedWaitUs).toBe(0)
    })
  })

  test('rings are summed up, with their evidence', () => {
    const { analysis: { rings, classification }, truth } = analysisOf({ layout: 'contiguous' })
    expect(rings.map(({ pass, passes, steps, ranks, world, layout }) => ({ pass, passes, steps, ranks, world, layout }))).toEqual(
      (['forward', 'backward'] as const).map((pass) => ({ pass, passes: 6, steps: 4, ranks: [0, 1, 2, 3], world: 4, layout: truth.layout })))
    expect(rings[0].evidence).toEqual([
      'Source and destination of 72 SendRecv kernels make a circle of 4 ranks: 0 → 1 → 2 → 3 → 0',
      '6 passes of 4 steps, each with 3 kernels on a rank; attention kernels are named forward ones',
      expect.stringMatching(/^Attention time per rank and step fits contiguous shards/),
    ])
    expect(classification?.kinds.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['attention', 'attention backward', 'NCCL', 'matrix multiply', 'memory copy']))
    expect(classification?.other).toEqual([])
  })

  test('work that no rule knows is listed by name, largest first', () => {
    const { timeline } = ringOf({ iterations: 1, layers: 1 })
    if (timeline.trace === null) throw new Error('the generated timeline has trace content')
    const unknown = (name: string): boolean => name.startsWith('ampere') || name.startsWith('Memcpy')
    const kind = timeline.trace.kind.map((each, span) => (unknown(timeline.strings[timeline.spans.name[span]] ?? '') ? 0 : each))
    const { classification } = analyzeTimeline({ ...timeline, trace: { ...timeline.trace, kind } })
    expect(classification?.other.map(({ name, count, totalUs }) => [name.slice(0, 6), count, totalUs])).toEqual([['ampere', 8, 1440], ['Memcpy', 4, 120]])
  })
})

describe('findings of rings', () => {
  test('early ranks of contiguous shards wait for the last', () => {
    const { analysis } = analysisOf({ layout: 'contiguous', world: 8, pass: 'forward', transferNs: 10_000 })
    expect(findingOf(analysis, true)).toMatch(/^Rank 0 waits \d\d % of its ring time for rank [1-7]$/)
  })

  test('a straggler is named', () => {
    const { analysis } = analysisOf({ layout: 'zigzag', world: 2, pass: 'forward', stragglers: { 1: 3 }, transferNs: 50_000 })
    expect(findingOf(analysis, true)).toMatch(/^Rank 0 waits \d\d % of its ring time for rank 1$/)
  })

  test('without the peers it is an estimate, of nobody in particular', () => {
    const { analysis } = analysisOf({ layout: 'contiguous', world: 4, pass: 'forward' }, (rank) => rank === 0)
    expect(findingOf(analysis, true)).toMatch(/^Rank 0 waits an estimated \d\d % of its ring time for (late ranks|rank \d)$/)
    expect(analysis.rings[0].evidence).toContain('Traces of 3 of the 4 ranks are not open')
  })

  test('a slow wire is communication that nothing hides', () => {
    const { analysis } = analysisOf({ layout: 'zigzag', transferNs: 3_000_000, transferJitter: 0, collectives: false })
    expect(findingOf(analysis, true)).toMatch(/^Rank \d spends \d\d % of its time in communication that no compute hides$/)
  })

  test('hidden transfers are called hidden', () => {
    const { analysis } = analysisOf({ layout: 'zigzag', pass: 'forward', transferNs: 20_000, collectives: false })
    expect(findingOf(analysis, true)).toMatch(/^Rank \d hides \d\d % of its communication behind compute$/)
  })
})

describe('files of a ring whose clocks differ by milliseconds', () => {
  let dir = ''
  beforeAll(async () => { dir = await mkdtemp(join(tmpdir(), 'ringscope-ring-')) })
  afterAll(async () => { await rm(dir, { recursive: true }) })

  async function analysisOfFiles(files: RingTrace['files']): Promise<TraceAnalysis> {
    const paths = await Promise.all(files.map(async ({ name, text }) => {
      await writeFile(join(dir, name), text)
      return join(dir, name)
    }))
    const [timeline, ...others] = await openTraces(paths)
    expect(others).toEqual([])
    return analyzeTimeline(timeline)
  }

  test('opened together: offsets are found, and every step is as it was', async () => {
    const { files, truth } = ringTrace({ skewNs: 3_000_000, layout: 'contiguous', iterations: 4 })
    const { clock, rings, steps, world } = await analysisOfFiles(files)
    expect(world).toBe(4)
    expect(rings.map(({ layout }) => layout)).toEqual(['contiguous', 'contiguous'])
    expect(clock.unaligned).toEqual([])
    clock.ranks.forEach((rank, at) => {
      expect(Math.abs(clock.offsetsNs[at] - truth.ranks[rank].offsetNs)).toBeLessThanOrEqual(clock.uncertaintyNs[at] ?? Number.NaN)
    })
    // To half a µs.
    expectSteps(steps, truth, 0)
  })

  const rings = [2, 4, 8].flatMap((world) => (['contiguous', 'zigzag', 'striped'] as const).flatMap((layout) =>
    ([true, false] as const).map((overlap) => ({ world, layout, overlap, seqLen: 1024 * world }))))
  test.each(rings)('waiting, transfer and overlap of every rank within 1 µs of the truth, clocks milliseconds apart: %o', async (ring) => {
    const { files, truth } = ringTrace({ ...ring, skewNs: 8_000_000, seed: 5, stragglers: { 1: 1.2 } })
    const { ranks, clock } = await analysisOfFiles(files)
    ranks.forEach(({ rank, waitUs, transferUs, overlapUs, collectiveWaitUs, collectiveTransferUs, estimatedWaitUs }, at) => {
      const true_ = truth.ranks[at]
      const [figures, expected] = [[waitUs, transferUs, overlapUs, collectiveWaitUs, collectiveTransferUs],
        [true_.waitNs, true_.transferNs, true_.overlapNs, true_.collectiveWaitNs, true_.collectiveTransferNs]]
      figures.forEach((us, index) => { expect(Math.abs(us - expected[index] / 1000), `rank ${rank}`).toBeLessThan(1) })
      expect(estimatedWaitUs).toBe(0)
      expect(Math.abs(clock.offsetsNs[at] - true_.offsetNs)).toBeLessThanOrEqual(clock.uncertaintyNs[at] ?? Number.NaN)
      expect(rank === 0 || Math.abs(true_.offsetNs) > 100_000).toBe(true)
    })
  })
})

test('every key that is promised is there, for a run, a simulation and a trace', () => {
  const keys = ['classification', 'clock', 'criticalPath', 'files', 'notes', 'rankSources', 'ranks', 'rings', 'run', 'steps', 'world']
  const rankKeys = ['collectiveTransferUs', 'collectiveWaitUs', 'commUs', 'computeUs', 'estimatedWaitUs', 'exposedCommUs', 'exposedWaitUs', 'hta', 'idleUs', 'memoryUs',
    'overlapRatio', 'overlapUs', 'rank', 'spanUs', 'transferUs', 'waitUs']
  const stepKeys = ['computeUs', 'exposedUs', 'idleUs', 'imbalanceUs', 'rank', 'step', 'transferUs', 'waitLinkUs', 'waitPeerUs']
  const simulated = analyzeTimeline(simulateRing(parseRunConfig({ world: 2, seqLen: 256, heads: 1, headDim: 16 }, 'test'), { gflopsPerRank: 1, link: null }))
  const { analysis: imported } = analysisOf({ iterations: 1, layers: 1 })
  for (const analysis of [simulated, imported]) {
    const json = JSON.parse(JSON.stringify(analysis)) as { ranks: object[]; steps: object[]; clock: object }
    expect(Object.keys(json).sort()).toEqual(keys)
    expect(Object.keys(json.clock).sort()).toEqual(['method', 'offsetsNs', 'ranks', 'unaligned', 'uncertaintyNs'])
    expect(Object.keys(json.ranks[0]).sort()).toEqual(rankKeys)
    expect(Object.keys(json.steps[0]).sort()).toEqual(stepKeys)
  }
  expect(Object.keys(imported.ranks[0].hta ?? {}).sort()).toEqual(['commUs', 'computeUs', 'idleUs', 'memoryUs', 'overlapRatio', 'overlapUs', 'spanUs'])
  expect([simulated.classification, simulated.rings, simulated.run === null]).toEqual([null, [], false])
  expect(imported.run).toBeNull()
})

test("a run's steps: what is neither computing nor under way is idle, and transfer contains what is exposed", () => {
  const { steps, ranks } = analyzeTimeline(simulateRing(
    parseRunConfig({ world: 4, seqLen: 4096, heads: 8, headDim: 64, layout: 'contiguous', iterations: 1, warmup: 0 }, 'test'),
    { gflopsPerRank: 50, link: { bandwidthGBps: 1, latencyUs: 10 } }))
  for (const { rank } of ranks) {
    const own = steps.filter((step) => step.rank === rank)
    for (const { transferUs, exposedUs } of own) expect(exposedUs).toBeLessThanOrEqual(transferUs + 1e-9)
    expect(own[0].transferUs).toBeGreaterThan(0)
    expect(own.at(-1)?.transferUs).toBe(0)
  }
  // Rank 0 computes its own block only; then it waits for later ones that hold it up.
  const idleOf = (rank: number): number => steps.filter((step) => step.rank === rank).reduce((sum, { idleUs }) => sum + idleUs, 0)
  expect(idleOf(0)).toBeGreaterThan(idleOf(3))
})
