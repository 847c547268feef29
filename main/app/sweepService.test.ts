import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { SweepProgress, SweepReport } from '../../preload/contract/sweep.ts'
import type { EventFrame } from '../../preload/contract/wire.ts'
import { SweepCancelledError, SweepFailedError } from '../sweep/errors.ts'
import type { SweepHandle } from '../sweep/sweep.ts'
import { BusyError, NotFoundError } from './errors.ts'
import { AppEvents } from './events.ts'
import { SweepService } from './sweepService.ts'
import { settled, smallConfig } from './testing/runs.ts'
import { WorkSlot } from './workSlot.ts'

type Facts = Omit<SweepProgress, 'sweepId'>

class ScriptedSweep implements SweepHandle {
  readonly end = Promise.withResolvers<SweepReport>()
  readonly finished = this.end.promise
  readonly listeners = new Set<(facts: Facts) => void>()
  onProgress(listener: (facts: Facts) => void): () => void {
    this.listeners.add(listener)
    return () => { this.listeners.delete(listener) }
  }
  cancel(): void { this.end.reject(new SweepCancelledError()) }
  reports(done: number): void {
    for (const listener of this.listeners) listener({ done, total: 9, cells: [] })
  }
}

const GRID = { blockQ: [16], blockK: [16], repeats: 1 }
const REPORT: SweepReport = {
  config: smallConfig(), backend: 'wasm', machine: { l1d: null, l2: null, l3: null }, repeats: 1, cells: [],
  best: { blockQ: 16, blockK: 16, gflops: 1 }, predictedBest: null, peakGflops: 1,
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
    const { sweepId } = service.start(smallConfig(), GRID)
    sweeps[0].reports(1)
    sweeps[0].reports(2)
    sweeps[0].reports(9)
    expect(service.progress).toEqual({ sweepId, done: 9, total: 9, cells: [] })
    sweeps[0].end.resolve(REPORT)
    await settled()
    expect(heard).toEqual([
      { event: 'sweep.progress', payload: { sweepId, done: 1, total: 9, cells: [] } },
      { event: 'sweep.progress', payload: { sweepId, done: 9, total: 9, cells: [] } },
      { event: 'sweep.finished', payload: { sweepId, report: REPORT, error: null } },
    ])
    expect([service.progress, sweeps[0].listeners.size]).toEqual([null, 0])
    expect(() => slot.take('a run')).not.toThrow()
  })

  it('says what went wrong', async () => {
    const { sweepId } = service.start(smallConfig(), GRID)
    sweeps[0].end.reject(new SweepFailedError('it crashed', null))
    await settled()
    expect(heard).toMatchObject([{ event: 'sweep.finished', payload: { sweepId, report: null, error: { code: 'internal' } } }])
    expect(log).toHaveBeenCalledOnce()
  })

  it('that is cancelled ends as cancelled, which is no fault', async () => {
    const { sweepId } = service.start(smallConfig(), GRID)
    expect(() => { service.cancel('sweep-2') }).toThrow(NotFoundError)
    service.cancel(sweepId)
    await settled()
    expect(heard).toMatchObject([{ event: 'sweep.finished', payload: { report: null, error: { code: 'cancelled' } } }])
    expect(log).not.toHaveBeenCalled()
    expect(() => { service.cancel(sweepId) }).not.toThrow()
  })

  it('keeps the machine to itself', async () => {
    service.start(smallConfig(), GRID)
    expect(() => service.start(smallConfig(), GRID)).toThrow(BusyError)
    expect(() => slot.take('a run')).toThrow(BusyError)
    await service.dispose()
    expect(service.start(smallConfig(), GRID)).toEqual({ sweepId: 'sweep-2' })
  })

  it('does not start when Ringscope is closing', () => {
    slot.shut()
    expect(() => service.start(smallConfig(), GRID)).toThrow('closing')
    expect(sweeps).toEqual([])
  })
})
