import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { EventFrame } from '../../preload/contract/wire.ts'
import { BusyError, NotFoundError } from './errors.ts'
import { AppEvents } from './events.ts'
import { readFrom, simulated, smallConfig } from './testing/runs.ts'
import { TimelineStore } from './timelineStore.ts'

let heard: EventFrame[]
let store: TimelineStore

beforeEach(() => {
  const events = new AppEvents(vi.fn())
  heard = []
  events.onAny((frame) => heard.push(frame))
  store = new TimelineStore(events)
})

describe('open timelines', () => {
  it('have an id each, in the order of opening, and are announced', () => {
    const first = store.add(readFrom('/a.json'))
    const second = store.add(readFrom(null))
    expect(store.list().map(({ timelineId, path }) => [timelineId, path])).toEqual([[first, '/a.json'], [second, null]])
    expect(heard).toMatchObject([
      { event: 'timeline.changed', payload: { revision: 1, summary: { timelineId: first, live: false } } },
      { event: 'timeline.changed', payload: { revision: 1, summary: { timelineId: second } } },
    ])
  })

  it('are read anew under their id when their file is opened again', () => {
    const first = store.add(readFrom('/a.json'))
    const newer = simulated(smallConfig({ world: 4 }))
    expect(store.add(readFrom('/a.json', newer))).toBe(first)
    expect(store.get(first)).toMatchObject({ revision: 2, timeline: newer })
    expect(store.list()).toHaveLength(1)
    expect(heard.at(-1)).toMatchObject({ payload: { revision: 2, summary: { ranks: [0, 1, 2, 3] } } })
  })

  it('let go of whatever answers for them, once, when they are closed or read anew', () => {
    const [old, anew] = [readFrom('/a.json'), readFrom('/a.json')]
    const released = [vi.spyOn(old.owner, 'release'), vi.spyOn(anew.owner, 'release')]
    const counts = (): number[] => released.map((spy) => spy.mock.calls.length)
    const id = store.add(old)
    store.add(anew)
    expect([store.get(id).owner === anew.owner, ...counts()]).toEqual([true, 1, 0])
    store.close(id)
    expect(counts()).toEqual([1, 1])
  })

  it('without a file are all different', () => {
    expect(store.add(readFrom(null))).not.toBe(store.add(readFrom(null)))
  })

  it('know where they were saved', () => {
    const id = store.add(readFrom(null))
    store.saved(id, '/b.json.gz')
    expect(store.summary(id).path).toBe('/b.json.gz')
    expect(heard.at(-1)).toMatchObject({ event: 'timeline.changed', payload: { summary: { path: '/b.json.gz' } } })
  })

  it('that were saved to a file stay what they are when that file is opened', () => {
    const measured = simulated()
    const id = store.add(readFrom(null, measured))
    store.saved(id, '/b.json.gz')
    expect(store.add(readFrom('/b.json.gz', simulated(smallConfig({ world: 4 }))))).not.toBe(id)
    expect(store.get(id).timeline).toBe(measured)
  })

  it('are forgotten when closed, and their id is not used again', () => {
    const id = store.add(readFrom(null))
    store.close(id)
    expect(heard.at(-1)).toEqual({ event: 'timeline.closed', payload: { timelineId: id } })
    expect(store.list()).toEqual([])
    expect(() => store.get(id)).toThrow(NotFoundError)
    expect(() => { store.close(id) }).toThrow(NotFoundError)
    expect(store.add(readFrom(null))).not.toBe(id)
  })

  it('cannot be closed while a run adds to them', () => {
    const id = store.addLive(simulated)
    expect(() => { store.close(id) }).toThrow(BusyError)
    store.settle(id, simulated())
    expect(() => { store.close(id) }).not.toThrow()
  })

  it('are summarised once when they do not grow, and anew when they do', () => {
    const opened = readFrom('/a.json')
    const id = store.add({ ...opened, summary: { ...opened.summary, title: 'as it was summarised elsewhere' } })
    expect(store.list()).toMatchObject([{ timelineId: id, title: 'as it was summarised elsewhere' }])
    let now = simulated()
    const live = store.addLive(() => now)
    now = simulated(smallConfig({ world: 4 }))
    expect(store.summary(live).ranks).toEqual([0, 1, 2, 3])
  })

  it('that are live grow in revision with every batch of spans', () => {
    const id = store.addLive(simulated)
    store.grew(id)
    store.grew(id)
    expect(store.get(id).revision).toBe(3)
  })
})
