import { randomUUID } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import type { Result } from '../../preload/contract/envelope.ts'
import type { AppInfo } from '../../preload/contract/routes.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import type { EventFrame } from '../../preload/contract/wire.ts'
import { ConfigStore, defaultUserConfigDir } from '../config/configStore.ts'
import { startRun } from '../executor/executor.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { RatesStore } from '../rates/ratesStore.ts'
import { startSweep } from '../sweep/sweep.ts'
import { thisMachine } from '../sweep/sweepMachine.ts'
import type { Dialogs } from './dialogs.ts'
import { AppEvents } from './events.ts'
import { Exports } from './exports.ts'
import { createHandlers } from './handlers.ts'
import { type Log, logToStderr } from './log.ts'
import { Openings } from './openings.ts'
import { PlannerThread } from './plannerThread.ts'
import { Planner } from './planThread.ts'
import { createRouter, type Router } from './router.ts'
import { RatesService } from './ratesService.ts'
import { RunService } from './runService.ts'
import { Scratch } from './scratch.ts'
import { SweepService } from './sweepService.ts'
import { AnalysisCache } from './timelineAnalysis.ts'
import { TimelineStore } from './timelineStore.ts'
import { Uploads } from './uploads.ts'
import { WorkSlot } from './workSlot.ts'

export interface AppOptions {
  readonly installation: Installation
  /** Starts the processes of ranks and sweeps. */
  readonly rankHost: RankHost
  readonly host: AppInfo['host']
  /** Null where the host has no file dialogs. */
  readonly dialogs: Dialogs | null
  /** Folder of the user's configs; by default `RINGSCOPE_CONFIG_DIR` or the system's place for settings. */
  readonly userConfigDir?: string
  /** Folder for files on their way in or out; by default where the system keeps large temporary ones. */
  readonly scratchParent?: string
  /** Where faults of our own are written; standard error by default. */
  readonly log?: Log
}

/** The application without a window: what every host serves to its pages. */
export interface App {
  readonly router: Router
  readonly events: AppEvents
  /** Files that pages send. */
  readonly uploads: Uploads
  /** Files that pages fetch. */
  readonly exports: Exports
  /** What a page that joins late has to hear first: the newest progress of what goes on. */
  currentEvents(): EventFrame[]
  /**
   * Opens traces and folders that the user named on a command line, relative to the working directory, as one group.
   * @param openId names the opening in its events; a new name by default.
   */
  openPaths(paths: readonly string[], openId?: string): Promise<Result<readonly TimelineSummary[]>>
  /** Cancels what goes on, waits until its processes and files are gone, and starts nothing more. */
  dispose(): Promise<void>
}

/** Puts the application together. Holds no process and no file until something is asked of it. */
export function createApp(options: AppOptions): App {
  const { installation, rankHost, host, dialogs, log = logToStderr } = options
  const engine = { installation, rankHost }
  const events = new AppEvents(log)
  const slot = new WorkSlot()
  const timelines = new TimelineStore(events)
  const analyses = new AnalysisCache()
  const configs = new ConfigStore(join(installation.fixturesDir, 'configs'), options.userConfigDir ?? defaultUserConfigDir())
  const scratch = new Scratch(options.scratchParent)
  const uploads = new Uploads(scratch)
  const exports = new Exports(timelines, scratch)
  const openings = new Openings({ entry: installation.traceEntry, rulesDir: dirname(configs.userDir), timelines, events, log })
  const runs = new RunService({ start: (config) => startRun(config, engine), timelines, events, slot, log })
  const sweeps = new SweepService({ start: (ask) => startSweep(ask, { ...engine, machine: thisMachine(engine, dirname(configs.userDir)) }), events, slot, log })
  const rates = new RatesService({ engine, store: new RatesStore(join(dirname(configs.userDir), 'rates.json')), slot })
  const router = createRouter(
    createHandlers({
      installation, rankHost, host, dialogs, configs, planner: new Planner(installation.planEntry),
      plannerThread: new PlannerThread(installation.plannerEntry), timelines, analyses, openings, uploads, exports,
      runs, sweeps, rates,
    }), log)
  events.on('timeline.closed', ({ timelineId }) => { analyses.forget(timelineId) })

  return {
    router, events, uploads, exports,
    currentEvents() {
      const frames: EventFrame[] = []
      if (runs.progress !== null) frames.push({ event: 'run.progress', payload: runs.progress })
      for (const payload of openings.progress) frames.push({ event: 'trace.progress', payload })
      if (sweeps.progress !== null) frames.push({ event: 'sweep.progress', payload: sweeps.progress })
      return frames
    },
    async openPaths(paths, openId = randomUUID()) {
      const input = { openId, paths: paths.map((path) => resolve(path)) }
      // The router answers every route with its own output type.
      return await router.handle('trace.openPaths', input, { trusted: true }) as Result<readonly TimelineSummary[]>
    },
    async dispose() {
      slot.shut()
      await Promise.all([runs.dispose(), sweeps.dispose(), rates.dispose(), openings.dispose()])
      scratch.remove()
    },
  }
}
