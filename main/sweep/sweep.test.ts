import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { parseRunConfig, type RunConfig } from '../../kernels/config/runConfig.ts'
import type { RingSweepReport, SweepReport } from '../../preload/contract/sweep.ts'
import { nodeRankHost } from '../executor/nodeRankHost.ts'
import type { RankHost, RankProcess } from '../executor/rankHost.ts'
import { findInstallation } from '../installation.ts'
import { SweepCancelledError, SweepFailedError } from './errors.ts'
import { startSweep } from './sweep.ts'
import type { ProgressFacts, RingAsk, SweepAsk, SweepHandle, TileAsk } from './sweepHandle.ts'
import type { SweepMachine } from './sweepMachine.ts'
import { TEST_ROOFLINE, testMachine } from './testing.ts'

const config = parseRunConfig({ world: 2, seqLen: 96, heads: 2, headDim: 8, backend: 'tfjs-cpu' }, 'test')
const installation = findInstallation()
const tiles = (parts: Partial<TileAsk> = {}): TileAsk =>
  ({ kind: 'tile', config, blockQ: [8, 16, 500], blockK: [12, 24], axes: [], repeats: 3, fresh: false, ...parts })
const rings = (parts: Partial<RingAsk> = {}): RingAsk => ({
  kind: 'ring', axes: [{ path: 'seqLen', values: [64, 128] }], repeats: 1, fresh: false,
  // Blocks of 10 ms and more: iterations that are as long as each other, and so not measured again.
  config: { ...config, backend: 'modelled', model: { gflops: 0.004 }, iterations: 3, transport: 'socket' }, ...parts,
})
/** More measurements than a test waits for. */
const ENDLESS = 100_000

let started: RankProcess[]
let folder: string
beforeEach(() => {
  started = []
  folder = mkdtempSync(join(tmpdir(), 'ringscope-sweep-'))
})
afterEach(() => { rmSync(folder, { recursive: true }) })

/** Node's host, remembering what it started. */
const host: RankHost = {
  spawn(entry, options) {
    const child = nodeRankHost().spawn(entry, options)
    started.push(child)
    return child
  },
}

const start = (ask: SweepAsk, machine: Partial<SweepMachine> = {}): SweepHandle =>
  startSweep(ask, { installation, rankHost: host, machine: testMachine(machine) })
const tileReport = async (ask: TileAsk, machine: Partial<SweepMachine> = {}): Promise<SweepReport> => await start(ask, machine).finished as SweepReport
const ringReport = async (ask: RingAsk, machine: Partial<SweepMachine> = {}): Promise<RingSweepReport> => await start(ask, machine).finished as RingSweepReport

/** Resolves at the first progress of which the condition holds. */
const progressWhere = (handle: SweepHandle, condition: (progress: ProgressFacts) => boolean): Promise<ProgressFacts> =>
  new Promise((resolve) => { handle.onProgress((progress) => { if (condition(progress)) resolve(progress) }) })

function isGone(child: RankProcess): boolean {
  if (child.pid === undefined) return true
  try {
    process.kill(child.pid, 0)
    return false
  } catch {
    return true
  }
}

