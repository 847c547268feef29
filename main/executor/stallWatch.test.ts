import { describe, expect, it } from 'vitest'
import type { ProcessState } from './processState.ts'
import { StallWatch, type Watched } from './stallWatch.ts'

const ALLOWANCE_MS = 1000

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

  describe('of a process that is silent for 3 s', () => {
    /** @param state what the system says of it at a time. */
    function silent(state: (nowMs: number) => ProcessState | null) {
      const process = watched(0, 0, 1)
      const watch = new StallWatch(ALLOWANCE_MS, () => state(nowMs))
      let stall = null
      let nowMs = 0
      for (; nowMs <= 3000 && stall === null; nowMs += watch.intervalMs) stall = watch.look([process], nowMs)
      return { stall, process }
    }
    const usingCpu = (share: number, stopped = false) => (nowMs: number): ProcessState =>
      ({ stopped, ended: false, cpuTicks: Math.floor((share * nowMs) / 10) })

    it('leaves one alone that computes', () => {
      const { stall, process } = silent(usingCpu(0.9))
      expect(stall).toBeNull()
      expect(process.lastHeardMs).toBeGreaterThan(0)
    })

    it('finds one that hardly uses the CPU', () => {
      expect(silent(usingCpu(0.05)).stall).toEqual({ rank: 0, silentMs: 1000, stopped: false })
    })

    it('knows one that is stopped', () => {
      expect(silent(usingCpu(0, true)).stall).toEqual({ rank: 0, silentMs: 1000, stopped: true })
    })

    it('goes by its silence alone where the system says nothing', () => {
      expect(silent(() => null).stall).toMatchObject({ silentMs: 1000 })
    })
  })
})
