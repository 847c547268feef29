import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { parseRunConfig } from '../../kernels/config/runConfig.ts'
import type { SweepProgress } from '../../preload/contract/sweep.ts'
import { nodeRankHost } from '../executor/nodeRankHost.ts'
import type { RankHost, RankProcess } from '../executor/rankHost.ts'
import { findInstallation } from '../installation.ts'
import { SweepCancelledError, SweepFailedError } from './errors.ts'
import { startSweep, type SweepHandle } from './sweep.ts'

const config = parseRunConfig({ world: 2, seqLen: 96, heads: 2, headDim: 8, backend: 'tfjs-cpu' }, 'test')
const grid = { blockQ: [8, 16, 500], blockK: [12, 24], repeats: 3 }
const installation = findInstallation()

/** Node's host, remembering what it started. */
function observedHost(): { host: RankHost; started: RankProcess[] } {
  const started: RankProcess[] = []
  const host = nodeRankHost()
  return {
    started,
    host: {
      spawn(entry, options) {
        const child = host.spawn(entry, options)
        started.push(child)
        return child
      },
    },
  }
}

const firstProgress = (handle: SweepHandle): Promise<void> => new Promise((resolve) => { handle.onProgress(() => { resolve() }) })

function isGone(child: RankProcess): boolean {
  if (child.pid === undefined) return true
  try {
    process.kill(child.pid, 0)
    return false
  } catch {
    return true
  }
}

describe('startSweep', () => {
  it('measures every tile in a process of its own and reports them', async () => {
    const { host, started } = observedHost()
    const handle = startSweep(config, grid, { installation, rankHost: host })
    const progress: Omit<SweepProgress, 'sweepId'>[] = []
    handle.onProgress((now) => { progress.push(now) })
    const report = await handle.finished

    expect(report.cells.map(({ blockQ, blockK }) => [blockQ, blockK])).toEqual([[8, 12], [8, 24], [16, 12], [16, 24], [48, 12], [48, 24]])
    for (const cell of report.cells) {
      expect(cell.passed).toBe(true)
      expect(cell.maxAbsError).toBeLessThan(1e-5)
      expect(cell.medianMs).toBeGreaterThan(0)
      expect(report.best.gflops).toBeGreaterThanOrEqual(cell.gflops)
      expect(report.peakGflops).toBeGreaterThanOrEqual(cell.gflops)
    }
    expect(report).toMatchObject({ backend: 'tfjs-cpu', repeats: 3, warnings: ['blockQ 500: a rank holds 48 tokens, so this was measured as 48'] })
    expect(progress.at(-1)).toMatchObject({ done: 24, total: 24 })
    expect(progress.map(({ done }) => done)).toEqual(Array.from({ length: 24 }, (_, at) => at + 1))
    expect(progress.at(-1)?.cells).toEqual(report.cells)
    expect(started).toHaveLength(1)
    expect(started.every(isGone)).toBe(true)
  })

  it('can be cancelled while it measures, and leaves no process', async () => {
    const { host, started } = observedHost()
    const handle = startSweep(config, { ...grid, repeats: 100_000 }, { installation, rankHost: host })
    await firstProgress(handle)
    handle.cancel()
    await expect(handle.finished).rejects.toThrow(SweepCancelledError)
    handle.cancel()
    expect(started).toHaveLength(1)
    expect(started.every(isGone)).toBe(true)
  })

  it('can be cancelled before its process starts', async () => {
    const { host, started } = observedHost()
    const handle = startSweep(config, grid, { installation, rankHost: host })
    handle.cancel()
    await expect(handle.finished).rejects.toThrow(SweepCancelledError)
    expect(started).toEqual([])
  })

  it('fails with the signal and the last tile when its process is killed', async () => {
    const { host, started } = observedHost()
    const handle = startSweep(config, { ...grid, repeats: 100_000 }, { installation, rankHost: host })
    await firstProgress(handle)
    started[0].kill('SIGKILL')
    const error: unknown = await handle.finished.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(SweepFailedError)
    expect((error as SweepFailedError).message).toContain('was ended by SIGKILL')
    expect((error as SweepFailedError).lastTile).not.toBeNull()
  })

  it('fails with the reason when the backend cannot run', async () => {
    const handle = startSweep({ ...config, backend: 'wasm' }, grid, { installation: { ...installation, kernelsDir: '/nowhere' }, rankHost: nodeRankHost() })
    await expect(handle.finished).rejects.toThrow(/the sweep failed before the first tile: backend "wasm" is not available/)
  })

  it('refuses a modelled backend, which waits the same for every tile', () => {
    const modelled = { ...config, backend: 'modelled', model: { gflops: 1 } } as const
    expect(() => startSweep(modelled, grid, { installation, rankHost: nodeRankHost() })).toThrow(InvalidInputError)
  })

  it('refuses a grid without sizes', () => {
    expect(() => startSweep(config, { ...grid, blockQ: [] }, { installation, rankHost: nodeRankHost() })).toThrow(InvalidInputError)
  })
})
