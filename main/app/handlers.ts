import { checkRunConfig, parseRunConfig } from '../../kernels/config/runConfig.ts'
import type { AppInfo } from '../../preload/contract/routes.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import type { ConfigStore } from '../config/configStore.ts'
import { CONFIG_FIELDS } from '../config/fields.ts'
import { slug } from '../config/slug.ts'
import type { RankHost } from '../executor/rankHost.ts'
import type { Installation } from '../installation.ts'
import { examineMachine } from '../machine/doctor.ts'
import { spanDetails } from '../timeline/spanDetails.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { queryViewport } from '../timeline/viewport.ts'
import { traceBytes, writeTrace } from '../traces/exportTrace.ts'
import { openTrace, openTraceBytes } from '../traces/openTrace.ts'
import type { Dialogs } from './dialogs.ts'
import { ForbiddenError, NotFoundError } from './errors.ts'
import type { Planner } from './planThread.ts'
import type { Handlers } from './router.ts'
import type { RunService } from './runService.ts'
import type { SweepService } from './sweepService.ts'
import type { AnalysisCache } from './timelineAnalysis.ts'
import type { TimelineStore } from './timelineStore.ts'

export interface HandlerParts {
  readonly installation: Installation
  readonly rankHost: RankHost
  readonly host: AppInfo['host']
  /** Null where the host has none. */
  readonly dialogs: Dialogs | null
  readonly configs: ConfigStore
  readonly planner: Planner
  readonly timelines: TimelineStore
  readonly analyses: AnalysisCache
  readonly runs: RunService
  readonly sweeps: SweepService
}

const FROM_PAGE = 'the config from the form'

/** Name offered for a timeline's file. */
export const traceFileName = (title: string): string => `${slug(title)}.json.gz`

function dialogsOf(dialogs: Dialogs | null, instead: string): Dialogs {
  if (dialogs === null) throw new ForbiddenError(`this host has no file dialogs: ${instead}`)
  return dialogs
}

/** What each route does. Everything with state is in the parts. */
export function createHandlers(parts: HandlerParts): Handlers {
  const { installation, host, configs, planner, timelines, analyses, runs, sweeps } = parts
  const opened = (timeline: Timeline, path: string | null): TimelineSummary =>
    timelines.summary(timelines.add(timeline, path))

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
    'timeline.viewport': ({ timelineId, startNs, endNs, pixels }) => {
      const { timeline, revision } = timelines.get(timelineId)
      return { timelineId, revision, ...queryViewport(timeline, { startNs, endNs, pixels }) }
    },
    'timeline.span': ({ timelineId, spanIndex }) => {
      const { timeline } = timelines.get(timelineId)
      if (spanIndex >= timeline.spans.count) {
        throw new NotFoundError('span', String(spanIndex), `the timeline has ${timeline.spans.count} spans`)
      }
      return spanDetails(timeline, spanIndex)
    },
    'timeline.analysis': ({ timelineId }) => analyses.of(timelines.get(timelineId)),
    'timeline.close': ({ timelineId }) => {
      timelines.close(timelineId)
      return {}
    },

    'trace.openDialog': async () => {
      const path = await dialogsOf(parts.dialogs, 'send the file with trace.openBytes or as an upload').openTrace()
      return path === null ? null : opened(await openTrace(path), path)
    },
    'trace.openBytes': async ({ name, bytes }) => opened(await openTraceBytes(name, bytes), null),
    'trace.openPath': async ({ path }, caller) => {
      if (!caller.trusted) throw new ForbiddenError('a page may not name files: open the file with a dialog, or drop it on the window')
      return opened(await openTrace(path), path)
    },
    'trace.saveDialog': async ({ timelineId }) => {
      const { timeline } = timelines.get(timelineId)
      const path = await dialogsOf(parts.dialogs, 'get the file with trace.export or as a download')
        .saveTrace(traceFileName(timeline.title))
      if (path === null) return null
      await writeTrace(timelines.get(timelineId).timeline, path)
      timelines.saved(timelineId, path)
      return { path }
    },
    'trace.export': async ({ timelineId, gzip }) => {
      const { timeline } = timelines.get(timelineId)
      const name = traceFileName(timeline.title)
      return { fileName: gzip ? name : name.replace(/\.gz$/, ''), bytes: await traceBytes(timeline, { gzip }) }
    },

    'sweep.start': ({ config, blockQ, blockK, repeats }) =>
      sweeps.start(parseRunConfig(config, FROM_PAGE), { blockQ, blockK, repeats }),
    'sweep.cancel': ({ sweepId }) => {
      sweeps.cancel(sweepId)
      return {}
    },

    'machine.doctor': () => examineMachine(installation, parts.rankHost),
  }
}
