/**
 * The part of Electron that carries messages, for tests without its binary. Values are structured-cloned where they
 * cross between processes, as in Electron.
 */
import { EventEmitter } from 'node:events'

interface Frame { readonly url: string; readonly parent: Frame | null }
interface Event { readonly sender: unknown; readonly senderFrame: Frame | null }
type Handler = (event: Event, ...args: unknown[]) => unknown

const handlers = new Map<string, Handler>()
const toPage = new EventEmitter()

function refuseShared(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (ArrayBuffer.isView(value) && value.buffer instanceof SharedArrayBuffer) throw new TypeError('An object could not be cloned: it is shared')
  if (!ArrayBuffer.isView(value)) Object.values(value).forEach(refuseShared)
}

/** What crosses to another process is a copy, and shared memory does not cross. */
function crossed<T>(value: T): T {
  refuseShared(value)
  return structuredClone(value)
}

export const pageFrame: Frame = { url: 'app://ringscope/index.html', parent: null }

export const webContents = {
  send: (channel: string, ...args: unknown[]): void => { toPage.emit(channel, {}, ...crossed(args)) },
}
export const browserWindow = { webContents, isDestroyed: () => false }

/** The page is gone, and hears nothing more. */
export function closePage(): void {
  toPage.removeAllListeners()
}

export const ipcMain = {
  handle(channel: string, handler: Handler): void { handlers.set(channel, handler) },
}

/** Asks main as another sender would. */
export async function invokeAs(event: Event, channel: string, ...args: unknown[]): Promise<unknown> {
  const handler = handlers.get(channel)
  if (handler === undefined) throw new Error(`no handler for ${channel}`)
  return crossed(await handler(event, ...crossed(args)))
}

export const ipcRenderer = {
  invoke: (channel: string, ...args: unknown[]): Promise<unknown> =>
    invokeAs({ sender: webContents, senderFrame: pageFrame }, channel, ...args),
  on: (channel: string, listener: (...args: unknown[]) => void): void => { toPage.on(channel, listener) },
}

export const exposed: Record<string, unknown> = {}
export const contextBridge = {
  exposeInMainWorld(key: string, api: unknown): void { exposed[key] = api },
}

/** Paths of files that "the user dropped". */
export const droppedPaths = new Map<File, string>()
export const webUtils = { getPathForFile: (file: File): string => droppedPaths.get(file) ?? '' }

export const app = { isPackaged: true }

type PageHandler = (request: Request) => Promise<Response>
export const schemes = new Map<string, PageHandler>()
export const protocol = {
  registerSchemesAsPrivileged: (): void => undefined,
  handle(scheme: string, handler: PageHandler): void { schemes.set(scheme, handler) },
}

export class UtilityDouble extends EventEmitter {
  pid: number | undefined = undefined
  readonly stdout = new EventEmitter()
  readonly stderr = Object.assign(new EventEmitter(), { setEncoding: (): void => undefined })
  readonly posted: unknown[] = []
  killed = 0
  postMessage(message: unknown): void { this.posted.push(crossed(message)) }
  kill(): boolean { this.killed++; return true }
}
export const forks: { entry: string; options: Record<string, unknown>; child: UtilityDouble }[] = []
export const utilityProcess = {
  fork(entry: string, _args: string[], options: Record<string, unknown>): UtilityDouble {
    const child = new UtilityDouble()
    forks.push({ entry, options, child })
    return child
  },
}
