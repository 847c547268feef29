import { Worker } from 'node:worker_threads'
import type { TraceRefused } from '../../preload/contract/events.ts'
import { waitOf } from '../timeline/spanWaits.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { adoptIndex } from '../timeline/viewport.ts'
import { CancelledError, ForwardedError, outOfMemory, RequestError } from './errors.ts'
import { HeapWatch } from './heapWatch.ts'
import type { Log } from './log.ts'
import type { TimelineOwner } from './timelineOwner.ts'
import type {
  CrossingError, CrossingTimeline, FromTraceThread, OpeningProgress, Question, QuestionName, Questions, SummaryFacts, TraceRequest,
} from './traceMessages.ts'

/**
 * For what is not in typed arrays, which have no such limit: the texts of the traces. Electron gives all threads of a
 * process 4 GiB together.
 */
const HEAP_MIB = 3072

export interface TraceThreadOptions {
  /** Module of the thread. */
  readonly entry: string
  readonly request: TraceRequest
  readonly onProgress: (progress: OpeningProgress) => void
  readonly log: Log
  readonly heapMiB?: number
}

export interface OpenedTimeline {
  /** Its columns are shared with the thread. */
  readonly timeline: Timeline
  readonly summary: SummaryFacts
  readonly owner: TimelineOwner
}

export interface OpenedTraces {
  readonly timelines: readonly OpenedTimeline[]
  readonly refused: TraceRefused['files']
}

interface Pending {
  readonly ask: QuestionName
  readonly resolve: (data: never) => void
  readonly reject: (error: Error) => void
  readonly done: Promise<unknown>
}

/**
 * A thread that reads one group of traces, and answers for them as long as one of their timelines is open. It ends when
 * the last of them is released, when it is stopped, or by itself where something went wrong; this thread lives on.
 */
export class TraceThread {
  /** Rejects with what went wrong, or CancelledError where it was stopped. */
  readonly opened: Promise<OpenedTraces>
  /** Resolves, never rejects, when the thread is gone. */
  readonly ended: Promise<void>
  readonly #worker: Worker
  readonly #heap: HeapWatch
  readonly #options: TraceThreadOptions
  readonly #opening = Promise.withResolvers<OpenedTraces>()
  readonly #pending = new Map<number, Pending>()
  #asked = 0
  #held = 0
  #doing = 'opening traces'
  /** Why it answers nothing any more. */
  #reason: Error | null = null

  constructor(options: TraceThreadOptions) {
    this.#options = options
    this.opened = this.#opening.promise
    // Whoever opens is told; nobody has to listen for a failure from the first moment.
    this.opened.catch(() => undefined)
    this.#worker = new Worker(options.entry, {
      name: 'traces', workerData: options.request, resourceLimits: { maxOldGenerationSizeMb: options.heapMiB ?? HEAP_MIB },
    })
    this.#heap = new HeapWatch(this.#worker, () => { void this.stop(new RequestError('internal', outOfMemory(this.#doing))) })
    this.#heap.start()
    // The thread's own entry posts nothing else.
    this.#worker.on('message', (message: FromTraceThread) => { this.#hear(message) })
    this.#worker.on('error', (error: unknown) => { this.#gone(this.#explained(error)) })
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#heap.stop()
        this.#gone(new RequestError('internal', `the thread of ${this.#doing} ended with code ${code}: open the trace again`))
        resolve()
      })
    })
  }

  /** Ends the thread at once, whatever it does, but for files that are being saved. Resolves when it is gone. */
  async stop(reason: RequestError): Promise<void> {
    const saving = [...this.#pending.values()].filter(({ ask }) => ask === 'write').map(({ done }) => done)
    this.#gone(reason, 'keep writes')
    await Promise.allSettled(saving)
    await this.#worker.terminate()
    await this.ended
  }

  #hear(message: FromTraceThread): void {
    switch (message.kind) {
      case 'progress':
        this.#doing = message.progress.doing
        // What was on its way when it was stopped is of no use.
        if (this.#reason === null) this.#options.onProgress(message.progress)
        break
      case 'opened':
        if (this.#reason !== null) break
        this.#doing = `"${message.timelines[0]?.timeline.title ?? ''}"`
        this.#held = message.timelines.length
        this.#rest()
        this.#opening.resolve({ timelines: message.timelines.map((crossing, at) => this.#adopt(crossing, at)), refused: message.refused })
        break
      case 'failed':
        this.#opening.reject(this.#crossed(message.failure))
        break
      case 'answer':
        this.#settle(message.id)?.resolve(message.data as never)
        break
      case 'refusal':
        this.#settle(message.id)?.reject(this.#crossed(message.failure))
        break
    }
  }

  #adopt({ timeline, index, summary, waits }: CrossingTimeline, at: number): OpenedTimeline {
    adoptIndex(timeline, index)
    const known = 'error' in waits ? this.#withoutWaits(waits) : waits
    let released = false
    const owner: TimelineOwner = {
      analyze: () => this.#ask('analyze', at, {}),
      search: (input) => this.#ask('search', at, input),
      measure: (wanted) => this.#ask('measure', at, { wanted }),
      write: async (path) => { await this.#ask('write', at, { path }) },
      wait: (spanIndex) => Promise.resolve(known === null ? null : waitOf(known, spanIndex)),
      release: () => {
        if (released) return
        released = true
        if (--this.#held === 0) void this.stop(new CancelledError(`${this.#doing} was closed`))
      },
    }
    return { timeline, summary, owner }
  }

  #ask<Q extends QuestionName>(ask: Q, timeline: number, input: Questions[Q]['input']): Promise<Questions[Q]['answer']> {
    if (this.#reason !== null) return Promise.reject(this.#reason)
    const id = ++this.#asked
    const { promise, resolve, reject } = Promise.withResolvers<Questions[Q]['answer']>()
    this.#pending.set(id, { ask, resolve, reject, done: promise })
    // Name and input are correlated by Q; the union of questions cannot be written without saying so.
    this.#heap.start()
    this.#worker.postMessage({ id, ask, timeline, input } as Question)
    return promise
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    this.#rest()
    return pending
  }

  #rest(): void {
    if (this.#pending.size === 0) this.#heap.stop()
  }

  #crossed({ error, fault }: CrossingError): ForwardedError {
    if (fault !== null) this.#options.log(this.#doing, fault)
    return new ForwardedError(error)
  }

  #withoutWaits(failure: CrossingError): null {
    this.#options.log(`waiting and transfer of ${this.#doing}`, failure.fault ?? failure.error.message)
    return null
  }

  #explained(error: unknown): Error {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return new RequestError('internal', outOfMemory(this.#doing))
    }
    this.#options.log(`the thread of ${this.#doing}`, error)
    const message = error instanceof Error ? error.message : String(error)
    return new RequestError('internal', `the thread of ${this.#doing} crashed (${message}): open the trace again`)
  }

  /** The first reason counts: what comes after follows from it. */
  #gone(reason: Error, writes: 'keep writes' | 'drop writes' = 'drop writes'): void {
    this.#reason ??= reason
    this.#opening.reject(this.#reason)
    for (const [id, { ask, reject }] of this.#pending) {
      if (ask === 'write' && writes === 'keep writes') continue
      this.#pending.delete(id)
      reject(this.#reason)
    }
  }
}
