import type { BridgeError } from '../../preload/contract/envelope.ts'
import type { AnySweepReport, SweepProgress } from '../../preload/contract/sweep.ts'
import type { SweepAsk, SweepHandle } from '../sweep/sweep.ts'
import { bridgeError, NotFoundError } from './errors.ts'
import type { AppEvents } from './events.ts'
import type { Log } from './log.ts'
import { EVENT_INTERVAL_MS, throttle } from './throttle.ts'
import type { WorkSlot } from './workSlot.ts'

export interface SweepServiceOptions {
  /** Starts the processes that measure. */
  readonly start: (ask: SweepAsk) => SweepHandle
  readonly events: AppEvents
  readonly slot: WorkSlot
  readonly log: Log
}

interface ActiveSweep {
  readonly sweepId: string
  readonly handle: SweepHandle
  lastProgress: SweepProgress | null
  /** Resolves, never rejects, when what measures is gone. */
  ended: Promise<void>
}

/** Measures tiles or whole rings, one sweep at a time, and never beside a run. */
export class SweepService {
  readonly #options: SweepServiceOptions
  #active: ActiveSweep | null = null
  #started = 0

  constructor(options: SweepServiceOptions) {
    this.#options = options
  }

  /** The newest progress of the sweep under way, for a page that joins late. */
  get progress(): SweepProgress | null {
    return this.#active?.lastProgress ?? null
  }

  /** @throws BusyError while a run or another sweep goes on. */
  start(ask: SweepAsk): { sweepId: string } {
    const release = this.#options.slot.take(`a sweep of "${ask.config.name}"`)
    try {
      const handle = this.#options.start(ask)
      const sweepId = `sweep-${++this.#started}`
      const active: ActiveSweep = { sweepId, handle, lastProgress: null, ended: Promise.resolve() }
      this.#active = active
      active.ended = this.#follow(active, release)
      return { sweepId }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Ends it with what it has measured. Harmless for a sweep that has ended. @throws NotFoundError for one that never was. */
  cancel(sweepId: string): void {
    this.#handle(sweepId)?.cancel()
  }

  /** Harmless for a sweep that has ended. @throws NotFoundError for one that never was. */
  pause(sweepId: string): void {
    this.#handle(sweepId)?.pause()
  }

  /** Harmless for a sweep that has ended. @throws NotFoundError for one that never was. */
  resume(sweepId: string): void {
    this.#handle(sweepId)?.resume()
  }

  /** Cancels what goes on and waits until its process is gone. */
  async dispose(): Promise<void> {
    this.#active?.handle.cancel()
    await this.#active?.ended
  }

  /** Null for a sweep that has ended. */
  #handle(sweepId: string): SweepHandle | null {
    if (this.#active?.sweepId === sweepId) return this.#active.handle
    if (!this.#wasStarted(sweepId)) throw new NotFoundError('sweep', sweepId, 'no such sweep was started')
    return null
  }

  #wasStarted(sweepId: string): boolean {
    const number = Number(/^sweep-([1-9]\d*)$/.exec(sweepId)?.[1] ?? Number.NaN)
    return number <= this.#started
  }

  async #follow(active: ActiveSweep, release: () => void): Promise<void> {
    const { sweepId, handle } = active
    const { events, log } = this.#options
    const progress = throttle<SweepProgress>(EVENT_INTERVAL_MS, (newest) => events.emit('sweep.progress', newest))
    const stopProgress = handle.onProgress((facts) => {
      active.lastProgress = { sweepId, ...facts }
      progress(active.lastProgress)
    })
    const finished = (report: AnySweepReport | null, error: BridgeError | null): void => {
      stopProgress()
      progress.flush()
      this.#active = null
      release()
      events.emit('sweep.finished', { sweepId, report, error })
    }
    let report: AnySweepReport
    try {
      report = await handle.finished
    } catch (error) {
      finished(null, bridgeError(error, 'the sweep', log))
      return
    }
    finished(report, null)
  }
}
