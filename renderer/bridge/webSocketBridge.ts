import { decode, encode } from '../../preload/contract/codec.ts'
import type { BridgeError, Result } from '../../preload/contract/envelope.ts'
import type { BridgeEvents, EventName } from '../../preload/contract/events.ts'
import type { RouteInput, RouteName, RouteOutputs } from '../../preload/contract/routes.ts'
import type { TimelineSummary } from '../../preload/contract/timeline.ts'
import {
  downloadPath, SOCKET_PATH, SOCKET_PROTOCOL, TOKEN_PROTOCOL_PREFIX, TOKEN_STORAGE_KEY, type HostFrame,
} from '../../preload/contract/wire.ts'
import { download } from '../format/download.ts'
import type { ConnectionState, RendererBridge } from './current.ts'
import { fileUploads } from './fileUploads.ts'

const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 5000
/** How long a request waits for the connection to come back before it fails. */
const PATIENCE_MS = 15_000

const failed = (message: string): { readonly ok: false; readonly error: BridgeError } =>
  ({ ok: false, error: { code: 'internal', message } })

/** The page's token: from the address the host printed, or from this tab's earlier visit. */
export function takeToken(location: Location, history: History, storage: Storage): string | null {
  const fromAddress = new URLSearchParams(location.hash.replace(/^#/, '')).get('token')
  if (fromAddress === null) return storage.getItem(TOKEN_STORAGE_KEY)
  storage.setItem(TOKEN_STORAGE_KEY, fromAddress)
  history.replaceState(null, '', location.pathname + location.search)
  return fromAddress
}

interface Pending {
  readonly resolve: (result: Result<never>) => void
}

/** The carrier of the loopback web host (contract/wire.ts). Reconnects by itself, and says when it is cut off. */
export function webSocketBridge(location: Location, token: string): RendererBridge {
  const pending = new Map<number, Pending>()
  const listeners = new Map<EventName, Set<(payload: never) => void>>()
  const connectionListeners = new Set<(state: ConnectionState) => void>()
  let state: ConnectionState = 'connecting'
  let socket: WebSocket | undefined
  let nextId = 1
  let retryMs = FIRST_RETRY_MS
  const opened = new Set<() => void>()

  function setState(next: ConnectionState): void {
    if (state === next) return
    state = next
    for (const listener of connectionListeners) listener(next)
  }

  function emit<E extends EventName>(event: E, payload: BridgeEvents[E]): void {
    for (const listener of listeners.get(event) ?? []) listener(payload as never)
  }

  function receive(frame: HostFrame): void {
    if ('event' in frame) {
      emit(frame.event, frame.payload)
      return
    }
    pending.get(frame.id)?.resolve(frame.result as Result<never>)
    pending.delete(frame.id)
  }

  function connect(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const attempt = new WebSocket(`${scheme}://${location.host}${SOCKET_PATH}`, [SOCKET_PROTOCOL, TOKEN_PROTOCOL_PREFIX + token])
    socket = attempt
    attempt.onopen = () => {
      retryMs = FIRST_RETRY_MS
      setState('open')
      for (const proceed of opened) proceed()
      opened.clear()
    }
    attempt.onmessage = (message: MessageEvent<unknown>) => {
      if (typeof message.data === 'string') receive(decode(message.data) as HostFrame)
    }
    attempt.onclose = () => {
      setState('lost')
      for (const { resolve } of pending.values()) resolve(failed('The connection to the Ringscope host was lost before it answered.'))
      pending.clear()
      setTimeout(connect, retryMs)
      retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2)
    }
  }

  /** @returns false when the connection did not come in time. */
  function whenOpen(): Promise<boolean> {
    if (socket?.readyState === WebSocket.OPEN) return Promise.resolve(true)
    return new Promise((resolve) => {
      const proceed = (): void => {
        clearTimeout(timer)
        resolve(true)
      }
      const timer = setTimeout(() => {
        opened.delete(proceed)
        resolve(false)
      }, PATIENCE_MS)
      opened.add(proceed)
    })
  }

  /** @returns whether an opening was ended that the host does not know yet, since its files are still on their way. */
  function stoppedUpload(route: RouteName, input: unknown): boolean {
    return route === 'trace.cancelOpen' && uploads.stop((input as RouteInput<'trace.cancelOpen'>).openId)
  }

  async function request<R extends RouteName>(route: R, input: RouteInput<R>): Promise<Result<RouteOutputs[R]>> {
    if (stoppedUpload(route, input)) return { ok: true, data: {} as RouteOutputs[R] }
    if (!(await whenOpen()) || socket === undefined) {
      return failed('The Ringscope host does not answer. Is the process that printed this address still running?')
    }
    const id = nextId++
    const answer = new Promise<Result<RouteOutputs[R]>>((resolve) => pending.set(id, { resolve }))
    socket.send(encode({ id, route, input }))
    return answer
  }

  const authorization = { Authorization: `Bearer ${token}` }

  const uploads = fileUploads(token, (progress) => emit('trace.progress', progress))

  async function openFiles(files: readonly File[], openId: string): Promise<Result<readonly TimelineSummary[]>> {
    const sent = await uploads.send(files, openId)
    return sent.ok ? request('trace.openUploads', { openId, uploadIds: [...sent.data] }) : sent
  }

  async function saveTrace(timelineId: string): Promise<Result<{ readonly path: string }>> {
    try {
      const response = await fetch(downloadPath(timelineId), { headers: authorization })
      if (response.status !== 200) return decode(await response.text()) as Result<never>
      const named = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')
      const fileName = named?.[1] ?? `${timelineId}.json.gz`
      download(fileName, await response.blob())
      return { ok: true, data: { path: fileName } }
    } catch (error) {
      return failed(`The trace could not be fetched from the host: ${String(error)}`)
    }
  }

  connect()
  return {
    host: 'web',
    request,
    openFiles,
    saveTrace,
    subscribe<E extends EventName>(event: E, listener: (payload: BridgeEvents[E]) => void) {
      const all = listeners.get(event) ?? new Set()
      listeners.set(event, all.add(listener as (payload: never) => void))
      return () => all.delete(listener as (payload: never) => void)
    },
    onConnection(listener) {
      connectionListeners.add(listener)
      listener(state)
      return () => connectionListeners.delete(listener)
    },
  }
}
