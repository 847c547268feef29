import { defineStore } from 'pinia'
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import type { TimelineAnalysis } from '../../preload/contract/analysis.ts'
import { useNotices } from './notices.ts'
import { useTimelines } from './timelines.ts'

/** A run that still adds spans is analysed at most this often. */
const LIVE_INTERVAL_MS = 1000
/** The spans on the screen are asked for first: the analysis of a long timeline takes the host a while. */
const SPANS_FIRST_MS = 150

/** The newest answer, for the view that is shown next: a long trace takes the host seconds. */
const useNewestAnalysis = defineStore('newestAnalysis', () => ({ newest: shallowRef<TimelineAnalysis | null>(null) }))

/** The analysis of the current timeline, read again as a live run grows and once more when it has ended. */
export function useAnalysis(): Readonly<ShallowRef<TimelineAnalysis | null>> {
  const timelines = useTimelines()
  const notices = useNotices()
  const kept = useNewestAnalysis()
  const analysis = shallowRef<TimelineAnalysis | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let lastAsked = 0

  async function read(timelineId: string): Promise<void> {
    lastAsked = performance.now()
    const answer = await notices.ask('Analyse the timeline', 'timeline.analysis', { timelineId })
    if (!answer.ok || timelines.currentId !== timelineId) return
    analysis.value = answer.data
    kept.newest = answer.data
  }

  watch(() => [timelines.currentId, timelines.current?.live, timelines.revision] as const, ([id, live], previous) => {
    clearTimeout(timer)
    if (id !== previous?.[0]) analysis.value = null
    if (id === null) return
    if (live === false && kept.newest?.timelineId === id && kept.newest.revision >= timelines.revision) {
      analysis.value = kept.newest
      return
    }
    const wait = live === true ? Math.max(0, lastAsked + LIVE_INTERVAL_MS - performance.now()) : SPANS_FIRST_MS
    timer = setTimeout(() => void read(id), wait)
  }, { immediate: true })
  onScopeDispose(() => clearTimeout(timer))
  return analysis
}
