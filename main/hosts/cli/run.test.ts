import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TraceAnalysis } from '../../../preload/contract/analysis.ts'
import type { RunResult } from '../../../preload/contract/run.ts'
import type { SweepReport } from '../../../preload/contract/sweep.ts'
import { childrenOf, runCli, startCli, until, type Started } from './testing.ts'

let folder = ''
let quick = ''
/** Runs for minutes unless it is ended. */
let endless = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-cli-run-'))
  const write = (name: string, config: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(config))
    return join(folder, name)
  }
  const shape = { world: 2, seqLen: 256, heads: 2, headDim: 32, blockQ: 32, blockK: 64 }
  // The generic tfjs kernel needs nothing that is built.
  quick = write('quick.json', { ...shape, name: 'quick', backend: 'tfjs-cpu', iterations: 2, warmup: 1 })
  endless = write('endless.json', { ...shape, name: 'endless', backend: 'modelled', model: { gflops: 0.1 }, iterations: 10_000, verify: false })
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const json = <T>(text: string): T => JSON.parse(text) as T

describe('run', () => {
  test('--json prints the result, --out saves a trace that analyzes to the same figures', async () => {
    const trace = join(folder, 'quick-trace.json.gz')
    const { code, stdout, stderr } = await runCli('run', quick, '--json', '--out', trace)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const result = json<RunResult>(stdout)
    expect(result).toMatchObject({ backend: 'tfjs-cpu', modelled: false, hops: 1, failure: null, tracePath: trace })
    expect(result.config.name).toBe('quick')
    expect(result.iterations).toHaveLength(2)
    expect(result.ranks.map((rank) => rank.rank)).toEqual([0, 1])
    expect(result.verification).toMatchObject({ passed: true, tolerance: 1e-5 })

    const analyzed = await runCli('analyze', trace, '--json')
    expect(analyzed.code).toBe(0)
    expect({ ...json<TraceAnalysis>(analyzed.stdout).run, tracePath: trace }).toEqual(result)
    const text = await runCli('analyze', trace)
    expect(text).toMatchObject({ code: 0, stdout: expect.stringContaining('verification passed') as string })
  })

  test('without --json it is tables, with theory beside measurement and the emulation named', async () => {
    const { code, stdout, stderr } = await runCli('run', quick, '--set', 'backend=modelled', '--set', 'model.gflops=5', '--set', 'stragglers.1=1.5')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^MODELLED: .* 5\.00 GFLOP\/s a rank/m)
    expect(stdout).toMatch(/^EMULATED STRAGGLERS: rank 1 x1\.50$/m)
    expect(stdout).toMatch(/^\s+modelled\s+theory$/m)
    expect(stdout).toMatch(/^verification: not done, the modelled backend computes nothing$/m)
  })
})

async function startEndless(...args: string[]): Promise<Started & { ranks: number[] }> {
  const started = startCli(['run', endless, '--json', ...args])
  const { pid } = started.child
  if (pid === undefined) throw new Error('the command line did not start')
  const ranks = (): number[] => childrenOf(pid, 'kernels/rank/entry.ts')
  await until(() => ranks().length === 2)
  // Into the run, so that there are spans to keep.
  await new Promise((next) => { setTimeout(next, 1500) })
  // Ranks are started in order.
  return { ...started, ranks: ranks().toSorted((a, b) => a - b) }
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)
/** Folders of one supervisor: others may be running on this machine. */
const leftovers = ({ child: { pid } }: Started): string[] => readdirSync('/dev/shm').filter((name) => name.startsWith(`ringscope-${String(pid)}-`))

describe.runIf(process.platform === 'linux')('a run that ends early', () => {
  test('a rank that is killed: code 3, the rank named, the partial trace kept, nothing left', async () => {
    const trace = join(folder, 'killed.json')
    const started = await startEndless('--out', trace)
    const { ended, ranks } = started
    process.kill(ranks[0], 'SIGKILL')
    const { code, stdout, stderr } = await ended
    expect(code).toBe(3)
    const result = json<RunResult>(stdout)
    expect(result.failure).toMatchObject({ kind: 'crashed', message: expect.stringMatching(/rank 0/) as string })
    expect(result.failure?.rank).toBe(0)
    expect(stderr).toContain(result.failure?.message)
    expect(ranks.filter(isAlive)).toEqual([])
    expect(leftovers(started)).toEqual([])

    const analyzed = await runCli('analyze', trace, '--json')
    expect(analyzed.code).toBe(0)
    expect(json<TraceAnalysis>(analyzed.stdout).run?.failure).toEqual(result.failure)
    expect(json<TraceAnalysis>(analyzed.stdout).files[0].events).toBeGreaterThan(0)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s cancels: code 130, the partial trace kept, nothing left', async (signal) => {
    const trace = join(folder, `${signal}.json`)
    const { child, ended, ranks } = await startEndless('--out', trace)
    child.kill(signal)
    const { code, stdout } = await ended
    expect(code).toBe(130)
    expect(json<RunResult>(stdout).failure).toMatchObject({ kind: 'cancelled' })
    expect(ranks.filter(isAlive)).toEqual([])
    expect(existsSync(trace)).toBe(true)
  })
})

test('sweep: --json prints the report, --out saves the same', async () => {
  const out = join(folder, 'sweep.json')
  const { code, stdout } = await runCli('sweep', quick, '--block-q', '32,64', '--block-k', '64', '--repeats', '2', '--json', '--out', out)
  expect(code).toBe(0)
  const report = json<SweepReport>(stdout)
  expect(report.cells.map((cell) => [cell.blockQ, cell.blockK])).toEqual([[32, 64], [64, 64]])
  expect(report.cells.every((cell) => cell.passed && cell.gflops > 0)).toBe(true)
  expect(json<SweepReport>(readFileSync(out, 'utf8'))).toEqual(report)
})
