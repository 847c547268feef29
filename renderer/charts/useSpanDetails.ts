import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import type { SpanDetails } from '../../preload/contract/timeline.ts'
import { useBridge } from '../bridge/current.ts'

const DELAY_MS = 30
const MOST_CACHED = 500

/** Details of the span that a pointer rests on, asked for once it rests and remembered. Null while unknown. */
export function useSpanDetails(
  wanted: () => { readonly timelineId: string; readonly spanIndex: number } | null,
): Readonly<ShallowRef<SpanDetails | null>> {
  const details = shallowRef<SpanDetails | null>(null)
  const cache = new Map<string, SpanDetails>()
  let timer: ReturnType<typeof setTimeout> | undefined
  const keyOf = (span: { timelineId: string; spanIndex: number } | null): string | null =>
    span === null ? null : `${span.timelineId}:${span.spanIndex}`

  watch(() => keyOf(wanted()), (key) => {
    clearTimeout(timer)
    const span = wanted()
    const known = key === null ? null : cache.get(key) ?? null
    if (known !== null || span === null || key === null) {
      details.value = known
      return
    }
    timer = setTimeout(async () => {
      const answer = await useBridge().request('timeline.span', { timelineId: span.timelineId, spanIndex: span.spanIndex })
      // A span that cannot be described has no card; the chart stays usable.
      if (!answer.ok) return
      if (cache.size >= MOST_CACHED) cache.clear()
      cache.set(key, answer.data)
      if (keyOf(wanted()) === key) details.value = answer.data
    }, DELAY_MS)
  }, { immediate: true })
  onScopeDispose(() => clearTimeout(timer))
  return details
}
