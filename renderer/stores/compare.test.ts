import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import type { Comparison } from '../../preload/contract/compare.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import { provideBridge } from '../bridge/current.ts'
import { memoryBridge, type MemoryBridge } from '../bridge/memoryBridge.ts'
import { MOST_COMPARED, useCompare } from './compare.ts'
import { useTimelines } from './timelines.ts'

const summary = (timelineId: string, change: Partial<TimelineSummary> = {}): TimelineSummary => ({
  timelineId, title: timelineId, source: 'run', live: false, path: null, spanCount: 1, startNs: 0, endNs: 1, busyNs: { startNs: 0, endNs: 1 },
  ranks: [0], lanes: [], run: null, files: [], clock: null, ...change,
})
const comparisonOf = (timelineIds: readonly string[]): Comparison => ({
  sources: timelineIds.map((id) => ({ id, title: id, kind: 'run', modelled: false, ranks: 1, windows: [{ startNs: 0, endNs: 1 }], windowKind: 'iterations' })),
  metrics: [], spans: [], moreSpans: 0, verdicts: [], warnings: [],
})

/** Answers come when the test says so. */
let answer: (() => void)[]
let bridge: MemoryBridge
beforeEach(() => {
  setActivePinia(createPinia())
  answer = []
  bridge = memoryBridge({
    'compare.timelines': ({ timelineIds }) => new Promise((resolve) => { answer.push(() => { resolve(comparisonOf(timelineIds)) }) }),
  })
  provideBridge(bridge)
})
const open = (...timelines: TimelineSummary[]): void => {
  for (const timeline of timelines) useTimelines().put(timeline)
}
const asked = () => bridge.requests.map(({ input }) => input)

describe('the comparison', () => {
  it('begins with the two newest that are complete, the older one as the base', () => {
    open(summary('a'), summary('b'), summary('c'), summary('running', { live: true }))
    const compare = useCompare()
    compare.chooseNewest()
    expect(compare.chosenIds).toEqual(['b', 'c'])
    compare.toggle('b')
    compare.chooseNewest()
    expect(compare.chosenIds).toEqual(['c'])
  })

  it('is asked for in the order of choice, and again with another base', async () => {
    open(summary('a'), summary('b'))
    const compare = useCompare()
    compare.toggle('b')
    compare.toggle('a')
    await nextTick()
    compare.makeBase('a')
    await nextTick()
    expect(asked()).toEqual([{ timelineIds: ['b', 'a'] }, { timelineIds: ['a', 'b'] }])
  })

  it('shows nothing of an older choice, also when its answer comes last', async () => {
    open(summary('a'), summary('b'), summary('c'))
    const compare = useCompare()
    compare.toggle('a')
    compare.toggle('b')
    await nextTick()
    compare.toggle('c')
    await nextTick()
    answer[1]()
    await vi.waitFor(() => { expect(compare.comparison?.sources.map(({ id }) => id)).toEqual(['a', 'b', 'c']) })
    answer[0]()
    await nextTick()
    expect(compare.comparison?.sources).toHaveLength(3)
    expect(compare.asking).toBe(false)
  })

  it('ends when a timeline is closed that leaves one', async () => {
    open(summary('a'), summary('b'))
    useTimelines().listen()
    const compare = useCompare()
    compare.chooseNewest()
    await nextTick()
    answer[0]()
    await vi.waitFor(() => { expect(compare.comparison).not.toBeNull() })
    bridge.emit('timeline.closed', { timelineId: 'b' })
    await nextTick()
    expect(compare.comparison).toBeNull()
    expect(compare.chosen.map(({ timelineId }) => timelineId)).toEqual(['a'])
  })

  it('is made anew of a run that ended since', async () => {
    open(summary('a'), summary('b', { live: true }))
    const compare = useCompare()
    compare.toggle('a')
    compare.toggle('b')
    await nextTick()
    open(summary('b'))
    await nextTick()
    expect(asked()).toHaveLength(2)
  })

  it('takes no more than the host does', () => {
    const ids = Array.from({ length: MOST_COMPARED + 1 }, (_, at) => `t${at}`)
    open(...ids.map((id) => summary(id)))
    for (const id of ids) useCompare().toggle(id)
    expect(useCompare().chosenIds).toEqual(ids.slice(0, MOST_COMPARED))
  })
})
