import type { app as electronApp } from 'electron'
import { EventEmitter } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Everything of Electron's `app` that Ringscope may use; the real definitions say what each must look like. */
type AppSurface = Pick<typeof electronApp,
  'whenReady' | 'isReady' | 'on' | 'once' | 'off' | 'quit' | 'exit' | 'requestSingleInstanceLock' | 'isPackaged' | 'getVersion' | 'getName' | 'getPath'>

const emitter = new EventEmitter()
let ready = false
let quitting = false
const readiness = Promise.withResolvers<void>()
/** Closes what must not outlive the app: set by the window double. */
const closers: (() => Promise<void>)[] = []

/** An Electron event: main code may prevent what it announces. */
export function preventable(): { preventDefault(): void, readonly defaultPrevented: boolean } {
  let prevented = false
  return { preventDefault() { prevented = true }, get defaultPrevented() { return prevented } }
}

export function onExit(close: () => Promise<void>): void {
  closers.push(close)
}

async function leave(code: number): Promise<void> {
  await Promise.all(closers.map((close) => close()))
  process.exit(code)
}

/** Electron is ready only after the main module has been evaluated, its awaits included. */
export function becomeReady(): void {
  ready = true
  readiness.resolve()
  emitter.emit('ready', preventable(), {})
}

export const emitAppEvent = (name: string, ...args: unknown[]): boolean => emitter.emit(name, ...args)

export const app = {
  whenReady: () => readiness.promise,
  isReady: () => ready,
  on(name: string, listener: (...args: never[]) => void): Electron.App {
    emitter.on(name, listener as () => void)
    return app as unknown as Electron.App
  },
  once(name: string, listener: (...args: never[]) => void): Electron.App {
    emitter.once(name, listener as () => void)
    return app as unknown as Electron.App
  },
  off(name: string, listener: (...args: never[]) => void): Electron.App {
    emitter.off(name, listener as () => void)
    return app as unknown as Electron.App
  },
  quit() {
    const event = preventable()
    emitter.emit('before-quit', event)
    if (event.defaultPrevented || quitting) return
    quitting = true
    emitter.emit('will-quit', preventable())
    emitter.emit('quit', preventable(), 0)
    void leave(0)
  },
  exit(code = 0) { void leave(code) },
  requestSingleInstanceLock: () => true,
  isPackaged: false,
  getVersion: () => '0.0.0-double',
  getName: () => 'ringscope',
  getPath: (name: string) => join(process.env.HOME ?? tmpdir(), `.electron-double-${name}`),
} satisfies AppSurface
