import type { Result } from './envelope.ts'
import type { BridgeEvents, EventName } from './events.ts'
import type { AppInfo, RouteInput, RouteName, RouteOutputs } from './routes.ts'
import type { TimelineSummary } from './timeline.ts'

/** All that the renderer knows of the other side. Chosen once at start; no other file knows the host. */
export interface Bridge {
  readonly host: AppInfo['host']
  request<R extends RouteName>(route: R, input: RouteInput<R>): Promise<Result<RouteOutputs[R]>>
  /** @returns a function that ends the subscription. */
  subscribe<E extends EventName>(event: E, listener: (payload: BridgeEvents[E]) => void): () => void
  /**
   * Opens trace files that the user dropped on the window or picked in a file input: the ranks of one job become one
   * timeline. @param openId names the opening, for `trace.progress` and `trace.cancelOpen`.
   */
  openFiles(files: readonly File[], openId: string): Promise<Result<readonly TimelineSummary[]>>
  /** Lets the user choose where the trace goes: a save dialog, or a download. Null data when the user cancelled. */
  saveTrace(timelineId: string): Promise<Result<{ readonly path: string } | null>>
}

declare global {
  /** Set by the Electron preload. */
  var ringscope: Bridge | undefined
}
