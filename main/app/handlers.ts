import { checkRunConfig, parseRunConfig } from '../../kernels/config/runConfig.ts'
import type { AppInfo } from '../../preload/contract/routes.ts'
import { LARGEST_FRAME_BYTES } from '../../preload/contract/wire.ts'
import { exportCluster } from '../cluster/exportCluster.ts'
import { compareMeasures, measuredAlike } from '../compare/compareTimelines.ts'
import type { ConfigStore } from '../config/configStore.ts'
import { CONFIG_FIELDS } from '../config/fields.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { examineMachine } from '../machine/doctor.ts'
import { plannerTables } from '../planner/tables/tables.ts'
import { thisMachineCluster } from '../planner/tables/thisMachine.ts'
import { selectionStats } from '../timeline/selection.ts'
import { spanDetails } from '../timeline/spanDetails.ts'
import { queryViewport } from '../timeline/viewport.ts'
import type { Dialogs } from './dialogs.ts'
import { ForbiddenError, NotFoundError } from './errors.ts'
import { type Exports, traceFileName } from './exports.ts'
import type { Openings } from './openings.ts'
import type { PlannerThread } from './plannerThread.ts'
import type { Planner } from './planThread.ts'
import type { Handlers } from './router.ts'
import type { RatesService } from './ratesService.ts'
import type { RunService } from './runService.ts'
import { summaryFacts } from './summaryFacts.ts'
import type { SweepService } from './sweepService.ts'
import type { AnalysisCache } from './timelineAnalysis.ts'
import { hostOwner } from './timelineOwner.ts'
import type { TimelineStore } from './timelineStore.ts'
import type { Uploads } from './uploads.ts'

export interface HandlerParts {
  readonly installation: Installation
  readonly rankHost: RankHost
  readonly host: AppInfo['host']
  /** Null where the host has none. */
  readonly dialogs: Dialogs | null
  readonly configs: ConfigStore
  readonly planner: Planner
  readonly plannerThread: PlannerThread
  readonly timelines: TimelineStore
  readonly analyses: AnalysisCache
  readonly openings: Openings
  readonly uploads: Uploads
  readonly exports: Exports
  readonly runs: RunService
  readonly sweeps: SweepService
  readonly rates: RatesService
}

const FROM_PAGE = 'the config from the form'

function dialogsOf(dialogs: Dialogs | null, instead: string): Dialogs {
  if (dialogs === null) throw new ForbiddenError(`this host has no file dialogs: ${instead}`)
  return dialogs
}

/** What each route does. Everything with state is in the parts. */
export function createHandlers(parts: HandlerParts): Handlers {
  const { installation, host, configs, planner, plannerThread, timelines, analyses, openings, uploads, exports, runs, sweeps, rates } = parts

  return {
    'app.info': () => ({ version: installation.version, host, platform: process.platform, userConfigDir: configs.userDir }),

    'config.list': async () => ({ fields: CONFIG_FIELDS, configs: await configs.list() }),
    'config.check': async ({ config }) => {
      const checked = checkRunConfig(config)
      return { problems: checked.problems, plan: checked.config === null ? null : await planner.plan(checked.config) }
    },
    'config.save': ({ name, config }) => configs.save(name, config),

    'run.start': ({ config }) => runs.start(parseRunConfig(config, FROM_PAGE)),
    'run.cancel': ({ runId }) => {
      runs.cancel(runId)
      return {}
    },

    'timeline.list': () => timelines.list(),
    'timeline.viewport': ({ timelineId, ...query }) => {
      const { timeline, revision } = timelines.get(timelineId)
      return { timelineId, revision, ...queryViewport(timeline, query) }
    },
    'timeline.search': async ({ timelineId, text, limit }) =>
      ({ timelineId, ...await timelines.get(timelineId).owner.search({ text, limit }) }),
    'timeline.selection': ({ timelineId, ...query }) => ({ timelineId, ...selectionStats(timelines.get(timelineId).timeline, query) }),
    'timeline.span': async ({ timelineId, spanIndex }) => {
      const { timeline, owner } = timelines.get(timelineId)
      if (spanIndex >= timeline.spans.count) {
        throw new NotFoundError('span', String(spanIndex), `the timeline has ${timeline.spans.count} spans`)
      }
      return { ...spanDetails(timeline, spanIndex), wait: await owner.wait(spanIndex) }
    },
    'timeline.analysis': ({ timelineId }) => analyses.of(timelines.get(timelineId)),
    'timeline.close': ({ timelineId }) => {
      timelines.close(timelineId)
      return {}
    },

    'trace.openDialog': async ({ openId }) => {
      const paths = await dialogsOf(parts.dialogs, 'send the files as uploads and open them with trace.openUploads').openTraces()
      return paths === null ? null : await openings.open(openId, paths)
    },
    'trace.openUploads': async ({ openId, uploadIds }) => {
      const { paths, folder, remove } = uploads.take(uploadIds)
      try {
        return await openings.open(openId, paths, folder)
      } finally {
        await remove()
      }
    },
    'trace.openPaths': ({ openId, paths }, caller) => {
      if (!caller.trusted) throw new ForbiddenError('a page may not name files: open them with a dialog, or drop them on the window')
      return openings.open(openId, paths)
    },
    'trace.cancelOpen': async ({ openId }) => {
      await openings.cancel(openId)
      return {}
    },
    'trace.saveDialog': async ({ timelineId }) => {
      const { timeline } = timelines.get(timelineId)
      const path = await dialogsOf(parts.dialogs, 'get the file with trace.export or as a download')
        .saveTrace(traceFileName(timeline.title))
      if (path === null) return null
      await timelines.get(timelineId).owner.write(path)
      timelines.saved(timelineId, path)
      return { path }
    },
    'trace.export': ({ timelineId, gzip }) => exports.bytes(timelineId, { gzip, limit: LARGEST_FRAME_BYTES }),

    'sweep.start': (request) => sweeps.start({ ...request, config: parseRunConfig(request.config, FROM_PAGE) }),
    'sweep.pause': ({ sweepId }) => {
      sweeps.pause(sweepId)
      return {}
    },
    'sweep.resume': ({ sweepId }) => {
      sweeps.resume(sweepId)
      return {}
    },
    'sweep.cancel': ({ sweepId }) => {
      sweeps.cancel(sweepId)
      return {}
    },

    'machine.doctor': () => examineMachine(installation, parts.rankHost),
    'machine.rates': ({ measure }) => (measure ? rates.measure() : rates.known()),

    'planner.tables': async () => plannerTables(thisMachineCluster(await rates.known())),
    'planner.ask': (question) => plannerThread.answers(question, FROM_PAGE),
    'planner.published': () => plannerThread.published(),
    'simulation.open': async ({ config, cluster, disturbance }) => {
      const timeline = await planner.simulation({ config: parseRunConfig(config, FROM_PAGE), cluster, disturbance })
      const owner = hostOwner(() => timeline)
      return { timelineId: timelines.add({ timeline, summary: summaryFacts(timeline), owner, path: null, source: null }) }
    },

    'compare.timelines': async ({ timelineIds }) => {
      const open = timelineIds.map((timelineId) => timelines.get(timelineId))
      return compareMeasures(await measuredAlike(open.map((each) => ({
        id: each.timelineId,
        measure: (wanted) => each.owner.measure(wanted),
        path: async () => (await analyses.of(each)).trace.criticalPath,
      }))))
    },

    'cluster.export': ({ config }) => exportCluster(parseRunConfig(config, FROM_PAGE), installation.clusterDir),
  }
}
