import type { RouteName } from './routes.ts'

/** Requests of the page: (route, input), answered with a Result. */
export const REQUEST_CHANNEL = 'ringscope:request'
/** (paths, openId): what the preload got from Files the user dropped or picked. The page cannot reach this channel. */
export const OPEN_PATH_CHANNEL = 'ringscope:open-path'
/** Events to the page: one EventFrame each. */
export const EVENT_CHANNEL = 'ringscope:event'

/** What a page may ask over IPC; paths only the preload may name. */
export type PageRoute = Exclude<RouteName, 'trace.openPaths'>

/** A record so that a route left out fails the type check. Kept apart from the schemas, which a preload has no use for. */
const PAGE_ROUTE_RECORD: Readonly<Record<PageRoute, true>> = {
  'app.info': true,
  'config.list': true, 'config.check': true, 'config.save': true,
  'run.start': true, 'run.cancel': true,
  'timeline.list': true, 'timeline.viewport': true, 'timeline.search': true, 'timeline.selection': true, 'timeline.span': true,
  'timeline.analysis': true, 'timeline.close': true,
  'trace.openDialog': true, 'trace.openUploads': true, 'trace.cancelOpen': true, 'trace.saveDialog': true, 'trace.export': true,
  'sweep.start': true, 'sweep.pause': true, 'sweep.resume': true, 'sweep.cancel': true,
  'machine.doctor': true, 'machine.rates': true,
  'planner.tables': true, 'planner.ask': true, 'planner.published': true,
  'simulation.open': true, 'compare.timelines': true, 'cluster.export': true,
}

export const isPageRoute = (route: string): route is PageRoute => Object.hasOwn(PAGE_ROUTE_RECORD, route)
