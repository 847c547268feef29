import { dirname } from 'node:path'
import type { TraceProgress } from '../../preload/contract/events.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import type { SourceFile } from '../timeline/timeline.ts'
import { BusyError, CancelledError } from './errors.ts'
import type { AppEvents } from './events.ts'
import type { Log } from './log.ts'
import type { TimelineStore } from './timelineStore.ts'
import { TraceThread } from './traceThread.ts'

export interface OpeningsOptions {
  /** Module of the trace threads. */
  readonly entry: string
  /** Folder of the user's `classification.json`. */
  readonly rulesDir: string
  readonly timelines: TimelineStore
  readonly events: AppEvents
  readonly log: Log
  /** Limit of each thread's heap. */
  readonly heapMiB?: number
}

interface Opening {
  readonly thread: TraceThread
  lastProgress: TraceProgress | null
}

/** Where a group of files was read from: the one file, or the folder that holds them all; null where they have none in common. */
function pathOf(files: readonly SourceFile[]): string | null {
  if (files.length === 1) return files[0].path
  const folders = new Set(files.map(({ path }) => dirname(path)))
  return folders.size === 1 ? [...folders][0] : null
}

/** Opens traces, each group on a thread of its own, several at a time. */
export class Openings {
  readonly #options: OpeningsOptions
  readonly #underWay = new Map<string, Opening>()
  readonly #threads = new Set<TraceThread>()
  #shut = false

  constructor(options: OpeningsOptions) {
    this.#options = options
  }

  /** The newest progress of every opening under way, for a page that joins late. */
  get progress(): TraceProgress[] {
    return [...this.#underWay.values()].flatMap(({ lastProgress }) => (lastProgress === null ? [] : [lastProgress]))
  }

  /** Threads that read traces or hold them. */
  get threadCount(): number {
    return this.#threads.size
  }

  /**
   * Opens a group of files and folders, absolute. Files that are open already are read anew under their old id.
   * @param hiddenFolder as in TraceRequest; its files count as coming from nowhere.
   * @throws BusyError where an opening of this name is under way, CancelledError where it is cancelled, and what is wrong
   *   with the files where none of them could be opened.
   */
  async open(openId: string, paths: readonly string[], hiddenFolder: string | null = null): Promise<TimelineSummary[]> {
    const { entry, rulesDir, timelines, events, log, heapMiB } = this.#options
    if (this.#shut) throw new BusyError('Ringscope is closing')
    if (this.#underWay.has(openId)) throw new BusyError(`an opening ${JSON.stringify(openId)} is under way: give the next one another name`)
    const thread = new TraceThread({
      entry, log, heapMiB, request: { paths, rulesDir, hiddenFolder },
      onProgress: (progress) => {
        opening.lastProgress = { openId, ...progress }
        events.emit('trace.progress', opening.lastProgress)
      },
    })
    const opening: Opening = { thread, lastProgress: null }
    this.#underWay.set(openId, opening)
    this.#threads.add(thread)
    void thread.ended.then(() => this.#threads.delete(thread))
    try {
      const opened = await thread.opened
      if (opened.refused.length > 0) events.emit('trace.refused', { openId, files: opened.refused })
      return opened.timelines.map(({ timeline, summary, owner }) => {
        const place = hiddenFolder === null
          ? { path: pathOf(timeline.files), source: timeline.files.map(({ path }) => path).sort().join('\0') } : { path: null, source: null }
        return timelines.summary(timelines.add({ timeline, summary, owner, ...place }))
      })
    } catch (error) {
      await thread.stop(new CancelledError('the opening failed'))
      throw error
    } finally {
      this.#underWay.delete(openId)
    }
  }

  /** Harmless for an opening that has ended or never was: the page may ask before it has heard of the end. */
  async cancel(openId: string): Promise<void> {
    await this.#underWay.get(openId)?.thread.stop(new CancelledError('the opening was cancelled'))
  }

  /** Ends all threads, also those that hold open timelines. */
  async dispose(): Promise<void> {
    this.#shut = true
    await Promise.all([...this.#threads].map((thread) => thread.stop(new CancelledError('Ringscope is closing'))))
  }
}
