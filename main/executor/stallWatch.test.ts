import { spawn, type ChildProcess } from 'node:child_process'
import { afterEach, describe, expect, it } from 'vitest'
import { StallWatch, type Watched } from './stallWatch.ts'

const ALLOWANCE_MS = 1000
let child: ChildProcess | null = null
afterEach(() => { child?.kill('SIGKILL') })

const watched = (rank: number, lastHeardMs: number, pid?: number): Watched => ({ rank, pid, lastHeardMs })

/** Looks often enough that no look comes late. */
function lookUntil(watch: StallWatch, processes: Watched[], untilMs: number) {
  let stall = null
  for (let nowMs = 0; nowMs <= untilMs && stall === null; nowMs += watch.intervalMs) stall = watch.look(processes, nowMs)
  return stall
}

describe('StallWatch', () => {
  it('finds the process that has been silent longest', () => {
    const processes = [watched(0, 100), watched(1, 0), watched(2, 900)]
    expect(lookUntil(new StallWatch(ALLOWANCE_MS), processes, 1100)).toMatchObject({ rank: 1, silentMs: 1000 })
  })

  it('is content while everybody speaks', () => {
    expect(lookUntil(new StallWatch(ALLOWANCE_MS), [watched(0, 1500), watched(1, 1900)], 2000)).toBeNull()
  })

  it('blames nobody for a silence that was its own sleep', () => {
    const watch = new StallWatch(ALLOWANCE_MS)
    const processes = [watched(0, 0)]
    expect(watch.look(processes, 0)).toBeNull()
    expect(watch.look(processes, 60_000)).toBeNull()
    expect(processes[0].lastHeardMs).toBe(60_000)
  })

  it.runIf(process.platform === 'linux')('leaves a process alone that computes in silence', async () => {
    child = spawn(process.execPath, ['-e', 'for (;;);'])
    const { pid } = child
    const start = performance.now()
    const processes = [watched(0, start, pid)]
    const watch = new StallWatch(600)
    let stall = null
    while (performance.now() - start < 1500 && stall === null) {
      await new Promise((resolve) => setTimeout(resolve, watch.intervalMs))
      stall = watch.look(processes, performance.now())
    }
    expect(stall).toBeNull()
    expect(processes[0].lastHeardMs).toBeGreaterThan(start)
  })
})
