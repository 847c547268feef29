import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { Comparison } from '../../preload/contract/compare.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import { useNotices } from './notices.ts'
import { useTimelines } from './timelines.ts'

/** More side by side are too low to read; the host takes no more either. */
export const MOST_COMPARED = 8

/** Which timelines lie side by side, and how they differ. The first chosen is the base. */
export const useCompare = defineStore('compare', () => {
  const timelines = useTimelines()
  const notices = useNotices()
  const chosenIds = ref<readonly string[]>([])
  const comparison = shallowRef<Comparison | null>(null)
  const asking = ref(false)
  /** Which of their windows lie over each other: the first, the second... */
  const windowAt = ref(0)
  let newestAsked = 0

  const chosen = computed(() => chosenIds.value.flatMap((id) => timelines.summaries.get(id) ?? []))
  const windowCount = computed(() => (comparison.value === null ? 0 : Math.max(...comparison.value.sources.map(({ windows }) => windows.length))))

  /** The last two that are complete, the older one as the base, where nothing was chosen yet. */
  function chooseNewest(): void {
    if (chosen.value.length > 0) return
    const complete = timelines.list.filter(({ live }) => !live)
    if (complete.length >= 2) chosenIds.value = complete.slice(-2).map(({ timelineId }) => timelineId)
  }

  function toggle(timelineId: string): void {
    chosenIds.value = chosenIds.value.includes(timelineId)
      ? chosenIds.value.filter((id) => id !== timelineId)
      : [...chosenIds.value, timelineId].slice(0, MOST_COMPARED)
  }

  function makeBase(timelineId: string): void {
    chosenIds.value = [timelineId, ...chosenIds.value.filter((id) => id !== timelineId)]
  }

  async function ask(timelineIds: string[]): Promise<void> {
    const asked = ++newestAsked
    asking.value = true
    const answer = await notices.ask('Compare the timelines', 'compare.timelines', { timelineIds })
    // What was chosen meanwhile is asked for by itself.
    if (asked !== newestAsked) return
    asking.value = false
    comparison.value = answer.ok ? answer.data : null
  }

  // A closed timeline leaves the comparison; one that ended after it was chosen is compared as it ended.
  watch(() => chosen.value.map(({ timelineId, live }: TimelineSummary) => `${timelineId} ${live}`).join('\n'), () => {
    comparison.value = null
    windowAt.value = 0
    newestAsked++
    asking.value = false
    if (chosen.value.length >= 2) void ask(chosen.value.map(({ timelineId }) => timelineId))
  }, { immediate: true })

  return { chosenIds, chosen, comparison, asking, windowAt, windowCount, chooseNewest, toggle, makeBase }
})
