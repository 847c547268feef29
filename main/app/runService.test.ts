import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BackendUnavailableError } from '../../kernels/backends/backend.ts'
import type { EventName } from '../../preload/contract/events.ts'
import type { EventFrame } from '../../preload/contract/wire.ts'
import { runResult } from '../analysis/runResult.ts'
import { BusyError, NotFoundError } from './errors.ts'
import { AppEvents } from './events.ts'
import { RunService } from './runService.ts'
import { ScriptedRun, settled, smallConfig } from './testing/runs.ts'
import { TimelineStore } from './timelineStore.ts'
import { WorkSlot } from './workSlot.ts'

let heard: EventFrame[]
let runs: ScriptedRun[]
let events: AppEvents
let timelines: TimelineStore
let slot: WorkSlot
let service: RunService
const log = vi.fn()
const of = (event: EventName): EventFrame['payload'][] => heard.filter((frame) => frame.event === event).map(({ payload }) => payload)

beforeEach(() => {
  vi.useFakeTimers()
  log.mockReset()
  heard = []
  runs = []
  events = new AppEvents(log)
  events.onAny((frame) => heard.push(frame))
  timelines = new TimelineStore(events)
  slot = new WorkSlot()
  const start = (): ScriptedRun => {
    const run = new ScriptedRun()
    runs.push(run)
    return run
  }
  service = new RunService({ start, timelines, events, slot, log })
})
afterEach(() => { vi.useRealTimers() })

describe('a run', () => {
  it('has a live timeline from the start, that asks the run for its spans', () => {
    const { timelineId } = service.start(smallConfig())
    expect(timelines.get(timelineId)).toMatchObject({ live: true, revision: 1 })
    expect(timelines.get(timelineId).timeline).toBe(runs[0].current)
    expect(of('timeline.changed')).toMatchObject([{ revision: 1, summary: { timelineId, live: true } }])
  })

  it('reports progress and growth at most ten times a second, and the newest state at last', () => {
    const { runId, timelineId } = service.start(smallConfig())
    for (let ms = 0; ms < 1000; ms += 2) {
      runs[0].reports(ms < 500 ? 'warm-up' : 'measuring')
      runs[0].grows()
      vi.advanceTimersByTime(2)
    }
    vi.advanceTimersByTime(200)
    expect(of('run.progress').length).toBeGreaterThan(5)
    expect(of('run.progress').length).toBeLessThanOrEqual(11)
    expect(of('run.progress').at(-1)).toEqual({ runId, timelineId, steps: 2, phase: 'measuring', iterations: 1, ranks: [] })
    expect(of('timeline.changed').length).toBeLessThanOrEqual(12)
    expect(of('timeline.changed').at(-1)).toMatchObject({ revision: 501 })
    expect(service.progress).toEqual(of('run.progress').at(-1))
  })

  it('ends with its figures, its last progress said before and its timeline settled', async () => {
    const { runId, timelineId } = service.start(smallConfig())
    runs[0].reports('measuring')
    runs[0].reports('finished')
    await runs[0].ends()
    expect(heard.slice(-3).map(({ event }) => event)).toEqual(['run.progress', 'timeline.changed', 'run.finished'])
    expect(of('run.progress').at(-1)).toMatchObject({ phase: 'finished' })
    expect(of('timeline.changed').at(-1)).toMatchObject({ summary: { live: false } })
    expect(of('run.finished')).toEqual([{ runId, timelineId, result: runResult(runs[0].current, null), error: null }])
    expect(runs[0].progressListeners.size + runs[0].spanListeners.size).toBe(0)
    expect(service.progress).toBeNull()
  })

  it('that failed half-way keeps its partial timeline and says why in its result', async () => {
    const { timelineId } = service.start(smallConfig())
    const failure = { kind: 'crashed' as const, rank: 1, iteration: 0, step: 1, lastSpan: 'compute', message: 'rank 1 was killed' }
    const { current } = runs[0]
    if (current.run === null) throw new Error('a simulation has a run record')
    await runs[0].ends({ ...current, run: { ...current.run, failure } })
    expect(of('run.finished')).toMatchObject([{ error: null, result: { failure } }])
    expect(timelines.list().map((summary) => summary.timelineId)).toEqual([timelineId])
  })

  it('that could not start leaves no timeline and says why', async () => {
    const { runId, timelineId } = service.start(smallConfig())
    await runs[0].fails(new BackendUnavailableError('tensorflow', 'no addon'))
    expect(of('timeline.closed')).toEqual([{ timelineId }])
    expect(of('run.finished')).toMatchObject([{
      runId, timelineId, result: null, error: { code: 'invalid-input', problems: [{ path: 'backend' }] },
    }])
    expect(timelines.list()).toEqual([])
    expect(log).not.toHaveBeenCalled()
  })

  it('whose figures cannot be computed keeps its timeline and reports the fault', async () => {
    const { timelineId } = service.start(smallConfig())
    await runs[0].ends({ ...runs[0].current, run: null })
    expect(of('run.finished')).toMatchObject([{ result: null, error: { code: 'internal' } }])
    expect(timelines.get(timelineId).live).toBe(false)
    expect(log).toHaveBeenCalledOnce()
  })
})

describe('one at a time', () => {
  it('refuses a second run, and starts it after the first has ended', async () => {
    service.start(smallConfig({ name: 'first' }))
    expect(() => service.start(smallConfig())).toThrow(BusyError)
    expect(() => service.start(smallConfig())).toThrow(/first/)
    expect(runs).toHaveLength(1)
    await runs[0].ends()
    expect(service.start(smallConfig())).toEqual({ runId: 'run-2', timelineId: 'timeline-2' })
  })

  it('lets a listener start the next run as soon as it hears of the end', async () => {
    const second = vi.fn(() => { service.start(smallConfig()) })
    service.start(smallConfig())
    events.on('run.finished', second)
    await runs[0].ends()
    expect(second).toHaveBeenCalledOnce()
    expect(runs).toHaveLength(2)
    expect(log).not.toHaveBeenCalled()
  })

  it('does not run beside other work, and frees the slot when starting throws', () => {
    const release = slot.take('a sweep')
    expect(() => service.start(smallConfig())).toThrow(BusyError)
    release()
    const failing = new RunService({ start: () => { throw new Error('no') }, timelines, events, slot, log })
    expect(() => failing.start(smallConfig())).toThrow('no')
    expect(() => service.start(smallConfig())).not.toThrow()
  })
})

describe('cancelling', () => {
  it('reaches the run under way, is harmless after its end, and knows no other', async () => {
    const { runId } = service.start(smallConfig())
    expect(() => { service.cancel('run-2') }).toThrow(NotFoundError)
    expect(() => { service.cancel('x') }).toThrow(NotFoundError)
    expect(runs[0].cancelled).toBe(false)
    service.cancel(runId)
    expect(runs[0].cancelled).toBe(true)
    await runs[0].ends()
    expect(() => { service.cancel(runId) }).not.toThrow()
  })

  it('on closing waits until the run is gone', async () => {
    service.start(smallConfig())
    let gone = false
    const disposed = service.dispose().then(() => { gone = true })
    await settled()
    expect([runs[0].cancelled, gone]).toEqual([true, false])
    await runs[0].ends()
    await disposed
    expect(of('run.finished')).toHaveLength(1)
  })
})
