import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { SweepReport } from '../../preload/contract/sweep.ts'
import type { EventFrame } from '../../preload/contract/wire.ts'
import { SweepCancelledError, SweepFailedError } from '../sweep/errors.ts'
import type { SweepHandle } from '../sweep/sweep.ts'
import type { ProgressFacts, SweepAsk } from '../sweep/sweepHandle.ts'
import { BusyError, NotFoundError } from './errors.ts'
import { AppEvents } from './events.ts'
import { SweepService } from './sweepService.ts'
import { settled, smallConfig } from './testing/runs.ts'
import { WorkSlot } from './workSlot.ts'

const FACTS: Omit<ProgressFacts, 'done'> = { kind: 'tile', axes: [], total: 9, paused: false, secondsLeft: null, cells: [], ringCells: [] }

class ScriptedSweep implements SweepHandle {
  readonly end = Promise.withResolvers<SweepReport>()
  readonly finished = this.end.promise
  readonly listeners = new Set<(facts: ProgressFacts) => void>()
  readonly asked: string[] = []
  cancelled = false
  onProgress(listener: (facts: ProgressFacts) => void): () => void {
    this.listeners.add(listener)
    return () => { this.listeners.delete(listener) }
  }
  pause(): void { this.asked.push('pause') }
  resume(): void { this.asked.push('resume') }
  cancel(): void {
    this.cancelled = true
    this.end.reject(new SweepCancelledError())
  }
  reports(done: number): void {
    for (const listener of this.listeners) listener({ ...FACTS, done })
  }
}

const ASK: SweepAsk = { kind: 'tile', config: smallConfig(), blockQ: [16], blockK: [16], axes: [], repeats: 1, fresh: false }
const REPORT: SweepReport = {
  kind: 'tile', config: smallConfig(), backend: 'wasm', device: 'one core', machine: { l1d: null, l2: null, l3: null }, axes: [], repeats: 1, cells: [],
  best: { blockQ: 16, blockK: 16, values: {}, gflops: 1 }, predictedBest: null, peakGflops: 1, roofline: null, countersFrom: '', reusedCells: 0, warnings: [],
}

let heard: EventFrame[]
let sweeps: ScriptedSweep[]
let slot: WorkSlot
let service: SweepService
const log = vi.fn()

beforeEach(() => {
  log.mockReset()
  heard = []
  sweeps = []
  slot = new WorkSlot()
  const events = new AppEvents(log)
  events.onAny((frame) => heard.push(frame))
  const start = (): ScriptedSweep => {
    const sweep = new ScriptedSweep()
    sweeps.push(sweep)
    return sweep
  }
  service = new SweepService({ start, events, slot, log })
})

describe('a sweep', () => {
  it('reports progress, then its report, and frees the machine', async () => {
    const { sweepId } = service.start(ASK)
    sweeps[0].reports(1)
    sweeps[0].reports(2)
    sweeps[0].reports(9)
    expect(service.progress).toEqual({ sweepId, ...FACTS, done: 9 })
    sweeps[0].end.resolve(REPORT)
    await settled()
    expect(heard).toEqual([
      { event: 'sweep.progress', payload: { sweepId, ...FACTS, done: 1 } },
      { event: 'sweep.progress', payload: { sweepId, ...FACTS, done: 9 } },
      { event: 'sweep.finished', payload: { sweepId, report: REPORT, error: null } },
    ])
    expect([service.progress, sweeps[0].listeners.size]).toEqual([null, 0])
    expect(() => slot.take('a run')).not.toThrow()
  })

  it('says what went wrong', async () => {
    const { sweepId } = service.start(ASK)
    sweeps[0].end.reject(new SweepFailedError('it crashed', null))
    await settled()
    expect(heard).toMatchObject([{ event: 'sweep.finished', payload: { sweepId, report: null, error: { code: 'internal' } } }])
    expect(log).toHaveBeenCalledOnce()
  })

  it('that is cancelled before it has anything ends as cancelled, which is no fault', async () => {
    const { sweepId } = service.start(ASK)
    expect(() => { service.cancel('sweep-2') }).toThrow(NotFoundError)
    service.cancel(sweepId)
    await settled()
    expect(heard).toMatchObject([{ event: 'sweep.finished', payload: { report: null, error: { code: 'cancelled' } } }])
    expect(log).not.toHaveBeenCalled()
    expect(() => { service.cancel(sweepId) }).not.toThrow()
  })

  it('that is cancelled later ends with the report of what it has', async () => {
    const { sweepId } = service.start(ASK)
    const partial = { ...REPORT, warnings: ['cancelled: 1 of 9 cells'] }
    sweeps[0].end.resolve(partial)
    service.cancel(sweepId)
    await settled()
    expect(heard).toEqual([{ event: 'sweep.finished', payload: { sweepId, report: partial, error: null } }])
  })

  it('is paused and resumed while it goes on; afterwards that does nothing', async () => {
    const { sweepId } = service.start(ASK)
    service.pause(sweepId)
    service.resume(sweepId)
    expect(() => { service.pause('sweep-2') }).toThrow(NotFoundError)
    expect(() => { service.resume('no sweep') }).toThrow(NotFoundError)
    sweeps[0].end.resolve(REPORT)
    await settled()
    service.pause(sweepId)
    service.resume(sweepId)
    expect(sweeps[0].asked).toEqual(['pause', 'resume'])
  })

  it('keeps the machine to itself', async () => {
    service.start(ASK)
    expect(() => service.start(ASK)).toThrow(BusyError)
    expect(() => slot.take('a run')).toThrow(BusyError)
    await service.dispose()
    expect(service.start(ASK)).toEqual({ sweepId: 'sweep-2' })
  })

  it('does not start when Ringscope is closing', () => {
    slot.shut()
    expect(() => service.start(ASK)).toThrow('closing')
    expect(sweeps).toEqual([])
  })
})
