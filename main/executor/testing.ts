import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseRunConfig, type RunConfig } from '../../kernels/config/runConfig.ts'
import { findInstallation } from '../installation.ts'
import { startRun, type RunHandle, type RunOptions } from './executor.ts'
import { nodeRankHost } from './nodeRankHost.ts'
import { processState } from './processState.ts'
import type { RankHost, RankProcess } from './rankHost.ts'

/** A run that a test can reach into: its processes, by rank. */
export interface TestRun extends RunHandle {
  readonly processes: readonly RankProcess[]
  readonly config: RunConfig
}

/** A small ring that computes in tfjs's plain JavaScript, which needs no compiled kernel. */
export const smallRing = (changes: Record<string, unknown> = {}): RunConfig => parseRunConfig({
  name: 'small ring', world: 2, seqLen: 32, heads: 2, headDim: 8, blockQ: 16, blockK: 16,
  backend: 'tfjs-cpu', iterations: 1, warmup: 1, ...changes,
}, 'the test')

/** `count` steps of `stepMs` per rank and iteration, modelled; full mask, so that every step has the same work. */
export const modelledRing = (stepMs: number, changes: Record<string, unknown> = {}): RunConfig => {
  const base = smallRing({ mask: 'full', warmup: 0, backend: 'modelled', model: { gflops: 1 }, ...changes })
  const tokens = base.seqLen / base.world
  const flops = 4 * base.batch * base.heads * base.headDim * tokens * tokens
  return { ...base, model: { gflops: flops / (stepMs * 1e6) } }
}

export function start(config: RunConfig, options: Partial<RunOptions> = {}): TestRun {
  const host = options.rankHost ?? nodeRankHost()
  const processes: RankProcess[] = []
  const rankHost: RankHost = {
    spawn: (entry, spawnOptions) => {
      const process = host.spawn(entry, spawnOptions)
      processes.push(process)
      return process
    },
  }
  const handle = startRun(config, { installation: findInstallation(), ...options, rankHost })
  return { ...handle, processes, config }
}

/** Resolves once every rank is at `iteration` or past it. */
export function reaches(run: TestRun, iteration: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = run.onProgress(({ phase, ranks }) => {
      if (phase !== 'measuring' || ranks.some((rank) => rank.iteration < iteration)) return
      stop()
      resolve()
    })
    run.finished.then(() => reject(new Error('the run was over before')), reject)
  })
}

export function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    process.kill(pid, 0)
    // An orphan stays in the process table until whoever inherited it looks.
    return processState(pid)?.ended !== true
  } catch {
    return false
  }
}

/** Folders of runs of process `pid` that are still there. */
export function foldersOf(pid: number): string[] {
  return [tmpdir(), '/dev/shm'].filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder).filter((entry) => entry.startsWith(`ringscope-${pid}-`)))
}

/** What a run of this process has left behind. */
export function leftBehind(run: TestRun): { readonly alive: (number | undefined)[]; readonly folders: string[] } {
  return { alive: run.processes.map(({ pid }) => pid).filter(isAlive), folders: foldersOf(process.pid) }
}
