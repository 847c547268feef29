import { defineStore } from 'pinia'
import { computed, ref, shallowRef, triggerRef } from 'vue'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import { useBridge } from '../bridge/current.ts'
import { NO_FOLDS, type LaneFolds } from '../charts/laneFolds.ts'
import type { TimeWindow } from '../charts/timeWindow.ts'
import { useNotices } from './notices.ts'
import { useShell } from './shell.ts'

/** Where the user left the Gantt of a timeline. */
export interface TimelinePlace {
  /** Null shows everything. */
  window: TimeWindow | null
  pinnedSpan: number | null
  /** Ranks and lanes that the user folded or unfolded. */
  folds: LaneFolds
  /** A span that another view asks the Gantt to go to, once. */
  jumpTo: number | null
}

const KIND: Readonly<Record<TimelineSummary['source'], string>> = { run: '', trace: ' (trace)', simulation: ' (simulated)' }

/** Names for a list of timelines: the title, what it is, and a number where several would read alike. */
export function timelineNames(list: readonly TimelineSummary[]): ReadonlyMap<string, string> {
  const plain = list.map(({ title, live, source }) => {
    const kind = live ? ' (running)' : KIND[source]
    // A simulation's title says so by itself, also in a file it was saved to.
    return title.endsWith(kind) ? title : `${title}${kind}`
  })
  const seen = new Map<string, number>()
  return new Map(list.map(({ timelineId }, at) => {
    const name = plain[at]
    const number = (seen.get(name) ?? 0) + 1
    seen.set(name, number)
    return [timelineId, plain.indexOf(name) === plain.lastIndexOf(name) ? name : `${name}, no. ${number}`]
  }))
}

/** What is open. Holds summaries only: spans are asked for by the charts, at their resolution. */
export const useTimelines = defineStore('timelines', () => {
  const notices = useNotices()
  const summaries = shallowRef(new Map<string, TimelineSummary>())
  const revisions = shallowRef(new Map<string, number>())
  const places = new Map<string, TimelinePlace>()
  const currentId = ref<string | null>(null)
  const busy = ref<string | null>(null)

  const list = computed(() => [...summaries.value.values()])
  const current = computed(() => (currentId.value === null ? null : summaries.value.get(currentId.value) ?? null))
  const revisionOf = (timelineId: string): number => revisions.value.get(timelineId) ?? 0
  const revision = computed(() => (currentId.value === null ? 0 : revisionOf(currentId.value)))

  function put(summary: TimelineSummary, newRevision?: number): void {
    summaries.value.set(summary.timelineId, summary)
    triggerRef(summaries)
    if (newRevision !== undefined) {
      revisions.value.set(summary.timelineId, newRevision)
      triggerRef(revisions)
    }
  }

  function remove(timelineId: string): void {
    summaries.value.delete(timelineId)
    triggerRef(summaries)
    places.delete(timelineId)
    if (currentId.value === timelineId) currentId.value = list.value.at(-1)?.timelineId ?? null
  }

  function select(timelineId: string): void {
    currentId.value = timelineId
  }

  function placeOf(timelineId: string): TimelinePlace {
    const known = places.get(timelineId)
    if (known !== undefined) return known
    const place: TimelinePlace = { window: null, pinnedSpan: null, folds: NO_FOLDS, jumpTo: null }
    places.set(timelineId, place)
    return place
  }

  /** Shows a span of the current timeline in the Gantt. */
  function showSpan(spanIndex: number): void {
    if (currentId.value === null) return
    Object.assign(placeOf(currentId.value), { pinnedSpan: spanIndex, jumpTo: spanIndex })
    useShell().show('timeline')
  }

  function show(summary: TimelineSummary): void {
    put(summary)
    select(summary.timelineId)
    useShell().show('timeline')
  }

  /** What one opening brought: all are listed, the first is shown. */
  function showAll(opened: readonly TimelineSummary[]): void {
    for (const summary of opened) put(summary)
    if (opened.length > 0) show(opened[0])
  }

  /** Reads what is open on the other side, at start and after a lost connection. */
  async function load(): Promise<void> {
    const answer = await notices.ask('List the open timelines', 'timeline.list', {})
    if (!answer.ok) return
    summaries.value = new Map(answer.data.map((summary) => [summary.timelineId, summary]))
    if (current.value === null) currentId.value = answer.data.at(-1)?.timelineId ?? null
  }

  function listen(): void {
    const bridge = useBridge()
    bridge.subscribe('timeline.changed', ({ summary, revision: newRevision }) => {
      const isNew = !summaries.value.has(summary.timelineId)
      put(summary, newRevision)
      // A file opened outside the page (a second launch, the host's menu) is shown like one opened here.
      if (isNew && summary.source === 'trace') show(summary)
      else if (isNew && (summary.live || currentId.value === null)) select(summary.timelineId)
    })
    bridge.subscribe('timeline.closed', ({ timelineId }) => remove(timelineId))
  }

  /** @returns where it went, null when that failed or the user cancelled */
  async function save(timelineId: string): Promise<string | null> {
    busy.value = 'Saving the trace'
    const answer = notices.check('Save the trace', await useBridge().saveTrace(timelineId))
    busy.value = null
    return answer.ok ? answer.data?.path ?? null : null
  }

  async function close(timelineId: string): Promise<void> {
    const answer = await notices.ask('Close the timeline', 'timeline.close', { timelineId })
    if (answer.ok) remove(timelineId)
  }

  return {
    summaries, list, current, currentId, revision, revisionOf, busy,
    load, listen, select, show, showSpan, showAll, put, placeOf, save, close,
  }
})
