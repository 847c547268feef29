import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ringTrace } from '../main/comm/testing/ringTrace.ts'
import type { TraceAnalysis } from '../preload/contract/analysis.ts'
import type { RunResult } from '../preload/contract/run.ts'
import { cleanEnvironment, root, temporaryFolder } from './support/paths.ts'
import { canListProcesses, descendants, survivors } from './support/processTree.ts'
import { startProgram, type Program } from './support/program.ts'

/** The command as an installation has it: the launcher, then the built bundle. */
const ringscope = (...args: string[]): Program =>
  startProgram(process.execPath, ['bin/ringscope.mjs', ...args], { cwd: root, env: cleanEnvironment(temporaryFolder()) })

async function resultOf<T>(program: Program): Promise<{ code: number | null, result: T }> {
  const { code } = await program.exited
  return { code, result: JSON.parse(program.stdout()) as T }
}

const config = (name: string): string => join('fixtures/configs', `${name}.json`)
/** Folders of shared blocks that a program or a child of it made; they are named after the process. Others may run beside it. */
const sharedFolders = (pids: readonly number[]): string[] =>
  readdirSync('/dev/shm').filter((name) => pids.some((pid) => name.startsWith(`ringscope-${pid}-`)))

/** Waits until K/V blocks have gone round for a while: the files that carry them keep changing. */
async function blocksGoRound(files: () => string[], changes: number): Promise<void> {
  const seen = new Set<number>()
  await expect.poll(() => {
    for (const folder of files()) {
      for (const name of readdirSync(join('/dev/shm', folder))) seen.add(statSync(join('/dev/shm', folder, name)).mtimeMs)
    }
    return seen.size
  }, { timeout: 60_000, interval: 50 }).toBeGreaterThan(changes)
}

describe('ringscope, built', () => {
  it('gives one output for all three layouts, verified, with N - 1 hops', async () => {
    const results: RunResult[] = []
    for (const layout of ['contiguous', 'striped', 'zigzag']) {
      const { code, result } = await resultOf<RunResult>(ringscope('run', config(`2-ranks-${layout}-causal`), '--json'))
      expect(code).toBe(0)
      expect(result.hops).toBe(1)
      expect(result.verification?.passed).toBe(true)
      expect(result.verification?.maxAbsError).toBeLessThan(1e-5)
      results.push(result)
    }
    const [contiguous, striped, zigzag] = results.map((result) => result.outputChecksum ?? NaN)
    // The order of summation differs between layouts, the values do not.
    expect(Math.abs(striped - contiguous)).toBeLessThan(1e-4 * Math.abs(contiguous) + 1e-3)
    expect(Math.abs(zigzag - contiguous)).toBeLessThan(1e-4 * Math.abs(contiguous) + 1e-3)
  })

  it.runIf(canListProcesses && existsSync('/dev/shm'))('ends with code 3 when a rank is killed, names it, keeps the partial trace and leaves nothing', async () => {
    const trace = join(temporaryFolder(), 'partial.json.gz')
    const program = ringscope('run', config('8-ranks-modelled-contiguous-causal'), '--set', 'iterations=2000', '--set', 'transport=shared-memory', '--json', '--out', trace)
    const ranks = (): number[] => descendants(program.pid).filter(({ command }) => command.includes('rank.js')).map(({ pid }) => pid)
    await expect.poll(() => ranks().length, { timeout: 30_000 }).toBe(8)
    const all = descendants(program.pid).map(({ pid }) => pid)
    const folders = (): string[] => sharedFolders([program.pid, ...all])
    // Eight files are made, then changed by every hop.
    await blocksGoRound(folders, 8 * 10)
    const killed = performance.now()
    process.kill(ranks()[3], 'SIGKILL')
    const { code, result } = await resultOf<RunResult>(program)
    expect(code).toBe(3)
    // What a user is promised; it takes a tenth of that on an idle machine.
    expect(performance.now() - killed).toBeLessThan(2000)
    expect(result.failure).toMatchObject({ kind: 'crashed', rank: expect.any(Number) as number, step: expect.any(Number) as number })
    expect(await survivors(all)).toEqual([])
    expect(folders()).toEqual([])
    const analyzed = await resultOf<TraceAnalysis>(ringscope('analyze', trace, '--json'))
    expect(analyzed.code).toBe(0)
    expect(analyzed.result.run?.failure?.kind).toBe('crashed')
  })

  it('opens the ranks of a job together, says what they waited for, and writes them as one trace', async () => {
    const folder = temporaryFolder()
    const { files } = ringTrace({ world: 2, iterations: 1, layers: 1, layout: 'contiguous', seqLen: 4096, skewNs: 1_000_000 })
    for (const { name, text } of files) writeFileSync(join(folder, name), text)
    const analyzed = await resultOf<TraceAnalysis>(ringscope('analyze', folder, '--json'))
    expect(analyzed.code).toBe(0)
    expect(analyzed.result.ranks.map(({ rank }) => rank)).toEqual([0, 1])
    expect(analyzed.result.rings[0]).toMatchObject({ layout: 'contiguous', ranks: [0, 1] })
    expect(analyzed.result.criticalPath?.imbalanceUs).toBeGreaterThan(0)
    const merged = join(temporaryFolder(), 'merged.json.gz')
    expect(await ringscope('convert', folder, '--to', 'chrome', '--out', merged).exited).toMatchObject({ code: 0 })
    const again = await resultOf<TraceAnalysis>(ringscope('analyze', merged, '--json'))
    expect(again.result.ranks).toEqual(analyzed.result.ranks)
    expect(again.result.clock).toEqual(analyzed.result.clock)
  })

  it('lists every problem of a bad config and ends with code 2', async () => {
    const program = ringscope('run', config('2-ranks-zigzag-causal'), '--set', 'seqLen=0', '--set', 'layout=diagonal', '--json')
    expect((await program.exited).code).toBe(2)
    expect(program.stdout()).toBe('')
    expect(program.stderr()).toMatch(/seqLen/)
    expect(program.stderr()).toMatch(/layout.*diagonal|diagonal.*layout/s)
  })

  it('explains this machine', async () => {
    const { code, result } = await resultOf<{ backends: { id: string, status: string }[] }>(ringscope('doctor', '--json'))
    expect(code).toBe(0)
    expect(result.backends).toContainEqual(expect.objectContaining({ id: 'wasm', status: 'works' }))
  })

  it('has rank bundles that reach neither Electron nor the application', () => {
    const seen = new Set<string>()
    const visit = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      const text = readFileSync(join(root, 'out/main', file), 'utf8')
      expect(text, file).not.toMatch(/from\s*["']electron["']|require\(["']electron["']\)/)
      for (const [, path] of text.matchAll(/(?:from|import)\s*\(?\s*["']\.\/([^"']+\.js)["']/g)) visit(path.startsWith('chunks/') ? path : join(file, '..', path))
    }
    for (const entry of ['rank.js', 'comm.js', 'sweep.js']) visit(entry)
    expect(seen.size).toBeGreaterThanOrEqual(3)
    expect([...seen]).not.toContain('index.js')
    expect([...seen]).not.toContain('cli.js')
  })
})
