import { contextBridge, ipcRenderer, webUtils } from 'electron'
import type { Bridge } from './contract/bridge.ts'
import type { Result } from './contract/envelope.ts'
import type { EventName } from './contract/events.ts'
import { EVENT_CHANNEL, isPageRoute, OPEN_PATH_CHANNEL, REQUEST_CHANNEL } from './contract/ipc.ts'
import type { TimelineSummary } from './contract/timeline.ts'
import type { EventFrame } from './contract/wire.ts'

type Listener = (payload: never) => void

const listeners = new Map<EventName, Set<Listener>>()

ipcRenderer.on(EVENT_CHANNEL, (_event, { event, payload }: EventFrame) => {
  // The set of an event holds listeners of its payload only: subscribe put them there.
  for (const listener of listeners.get(event) ?? []) (listener as (payload: unknown) => void)(payload)
})

async function request(route: string, input: unknown): Promise<unknown> {
  if (!isPageRoute(route)) {
    return { ok: false, error: { code: 'forbidden', message: `a page may not ask ${String(route)}` } } satisfies Result<never>
  }
  return await ipcRenderer.invoke(REQUEST_CHANNEL, route, input)
}

const bridge: Bridge = {
  host: 'electron',
  // Main answers every route with its own output type.
  request: request as Bridge['request'],
  subscribe(event, listener) {
    const ofEvent = listeners.get(event) ?? new Set<Listener>()
    listeners.set(event, ofEvent.add(listener))
    return () => { ofEvent.delete(listener) }
  },
  async openFiles(files, openId) {
    const paths = files.map((file) => webUtils.getPathForFile(file))
    const nowhere = files.filter((_file, at) => paths[at] === '').map((file) => file.name)
    // A File that the page made itself is on no disk.
    if (nowhere.length > 0) {
      return { ok: false, error: { code: 'invalid-input', message: `${nowhere.join(', ')}: this is in no folder: save it, and open the saved file` } }
    }
    return await ipcRenderer.invoke(OPEN_PATH_CHANNEL, paths, openId) as Result<readonly TimelineSummary[]>
  },
  saveTrace: (timelineId) => bridge.request('trace.saveDialog', { timelineId }),
}

contextBridge.exposeInMainWorld('ringscope', bridge)