describe('a sweep of tiles', () => {
  it('measures every tile in a process of its own and reports them', async () => {
    const handle = start(tiles(), { roofline: async () => ({ roofline: TEST_ROOFLINE }) })
    const progress: ProgressFacts[] = []
    handle.onProgress((now) => { progress.push(now) })
    const report = await handle.finished as SweepReport

    expect(report.cells.map(({ blockQ, blockK }) => [blockQ, blockK])).toEqual([[8, 12], [8, 24], [16, 12], [16, 24], [48, 12], [48, 24]])
    for (const cell of report.cells) {
      expect(cell).toMatchObject({ passed: true, reused: false })
      expect(cell.repeats).toBeGreaterThanOrEqual(3)
      expect(cell.maxAbsError).toBeLessThan(1e-5)
      expect(cell.medianMs).toBeGreaterThan(0)
      expect(report.best.gflops).toBeGreaterThanOrEqual(cell.gflops)
      expect(report.peakGflops).toBeGreaterThanOrEqual(cell.gflops)
      expect(cell.limits?.predictedMs).toBeGreaterThan(0)
    }
    expect(report.warnings).toEqual(['blockQ 500: a rank holds 48 tokens, so this was measured as 48'])
    expect(report).toMatchObject({ kind: 'tile', backend: 'tfjs-cpu', repeats: 3, reusedCells: 0 })
    expect(report.predictedBest?.speedOfBest).toBeGreaterThan(0)
    expect(progress[0]).toMatchObject({ kind: 'tile', done: 0, total: 24, secondsLeft: null, cells: [] })
    expect(progress.at(-1)?.done).toBe(progress.at(-1)?.total)
    expect(progress.at(-1)?.done).toBe(report.cells.reduce((sum, { repeats }) => sum + repeats + 1, 0))
    expect(progress.at(-1)?.cells).toEqual(report.cells)
    expect(progress[3].secondsLeft).toBeGreaterThan(0)
    expect(started).toHaveLength(1)
    expect(started.every(isGone)).toBe(true)
  })

  it('varies any numeric field of the config beside the tile', async () => {
    const report = await tileReport(tiles({ blockQ: [8], blockK: [8], axes: [{ path: 'headDim', values: [4, 8] }, { path: 'seqLen', values: [32, 64] }] }))
    expect(report.cells.map(({ values }) => values)).toEqual([
      { headDim: 4, seqLen: 32 }, { headDim: 4, seqLen: 64 }, { headDim: 8, seqLen: 32 }, { headDim: 8, seqLen: 64 }])
    expect(report.cells.every(({ passed }) => passed)).toBe(true)
    expect(Object.keys(report.best.values)).toEqual(['headDim', 'seqLen'])
  })

  it('measures and checks both passes where the config has both', async () => {
    const both: RunConfig = { ...config, pass: 'forward-backward' }
    const report = await tileReport(tiles({ config: both, blockQ: [16], blockK: [16] }))
    expect(report.cells[0].passed).toBe(true)
    expect(report.cells[0].maxAbsError).toBeGreaterThan(0)
  })

  it('reuses what an earlier sweep of the same machine and kernel measured, whatever its seed, and says so', async () => {
    const ask = tiles({ blockQ: [8, 16], blockK: [12], repeats: 1 })
    const first = await tileReport(ask, { storeDir: folder })
    const more = await tileReport({ ...ask, blockQ: [8, 16, 24], config: { ...config, seed: 9, name: 'other' } }, { storeDir: folder })
    expect(more.cells.map(({ reused }) => reused)).toEqual([true, true, false])
    expect(more.reusedCells).toBe(2)
    expect(more.cells[0].medianMs).toBe(first.cells[0].medianMs)

    const reused = async (parts: Partial<TileAsk>): Promise<number> =>
      (await tileReport({ ...ask, blockQ: [8], ...parts }, { storeDir: folder })).reusedCells
    expect(await reused({ fresh: true })).toBe(0)
    expect(await reused({ config: { ...config, mask: 'full' } })).toBe(0)
    expect(await reused({ repeats: 2 })).toBe(0)
  })

  it('measures nothing between a pause and its end', async () => {
    const handle = start(tiles({ repeats: ENDLESS }))
    await progressWhere(handle, ({ done }) => done > 0)
    handle.pause()
    const { done } = await progressWhere(handle, ({ paused, cells }) => paused && cells.length >= 0)
    // The one that was under way may still come in.
    await new Promise((resolve) => { setTimeout(resolve, 300) })
    let newest = done
    handle.onProgress((progress) => { newest = progress.done })
    await new Promise((resolve) => { setTimeout(resolve, 300) })
    expect(newest).toBe(done)
    handle.resume()
    await progressWhere(handle, (progress) => !progress.paused && progress.done > done + 2)
    handle.cancel()
    await handle.finished.catch(() => undefined)
  })

  it('that is cancelled reports what it has, and leaves no process', async () => {
    const handle = start(tiles({ repeats: ENDLESS }))
    await progressWhere(handle, ({ cells }) => cells.length >= 2)
    handle.cancel()
    const report = await handle.finished as SweepReport
    expect(handle.cancelled).toBe(true)
    expect(report.cells.length).toBeGreaterThanOrEqual(2)
    expect(report.warnings.at(-1)).toMatch(/^cancelled: \d of 6 cells were measured/)
    handle.cancel()
    expect(started).toHaveLength(1)
    expect(started.every(isGone)).toBe(true)
  })

  it('that is cancelled while it is paused ends as well', async () => {
    const handle = start(tiles({ repeats: ENDLESS }))
    await progressWhere(handle, ({ cells }) => cells.length >= 1)
    handle.pause()
    handle.cancel()
    expect((await handle.finished as SweepReport).cells.length).toBeGreaterThan(0)
    expect(started.every(isGone)).toBe(true)
  })

  it('that is cancelled before anything was measured has nothing to report', async () => {
    const handle = start(tiles())
    handle.cancel()
    await expect(handle.finished).rejects.toThrow(SweepCancelledError)
    expect(started).toEqual([])
  })

  it('fails with the signal and the last cell when its process is killed', async () => {
    const handle = start(tiles({ repeats: ENDLESS }))
    await progressWhere(handle, ({ cells }) => cells.length > 0)
    started[0].kill('SIGKILL')
    const error: unknown = await handle.finished.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(SweepFailedError)
    expect((error as SweepFailedError).message).toContain('was ended by SIGKILL')
    expect((error as SweepFailedError).lastCell).toMatch(/^\d+ x \d+$/)
  })

  it('fails with the reason when the backend cannot run', async () => {
    const handle = startSweep(tiles({ config: { ...config, backend: 'wasm' } }),
      { installation: { ...installation, kernelsDir: '/nowhere' }, rankHost: host, machine: testMachine() })
    await expect(handle.finished).rejects.toThrow(/the sweep failed before the first cell: backend "wasm" is not available/)
  })

  it('predicts and explains nothing without a roofline or an L2, and says why', async () => {
    const ask = tiles({ blockQ: [8], blockK: [8], repeats: 1 })
    const unmeasured = await tileReport(ask, { roofline: async () => ({ roofline: null, reason: 'it is too loud here' }) })
    // By what fits L2 then.
    expect(unmeasured.predictedBest).toMatchObject({ blockQ: 8, blockK: 8, speedOfBest: 1 })
    expect(unmeasured).toMatchObject({ roofline: null, cells: [{ limits: null }], warnings: [expect.stringContaining('it is too loud here') as string] })
    const unknown: Partial<SweepMachine> = { caches: async () => ({ l1d: null, l2: null, l3: null }) }
    const silent = await tileReport(ask, unknown)
    expect(silent).toMatchObject({ predictedBest: null, cells: [{ limits: null, fitsL2: null }] })
    expect(silent.warnings[0]).toContain('--l2')
    expect(await tileReport({ ...ask, l2: 2 ** 20 }, unknown)).toMatchObject({ machine: { l2: 2 ** 20 }, cells: [{ fitsL2: true }] })
  })

  it('refuses a modelled backend, which waits the same for every tile, and a grid or axes that are none', () => {
    const modelled = { ...config, backend: 'modelled', model: { gflops: 1 } } as const
    for (const wrong of [{ config: modelled }, { blockQ: [] }, { axes: [{ path: 'layout', values: [1] }] }, { axes: [{ path: 'kvHeads', values: [3] }] }]) {
      expect(() => start(tiles(wrong))).toThrow(InvalidInputError)
    }
  })
})

