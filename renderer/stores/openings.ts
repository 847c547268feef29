import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import type { Result } from '../../preload/contract/envelope.ts'
import type { TraceProgress } from '../../preload/contract/events.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import { useBridge } from '../bridge/current.ts'
import { formatCount } from '../format/quantity.ts'
import { useNotices } from './notices.ts'
import { useTimelines } from './timelines.ts'

/** Traces that are being opened. */
export interface Opening {
  readonly openId: string
  /** What is opened: a file's name, or how many files. */
  readonly title: string
  /** Null while the other side has said nothing, as while a dialog is shown. */
  readonly progress: TraceProgress | null
  readonly cancelling: boolean
}

/** Names an opening: `rank-0.json`, `8 files`. */
export function titleOf(names: readonly string[]): string {
  return names.length === 1 ? names[0] : `${formatCount(names.length)} files`
}

/** The openings under way. Several may be: each has its own progress, and can be cancelled. */
export const useOpenings = defineStore('openings', () => {
  const notices = useNotices()
  const timelines = useTimelines()
  const openings = ref<readonly Opening[]>([])
  const shown = computed(() => openings.value.filter(({ progress }) => progress !== null))

  function change(openId: string, part: Partial<Opening>): void {
    openings.value = openings.value.map((opening) => (opening.openId === openId ? { ...opening, ...part } : opening))
  }

  function listen(): void {
    useBridge().subscribe('trace.progress', (progress) => change(progress.openId, { progress }))
    useBridge().subscribe('trace.refused', ({ files }) => {
      for (const { path, message } of files) notices.report(`Open ${path}`, { message })
    })
  }

  /** Keeps an opening on the list while it goes on, and shows what it brought. */
  async function follow(
    title: string, progress: TraceProgress | null, open: (openId: string) => Promise<Result<readonly TimelineSummary[] | null>>,
  ): Promise<void> {
    const openId = crypto.randomUUID()
    openings.value = [...openings.value, { openId, title, progress: progress === null ? null : { ...progress, openId }, cancelling: false }]
    try {
      const answer = await open(openId)
      if (answer.ok) timelines.showAll(answer.data ?? [])
      else if (answer.error.code !== 'cancelled') notices.report(`Open ${title}`, answer.error)
    } finally {
      openings.value = openings.value.filter((opening) => opening.openId !== openId)
    }
  }

  /** Files that the user dropped or picked together are one opening: the ranks of one job become one timeline. */
  async function openFiles(files: readonly File[]): Promise<void> {
    if (files.length === 0) return
    const totalBytes = files.reduce((sum, { size }) => sum + size, 0)
    const start: TraceProgress = { openId: '', doing: 'starting', bytesRead: 0, totalBytes, events: 0 }
    await follow(titleOf(files.map(({ name }) => name)), start, (openId) => useBridge().openFiles(files, openId))
  }

  async function openWithDialog(): Promise<void> {
    await follow('a trace', null, (openId) => useBridge().request('trace.openDialog', { openId }))
  }

  async function cancel(openId: string): Promise<void> {
    change(openId, { cancelling: true })
    const answer = await notices.ask('Cancel the opening', 'trace.cancelOpen', { openId })
    if (!answer.ok) change(openId, { cancelling: false })
  }

  return { openings, shown, listen, openFiles, openWithDialog, cancel }
})
