import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { BackendUnavailableError } from '../../kernels/backends/backend.ts'
import { ArenaTooLargeError } from '../../kernels/backends/arena.ts'
import { findInstallation } from '../installation.ts'
import { DEFAULT_STALL_TIMEOUT_MS } from './executor.ts'
import { nodeRankHost } from './nodeRankHost.ts'
import { foldersOf, isAlive, leftBehind, modelledRing, reaches, smallRing, start } from './testing.ts'

const NOTHING = { alive: [], folders: [] }
const installation = findInstallation()
/** Long enough to be interrupted anywhere. */
const longRing = (changes: Record<string, unknown> = {}) => modelledRing(50, { world: 3, seqLen: 48, iterations: 1000, ...changes })

const scratch = mkdtempSync(join(tmpdir(), 'rank-stand-ins-'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** A program that is started in a rank's place. */
function standIn(name: string, source: string): string {
  const path = join(scratch, `${name}.mjs`)
  writeFileSync(path, `${source}\nprocess.on('disconnect', () => process.exit(0))\n`)
  return path
}

describe('a rank that is killed', () => {
  it.each(['socket', 'auto'])('ends the run over %s with its rank and step, keeps the spans, and leaves nothing', async (transport) => {
    const run = start(longRing({ transport }))
    await reaches(run, 1)
    const killedAt = performance.now()
    run.processes[1].kill('SIGKILL')
    const timeline = await run.finished
    // A fraction of a second; far below the timeout that ends a run otherwise, and far above what a busy machine adds.
    expect(performance.now() - killedAt).toBeLessThan(DEFAULT_STALL_TIMEOUT_MS / 4)
    expect(timeline.run?.failure).toMatchObject({ kind: 'crashed', rank: 1 })
    expect(timeline.run?.failure?.message).toMatch(/rank 1 .*SIGKILL/)
    expect(timeline.run?.failure?.iteration).toBeGreaterThanOrEqual(1)
    expect(timeline.run?.failure?.step).toBeGreaterThanOrEqual(0)
    expect(timeline.run?.failure?.message).toMatch(/in iteration \d+, last known at step \d/)
    expect(timeline.run?.failure?.lastSpan).not.toBeNull()
    expect(timeline.run?.iterations.length).toBeGreaterThanOrEqual(1)
    expect(timeline.spans.count).toBeGreaterThan(0)
    expect(leftBehind(run)).toEqual(NOTHING)
  })

  it('is named when it dies at the start', async () => {
    const run = start(longRing())
    const stop = run.onProgress(() => run.processes[2]?.kill('SIGKILL'))
    const timeline = await run.finished
    stop()
    expect(timeline.run?.failure).toMatchObject({ kind: 'crashed', rank: 2, iteration: null })
    expect(leftBehind(run)).toEqual(NOTHING)
  })
})

describe('where a rank was', () => {
  it('is known from its neighbours when its own last word is old', async () => {
    // Steps of 20 ms: a rank says where it is every fifth one.
    const run = start(modelledRing(20, { world: 8, seqLen: 64, iterations: 1000 }))
    await reaches(run, 1)
    run.processes[3].kill('SIGKILL')
    const { run: record, spans, lanes } = await run.finished
    const failure = record?.failure
    expect(failure).toMatchObject({ kind: 'crashed', rank: 3 })
    // Ranks of a ring are in step: the neighbours were one ahead at most.
    let furthest = 0
    for (let at = 0; at < spans.count; at++) {
      if (![2, 4].includes(lanes[spans.lane[at]].rank ?? -1) || spans.step[at] < 0) continue
      furthest = Math.max(furthest, spans.iteration[at] * 8 + spans.step[at])
    }
    const known = (failure?.iteration ?? Number.NaN) * 8 + (failure?.step ?? Number.NaN)
    expect(known).toBeGreaterThanOrEqual(furthest - 1)
    expect(leftBehind(run)).toEqual(NOTHING)
  })
})

describe('a rank that says nothing', () => {
  it('ends the run after the stall timeout, named and not its waiting neighbours', async () => {
    const run = start(longRing(), { stallTimeoutMs: 1200 })
    await reaches(run, 1)
    const { pid } = run.processes[2]
    expect(pid).toBeDefined()
    process.kill(pid as number, 'SIGSTOP')
    const timeline = await run.finished
    expect(timeline.run?.failure).toMatchObject({ kind: 'timed-out', rank: 2 })
    expect(timeline.run?.failure?.message).toMatch(process.platform === 'linux' ? /stopped/ : /nothing was heard/)
    expect(leftBehind(run)).toEqual(NOTHING)
  })

  it('ends the run when it never connects', async () => {
    const silent = { ...installation, rankEntry: standIn('silent', 'setInterval(() => undefined, 60_000)') }
    const run = start(longRing(), { installation: silent, startupTimeoutMs: 700 })
    const timeline = await run.finished
    expect(timeline.run?.failure).toMatchObject({ kind: 'timed-out', rank: 0, iteration: null })
    expect(timeline.run?.failure?.message).toMatch(/not ready 0.7 s/)
    expect(leftBehind(run)).toEqual(NOTHING)
  })
})

describe('a rank process that is not ours', () => {
  it('ends the run with what it wrote when it cannot start', async () => {
    const missing = { ...installation, rankEntry: join(import.meta.dirname, 'no-such-entry.ts') }
    const { run } = await start(longRing(), { installation: missing }).finished
    expect(run?.failure).toMatchObject({ kind: 'crashed' })
    expect(run?.failure?.message).toMatch(/exit code 1: .*no-such-entry/)
  })

  it('ends the run when it does not follow the protocol', async () => {
    const garbling = { ...installation, rankEntry: standIn('garbling', 'process.send({ type: "greetings", version: 0 }); process.on("message", () => undefined)') }
    const run = start(longRing(), { installation: garbling })
    const timeline = await run.finished
    expect(timeline.run?.failure?.message).toMatch(/rank \d sent a message that is not in the protocol/)
    expect(leftBehind(run)).toEqual(NOTHING)
  })
})

describe('cancelling', () => {
  it('works at once in mid-run and leaves nothing', async () => {
    const run = start(longRing())
    await reaches(run, 1)
    run.cancel()
    const timeline = await run.finished
    expect(timeline.run?.failure).toMatchObject({ kind: 'cancelled', rank: null })
    expect(timeline.spans.count).toBeGreaterThan(0)
    expect(leftBehind(run)).toEqual(NOTHING)
    run.cancel()
  })

  it('works before anything has started', async () => {
    const run = start(longRing())
    run.cancel()
    expect((await run.finished).run?.failure).toMatchObject({ kind: 'cancelled' })
    expect(leftBehind(run)).toEqual(NOTHING)
  })
})

describe('a run that cannot be had', () => {
  it('is refused with the reason when a rank would not fit its memory', async () => {
    const run = start(smallRing({ seqLen: 1 << 24, headDim: 128, heads: 8 }))
    await expect(run.finished).rejects.toBeInstanceOf(ArenaTooLargeError)
    expect(run.processes).toEqual([])
  })

  it('ends the ranks that were started when the system gives no more processes', async () => {
    const host = nodeRankHost()
    let spawned = 0
    const run = start(longRing(), { rankHost: {
      spawn: (entry, options) => {
        if (++spawned === 3) throw new Error('no memory for another process')
        return host.spawn(entry, options)
      },
    } })
    await expect(run.finished).rejects.toThrow('no memory for another process')
    expect(run.processes).toHaveLength(2)
    expect(leftBehind(run)).toEqual(NOTHING)
  })

  it('is refused with the backend that is missing', async () => {
    const run = start(smallRing({ backend: 'wasm' }), { installation: { ...installation, kernelsDir: '/nowhere' } })
    await expect(run.finished).rejects.toBeInstanceOf(BackendUnavailableError)
    expect(leftBehind(run)).toEqual(NOTHING)
  })
})

describe('a parent that is killed', () => {
  it.each([
    ['between messages', 'modelled'],
    ['in a long computation', 'computing'],
  ])('takes its ranks and their files with it %s', async (_, kind) => {
    const parent = spawn(process.execPath, [join(import.meta.dirname, 'testing.doomedParent.ts'), kind], { stdio: ['ignore', 'pipe', 'inherit'] })
    const pids = await new Promise<number[]>((resolve, reject) => {
      parent.stdout.once('data', (text: Buffer) => resolve(JSON.parse(text.toString()) as number[]))
      parent.once('exit', () => reject(new Error('the parent ended early')))
    })
    expect(pids.length).toBe(2)
    expect(pids.every(isAlive)).toBe(true)
    expect(foldersOf(parent.pid as number)).not.toEqual([])
    parent.kill('SIGKILL')
    await expect.poll(() => pids.filter(isAlive), { timeout: 5000, interval: 50 }).toEqual([])
    expect(foldersOf(parent.pid as number)).toEqual([])
  })
})