describe('a sweep of rings', () => {
  it('runs whole rings and reports what was hidden of their hops', async () => {
    const handle = start(rings())
    const progress: ProgressFacts[] = []
    handle.onProgress((now) => { progress.push(now) })
    const report = await handle.finished as RingSweepReport
    expect(report.cells.map(({ values, shardTokens }) => [values, shardTokens])).toEqual([[{ seqLen: 64 }, 32], [{ seqLen: 128 }, 64]])
    for (const cell of report.cells) {
      expect(cell).toMatchObject({ passed: null, reused: false, predictedMs: 1 })
      expect(cell.medianMs).toBeGreaterThan(0)
      expect(cell.hopMs).toBeGreaterThan(0)
      expect(cell.stepComputeMs).toBeGreaterThan(0)
      expect(cell.tokensPerSecond).toBeCloseTo(cell.values['seqLen'] * 1000 / cell.medianMs, 5)
      expect(cell.repeats).toBeGreaterThanOrEqual(3)
    }
    expect(report).toMatchObject({ kind: 'ring', backend: 'modelled', modelled: true, reusedCells: 0 })
    expect(report.hideThreshold?.predictedShardTokens).toBeGreaterThan(0)
    expect(progress[0]).toMatchObject({ kind: 'ring', done: 0, total: 2, cells: [], ringCells: [] })
    expect(progress.at(-1)?.ringCells).toEqual(report.cells)
    expect(started.every(isGone)).toBe(true)
  })

  it('verifies each cell as the config says', async () => {
    const report = await ringReport(rings({ config: { ...config, iterations: 1, warmup: 0 }, axes: [{ path: 'headDim', values: [4, 8] }] }))
    expect(report.cells.map(({ passed }) => passed)).toEqual([true, true])
    expect(report.hideThreshold).toBeNull()
  })

  it('reuses runs of the same config', async () => {
    const ask = rings({ axes: [{ path: 'seqLen', values: [96] }] })
    const first = await ringReport(ask, { storeDir: folder })
    const again = await ringReport(ask, { storeDir: folder })
    expect([first.reusedCells, again.reusedCells]).toEqual([0, 1])
    expect(again.cells[0].medianMs).toBe(first.cells[0].medianMs)
    expect(again).toMatchObject({ modelled: true, device: first.device })
    expect((await ringReport({ ...ask, fresh: true }, { storeDir: folder })).reusedCells).toBe(0)
  })

  it('says why nothing is predicted', async () => {
    const report = await ringReport(rings({ axes: [{ path: 'seqLen', values: [64] }] }), { predictRing: async () => ({ ms: null, reason: 'no rates here' }) })
    expect(report.cells.map(({ predictedMs }) => predictedMs)).toEqual([null])
    expect(report.warnings).toContain('no time is predicted: no rates here')
  })

  it('that is cancelled in the middle of a run reports the cells before it', async () => {
    const handle = start(rings({ axes: [{ path: 'iterations', values: [1, 2] }], repeats: 1000 }))
    await progressWhere(handle, ({ done }) => done >= 1)
    handle.cancel()
    const report = await handle.finished as RingSweepReport
    expect(report.cells.length).toBeGreaterThanOrEqual(1)
    expect(report.warnings.some((warning) => warning.startsWith('cancelled: '))).toBe(true)
    expect(started.every(isGone)).toBe(true)
  })

  it('refuses axes that are none at once', () => {
    expect(() => start(rings({ axes: [{ path: 'backend', values: [1] }] }))).toThrow(InvalidInputError)
    expect(() => start(rings({ repeats: 0 }))).toThrow(InvalidInputError)
  })
})
