import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { BridgeError } from '../../preload/contract/envelope.ts'
import type { BridgeEvents } from '../../preload/contract/events.ts'
import type { RunProgressEvent, RunResult } from '../../preload/contract/run.ts'
import { useBridge } from '../bridge/current.ts'
import { useNotices } from './notices.ts'
import { useTimelines } from './timelines.ts'

interface RunIds {
  readonly runId: string
  readonly timelineId: string
}

/** The run under way and the last one that ended. */
export const useRuns = defineStore('runs', () => {
  const notices = useNotices()
  const timelines = useTimelines()
  const active = shallowRef<RunIds | null>(null)
  const starting = ref(false)
  const cancelling = ref(false)
  const progress = shallowRef<RunProgressEvent | null>(null)
  const result = shallowRef<RunResult | null>(null)
  const resultTimelineId = ref<string | null>(null)
  const error = shallowRef<BridgeError | null>(null)
  const ended = new Set<string>()

  const running = computed(() => starting.value || active.value !== null)

  /** Which word describes the run: the host's phase while it goes on, how it ended after. */
  const status = computed(() => {
    if (starting.value) return 'starting'
    if (active.value !== null) return progress.value?.phase ?? 'starting'
    if (error.value !== null) return error.value.code === 'cancelled' ? 'cancelled' : 'failed'
    if (result.value === null) return 'idle'
    if (result.value.failure !== null) return result.value.failure.kind === 'cancelled' ? 'cancelled' : 'failed'
    return 'finished'
  })

  function begin(ids: RunIds): void {
    active.value = ids
    result.value = null
    error.value = null
    resultTimelineId.value = ids.timelineId
    timelines.select(ids.timelineId)
  }

  function onProgress(next: RunProgressEvent): void {
    if (ended.has(next.runId)) return
    // A run that this page did not start (it was reloaded, or another window did) is followed all the same.
    if (active.value?.runId !== next.runId) begin(next)
    progress.value = next
  }

  function onFinished(event: BridgeEvents['run.finished']): void {
    ended.add(event.runId)
    if (active.value !== null && active.value.runId !== event.runId) return
    active.value = null
    cancelling.value = false
    result.value = event.result
    error.value = event.error
    resultTimelineId.value = event.timelineId
    if (event.error !== null && event.error.code !== 'cancelled') notices.report('Run the config', event.error)
  }

  function listen(): void {
    useBridge().subscribe('run.progress', onProgress)
    useBridge().subscribe('run.finished', onFinished)
  }

  async function start(config: unknown): Promise<void> {
    starting.value = true
    progress.value = null
    const answer = await notices.ask('Start the run', 'run.start', { config })
    starting.value = false
    if (answer.ok && !ended.has(answer.data.runId)) begin(answer.data)
  }

  async function cancel(): Promise<void> {
    if (active.value === null) return
    cancelling.value = true
    const answer = await notices.ask('Cancel the run', 'run.cancel', { runId: active.value.runId })
    if (!answer.ok) cancelling.value = false
  }

  /** After a reload or a lost connection: what the newest run on the other side is or was. */
  async function recover(): Promise<void> {
    const newest = timelines.list.findLast((summary) => summary.source === 'run')
    const live = timelines.list.some((summary) => summary.live)
    if (active.value !== null && !live) active.value = null
    if (newest === undefined || newest.live || active.value !== null || result.value !== null) return
    const answer = await notices.ask('Read the last run', 'timeline.analysis', { timelineId: newest.timelineId })
    if (!answer.ok) return
    result.value = answer.data.trace.run
    resultTimelineId.value = newest.timelineId
  }

  return { active, starting, cancelling, running, status, progress, result, resultTimelineId, error, listen, start, cancel, recover }
})
