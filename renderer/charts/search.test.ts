import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, ref } from 'vue'
import type { SearchResult } from '../../preload/contract/timeline.ts'
import { provideBridge } from '../bridge/current.ts'
import { memoryBridge, type RouteHandlers } from '../bridge/memoryBridge.ts'
import { describeHits, nextHit, useSpanSearch, type SpanSearch } from './useSpanSearch.ts'

beforeEach(() => setActivePinia(createPinia()))

const found = (starts: readonly number[], total = starts.length): SearchResult => ({
  timelineId: 't', total, spanIndex: Uint32Array.from(starts.keys()), lane: new Uint32Array(starts.length),
  startNs: Float64Array.from(starts), durationNs: new Float64Array(starts.length).fill(5),
})

describe('the hits of a search', () => {
  const hits = found([10, 20, 30])
  it('begin with the first in or after what is on the screen', () => {
    expect([0, 15, 20, 31].map((fromNs) => nextHit(hits, null, 1, fromNs))).toEqual([0, 1, 1, 0])
    expect(nextHit(hits, null, -1, 15)).toBe(0)
  })
  it('go round at either end', () => {
    expect([nextHit(hits, 2, 1, 0), nextHit(hits, 0, -1, 0)]).toEqual([0, 2])
  })
  it('are counted, also those that the page does not hold', () => {
    expect(describeHits(found([1, 2], 3411), 1)).toBe('2 of 3,411')
    expect(describeHits(found([1, 2], 3411), null)).toBe('3,411 found')
    expect(describeHits(found([]), null)).toBe('nothing found')
    expect(describeHits(null, null)).toBe('')
  })
})

describe('searching', () => {
  function searching(handlers: RouteHandlers, id = ref<string | null>('t')): { search: SpanSearch; asked: () => string[]; stop: () => void } {
    const bridge = memoryBridge(handlers)
    provideBridge(bridge)
    const scope = effectScope()
    const search = scope.run(() => useSpanSearch(() => id.value))
    if (search === undefined) throw new Error('the scope has ended')
    return { search, asked: () => bridge.requests.map(({ input }) => (input as { text: string }).text), stop: () => scope.stop() }
  }

  it('asks once typing rests, and holds what was found until the words change', async () => {
    const { search, asked, stop } = searching({ 'timeline.search': () => found([10, 20]) })
    search.text.value = 'nc'
    search.text.value = 'nccl '
    await vi.waitFor(() => expect(search.result.value?.total).toBe(2))
    expect(asked()).toEqual(['nccl'])
    expect(await search.go(1, 15)).toEqual({ spanIndex: 1, lane: 0, startNs: 20, endNs: 25 })
    expect(search.description.value).toBe('2 of 2')
    search.clear()
    expect([search.result.value, search.description.value]).toEqual([null, ''])
    stop()
  })
  it('does not wait for typing to rest when Enter is pressed', async () => {
    const { search, stop } = searching({ 'timeline.search': () => found([10]) })
    search.text.value = 'flash'
    expect(await search.go(1, 0)).toMatchObject({ spanIndex: 0 })
    stop()
  })
  it('drops an answer that newer words or another timeline overtook', async () => {
    const answers: ((result: SearchResult) => void)[] = []
    const id = ref<string | null>('t')
    const { search, stop } = searching({ 'timeline.search': () => new Promise((resolve) => answers.push(resolve)) }, id)
    search.text.value = 'old'
    const stale = search.go(1, 0)
    id.value = 'other'
    answers[0](found([1, 2, 3]))
    expect(await stale).toBeNull()
    expect(search.result.value).toBeNull()
    stop()
  })
})
