import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import type { SelectionStats } from '../../preload/contract/timeline.ts'
import { useBridge } from '../bridge/current.ts'
import { useNotices } from '../stores/notices.ts'
import type { SelectedArea } from './ganttPicture.ts'

/** What is in the area that the user marked; null while there is none, or while it is counted. */
export function useSelectionStats(
  timelineId: () => string | null, area: () => SelectedArea | null,
): Readonly<ShallowRef<SelectionStats | null>> {
  const stats = shallowRef<SelectionStats | null>(null)
  let asked = 0
  watch([timelineId, area], async ([id, selected]) => {
    const number = ++asked
    stats.value = null
    if (id === null || selected === null) return
    const answer = await useBridge().request('timeline.selection', {
      timelineId: id, ...selected.window, ...(selected.lanes === null ? {} : { lanes: [...selected.lanes] }),
    })
    if (number !== asked) return
    if (answer.ok) stats.value = answer.data
    else useNotices().report('Count the selected spans', answer.error)
  }, { immediate: true })
  onScopeDispose(() => { asked++ })
  return stats
}
