import type { Result } from '../../preload/contract/envelope.ts'
import type { BridgeEvents, EventName } from '../../preload/contract/events.ts'
import type { RouteInput, RouteName, RouteOutputs } from '../../preload/contract/routes.ts'
import type { RendererBridge } from './current.ts'

/** What answers each route; a route that is left out answers `unknown-route`. */
export type RouteHandlers = {
  readonly [R in RouteName]?: (input: RouteInput<R>) => RouteOutputs[R] | Result<RouteOutputs[R]> | Promise<RouteOutputs[R] | Result<RouteOutputs[R]>>
}

export interface MemoryBridge extends RendererBridge {
  /** Delivers an event to the page. */
  emit<E extends EventName>(event: E, payload: BridgeEvents[E]): void
  /** Every request so far, oldest first. */
  readonly requests: readonly { readonly route: RouteName; readonly input: unknown }[]
}

function isResult<T>(value: T | Result<T>): value is Result<T> {
  return typeof value === 'object' && value !== null && 'ok' in value && typeof value.ok === 'boolean'
}

/** A bridge whose other side is in the same page: for tests. A file's upload has its name as id. */
export function memoryBridge(handlers: RouteHandlers): MemoryBridge {
  const listeners = new Map<EventName, Set<(payload: never) => void>>()
  const requests: { route: RouteName; input: unknown }[] = []

  async function request<R extends RouteName>(route: R, input: RouteInput<R>): Promise<Result<RouteOutputs[R]>> {
    requests.push({ route, input })
    const handler = handlers[route]
    if (handler === undefined) return { ok: false, error: { code: 'unknown-route', message: `no handler for ${route}` } }
    const answer = await handler(input)
    return isResult(answer) ? answer : { ok: true, data: answer as RouteOutputs[R] }
  }

  return {
    host: 'web',
    requests,
    request,
    subscribe(event, listener) {
      const all = listeners.get(event) ?? new Set()
      listeners.set(event, all.add(listener as (payload: never) => void))
      return () => all.delete(listener as (payload: never) => void)
    },
    openFiles: (files, openId) => request('trace.openUploads', { openId, uploadIds: files.map(({ name }) => name) }),
    async saveTrace(timelineId) {
      const answer = await request('trace.export', { timelineId, gzip: true })
      return answer.ok ? { ok: true, data: { path: answer.data.fileName } } : answer
    },
    emit(event, payload) {
      for (const listener of listeners.get(event) ?? []) listener(payload as never)
    },
  }
}
