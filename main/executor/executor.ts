import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { RunProgress } from '../../preload/contract/run.ts'
import type { Installation } from '../installation.ts'
import type { Timeline } from '../timeline/timeline.ts'
import type { RankHost } from './rankHost.ts'
import { RunSupervisor } from './runSupervisor.ts'

export const DEFAULT_STALL_TIMEOUT_MS = 60_000
/** Between two progress events. */
const PROGRESS_INTERVAL_MS = 100

export interface RunOptions {
  readonly installation: Installation
  readonly rankHost: RankHost
  /** How long a rank may neither speak nor use the CPU before the run is given up. */
  readonly stallTimeoutMs?: number
  /** How long the ranks may take until all are connected; by default enough for the backend. */
  readonly startupTimeoutMs?: number
}

type ProgressListener = (progress: Omit<RunProgress, 'runId' | 'timelineId'>) => void

/** A run that goes on. */
export interface RunHandle {
  /** The timeline so far; may be asked for at any moment. */
  timeline(): Timeline
  /** At most ten times a second, and at every change of phase. @returns ends the subscription. */
  onProgress(listener: ProgressListener): () => void
  /** Called when spans were added. @returns ends the subscription. */
  onSpans(listener: () => void): () => void
  /** Ends all ranks at once; `finished` resolves with the failure "cancelled". Harmless afterwards. */
  cancel(): void
  /**
   * The whole timeline; with `run.failure` set and what there is of the spans when a rank crashed, fell silent or the
   * run was cancelled. By then no process and no file of the run is left.
   * @throws BackendUnavailableError, ArenaTooLargeError, InvalidInputError when nothing could be started.
   */
  readonly finished: Promise<Timeline>
}

/** Calls back at most every {@link PROGRESS_INTERVAL_MS}, and always once more after the last call. */
function atIntervals(callback: () => void): { call(): void; flush(): void } {
  let timer: NodeJS.Timeout | null = null
  let again = false
  const call = (): void => {
    if (timer !== null) {
      again = true
      return
    }
    again = false
    callback()
    timer = setTimeout(() => {
      timer = null
      if (again) call()
    }, PROGRESS_INTERVAL_MS)
    timer.unref()
  }
  return {
    call,
    flush: () => {
      if (timer !== null) clearTimeout(timer)
      timer = null
      callback()
    },
  }
}

/** Runs a config on one process per rank and measures it. Returns at once. */
export function startRun(config: RunConfig, options: RunOptions): RunHandle {
  const progressListeners = new Set<ProgressListener>()
  const spanListeners = new Set<() => void>()
  const progress = atIntervals(() => {
    const now = supervisor.progress()
    for (const listener of progressListeners) listener(now)
  })
  let phase: RunProgress['phase'] = 'starting'
  const supervisor = new RunSupervisor(config, {
    installation: options.installation,
    rankHost: options.rankHost,
    stallTimeoutMs: options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS,
    startupTimeoutMs: options.startupTimeoutMs,
  }, {
    progress: () => {
      const changed = supervisor.progress().phase !== phase
      phase = supervisor.progress().phase
      if (changed) progress.flush()
      else progress.call()
    },
    spans: () => {
      for (const listener of spanListeners) listener()
    },
  })
  const finished = supervisor.run()
  // Whoever waits sees the rejection; a handle nobody waits for must not end the process.
  finished.catch(() => undefined)
  return {
    finished,
    timeline: () => supervisor.timeline(),
    cancel: () => supervisor.cancel(),
    onProgress: (listener) => {
      progressListeners.add(listener)
      return () => progressListeners.delete(listener)
    },
    onSpans: (listener) => {
      spanListeners.add(listener)
      return () => spanListeners.delete(listener)
    },
  }
}
