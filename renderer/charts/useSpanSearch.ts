import { computed, onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import type { SearchResult } from '../../preload/contract/timeline.ts'
import { useBridge } from '../bridge/current.ts'
import { useNotices } from '../stores/notices.ts'

/** Hits that the page holds; further ones are counted. */
const MOST_HITS = 100_000
const DELAY_MS = 200

/** One of the spans that were found. */
export interface Hit {
  readonly spanIndex: number
  readonly lane: number
  readonly startNs: number
  readonly endNs: number
}

/** The hit at a place in the result. @throws RangeError when there is none */
export function hitAt({ spanIndex, lane, startNs, durationNs }: SearchResult, at: number): Hit {
  if (at < 0 || at >= spanIndex.length) throw new RangeError(`hit ${at} of ${spanIndex.length}`)
  return { spanIndex: spanIndex[at], lane: lane[at], startNs: startNs[at], endNs: startNs[at] + durationNs[at] }
}

/**
 * The place of the next hit: after the current one, else the first that starts in or after what is on the screen.
 * Round at either end. @param step 1 or -1
 */
export function nextHit({ startNs }: SearchResult, current: number | null, step: 1 | -1, fromNs: number): number {
  const count = startNs.length
  if (current !== null) return (current + step + count) % count
  const first = startNs.findIndex((start) => start >= fromNs)
  const forward = first === -1 ? 0 : first
  return step === 1 ? forward : (forward - 1 + count) % count
}

/** What a search says of itself: `12 of 3,411`. */
export function describeHits(result: SearchResult | null, current: number | null): string {
  if (result === null) return ''
  if (result.total === 0) return 'nothing found'
  const total = result.total.toLocaleString('en-US')
  return current === null ? `${total} found` : `${(current + 1).toLocaleString('en-US')} of ${total}`
}

export interface SpanSearch {
  readonly text: Ref<string>
  /** Null where nothing is searched for, or the answer is not there yet. */
  readonly result: Readonly<ShallowRef<SearchResult | null>>
  readonly current: Readonly<Ref<number | null>>
  readonly busy: Readonly<Ref<boolean>>
  readonly description: Readonly<Ref<string>>
  /** Goes on to the next hit. @param fromNs where the screen begins. @returns null when nothing is found */
  go(step: 1 | -1, fromNs: number): Promise<Hit | null>
  clear(): void
}

/** Search over all spans of a timeline, asked for once typing rests. An answer that newer words overtook is dropped. */
export function useSpanSearch(timelineId: () => string | null): SpanSearch {
  const text = ref('')
  const result = shallowRef<SearchResult | null>(null)
  const current = ref<number | null>(null)
  const busy = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  let asked = 0
  let waiting: Promise<void> | null = null

  async function ask(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const id = timelineId()
    const words = text.value.trim()
    const number = ++asked
    if (id === null || words === '') return
    busy.value = true
    const answer = await useBridge().request('timeline.search', { timelineId: id, text: words, limit: MOST_HITS })
    if (number !== asked) return
    busy.value = false
    if (answer.ok) result.value = answer.data
    else useNotices().report(`Search for ${words}`, answer.error)
  }

  watch([text, timelineId], () => {
    asked++
    clearTimeout(timer)
    result.value = null
    current.value = null
    busy.value = false
    if (text.value.trim() !== '') timer = setTimeout(() => { waiting = ask() }, DELAY_MS)
  }, { flush: 'sync' })
  onScopeDispose(() => clearTimeout(timer))

  async function go(step: 1 | -1, fromNs: number): Promise<Hit | null> {
    // Enter does not wait for the typing to rest.
    if (timer !== undefined && result.value === null) waiting = ask()
    await waiting
    if (result.value === null || result.value.startNs.length === 0) return null
    current.value = nextHit(result.value, current.value, step, fromNs)
    return hitAt(result.value, current.value)
  }

  return {
    text, result, current, busy, description: computed(() => (busy.value ? 'searching' : describeHits(result.value, current.value))), go,
    clear() { text.value = '' },
  }
}
