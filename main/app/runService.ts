import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { planRun } from '../../kernels/plan/planRun.ts'
import type { BridgeError } from '../../preload/contract/envelope.ts'
import type { RunProgressEvent, RunResult } from '../../preload/contract/run.ts'
import { runResult } from '../analysis/runResult.ts'
import type { RunHandle } from '../executor/executor.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { bridgeError, NotFoundError } from './errors.ts'
import type { AppEvents } from './events.ts'
import type { Log } from './log.ts'
import { EVENT_INTERVAL_MS, throttle } from './throttle.ts'
import type { TimelineStore } from './timelineStore.ts'
import type { WorkSlot } from './workSlot.ts'

export interface RunServiceOptions {
  /** Starts the ring's processes. */
  readonly start: (config: RunConfig) => RunHandle
  readonly timelines: TimelineStore
  readonly events: AppEvents
  readonly slot: WorkSlot
  readonly log: Log
}

interface ActiveRun {
  readonly runId: string
  readonly handle: RunHandle
  /** Of an iteration. */
  readonly steps: number
  lastProgress: RunProgressEvent | null
  /** Resolves, never rejects, when everything of the run is gone. */
  ended: Promise<void>
}

/** Runs rings, one at a time, and keeps each one's timeline open in the store. */
export class RunService {
  readonly #options: RunServiceOptions
  #active: ActiveRun | null = null
  #started = 0

  constructor(options: RunServiceOptions) {
    this.#options = options
  }

  /** The newest progress of the run under way, for a page that joins late. */
  get progress(): RunProgressEvent | null {
    return this.#active?.lastProgress ?? null
  }

  /** @throws BusyError while another run or a sweep goes on. */
  start(config: RunConfig): { runId: string; timelineId: string } {
    const { slot, timelines } = this.#options
    const release = slot.take(`the run "${config.name}"`)
    try {
      const steps = planRun(config).stepCount
      const handle = this.#options.start(config)
      const runId = `run-${++this.#started}`
      const timelineId = timelines.addLive(() => handle.timeline())
      const active: ActiveRun = { runId, handle, steps, lastProgress: null, ended: Promise.resolve() }
      this.#active = active
      active.ended = this.#follow(active, timelineId, release)
      return { runId, timelineId }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Harmless for a run that has ended. @throws NotFoundError for one that never was. */
  cancel(runId: string): void {
    if (this.#active?.runId === runId) this.#active.handle.cancel()
    else if (!this.#wasStarted(runId)) throw new NotFoundError('run', runId, 'no such run was started')
  }

  /** Cancels what goes on and waits until its processes and files are gone. */
  async dispose(): Promise<void> {
    this.#active?.handle.cancel()
    await this.#active?.ended
  }

  #wasStarted(runId: string): boolean {
    const number = Number(/^run-([1-9]\d*)$/.exec(runId)?.[1] ?? Number.NaN)
    return number <= this.#started
  }

  async #follow(active: ActiveRun, timelineId: string, release: () => void): Promise<void> {
    const { runId, handle, steps } = active
    const { timelines, events, log } = this.#options
    const progress = throttle<RunProgressEvent>(EVENT_INTERVAL_MS, (newest) => events.emit('run.progress', newest))
    const stopProgress = handle.onProgress((facts) => {
      active.lastProgress = { runId, timelineId, steps, ...facts }
      progress(active.lastProgress)
    })
    const stopSpans = handle.onSpans(() => timelines.grew(timelineId))
    const stop = (): void => {
      stopProgress()
      stopSpans()
      progress.flush()
      // Before the last event, so that a page that reacts to it by starting again is not told "busy".
      this.#active = null
      release()
    }
    const finished = (result: RunResult | null, error: BridgeError | null): void =>
      events.emit('run.finished', { runId, timelineId, result, error })

    let timeline: Timeline
    try {
      timeline = await handle.finished
    } catch (error) {
      stop()
      timelines.discard(timelineId)
      finished(null, bridgeError(error, 'starting the run', log))
      return
    }
    stop()
    timelines.settle(timelineId, timeline)
    try {
      finished(runResult(timeline, null), null)
    } catch (error) {
      // The spans are there to look at all the same.
      finished(null, bridgeError(error, 'computing the figures of the run', log))
    }
  }
}
