import type { contextBridge, ipcRenderer, webUtils } from 'electron'
import type { cloning } from './cloning.ts'
import type { contextBridgeEnd } from './contextBridge.ts'

/** What the isolated world has from the double, beside the page's own objects. */
export interface PreloadWorld {
  /** Text to the main process; a binding of the browser. */
  readonly toMain: (text: string) => void
  readonly clone: ReturnType<typeof cloning>
  readonly bridge: ReturnType<typeof contextBridgeEnd>
}

export interface FromMain {
  readonly reply?: { readonly id: number, readonly value: unknown, readonly error?: string }
  readonly message?: { readonly channel: string, readonly args: readonly unknown[] }
}

/** The part of Electron's renderer API that a sandboxed preload here may use. */
export interface PreloadElectron {
  readonly contextBridge: Pick<typeof contextBridge, 'exposeInMainWorld'>
  readonly ipcRenderer: Pick<typeof ipcRenderer, 'invoke' | 'on'>
  readonly webUtils: Pick<typeof webUtils, 'getPathForFile'>
}

/**
 * The module `electron` as the preload sees it. Runs in the page as source text, in the isolated world; so it reaches
 * for nothing outside itself.
 */
export function preloadModule({ toMain, clone, bridge }: PreloadWorld) {
  const waiting = new Map<number, { resolve(value: unknown): void, reject(error: Error): void }>()
  const listeners: { channel: string, listener: (event: never, ...args: never[]) => void }[] = []
  const filePaths = new Map<string, string>()
  let lastId = 0

  const ipc = {
    invoke(channel: string, ...args: unknown[]): Promise<unknown> {
      const id = ++lastId
      return new Promise((resolve, reject) => {
        toMain(clone.write({ id, channel, args }))
        waiting.set(id, { resolve, reject })
      })
    },
    on(channel: string, listener: (event: never, ...args: never[]) => void) {
      listeners.push({ channel, listener })
      return ipc as unknown as Electron.IpcRenderer
    },
  }

  return {
    electron: {
      contextBridge: bridge,
      ipcRenderer: ipc,
      // A page's File does not say its path; the test says which it stands for.
      webUtils: { getPathForFile: (file: File) => filePaths.get(file.name) ?? '' },
    } satisfies PreloadElectron,
    setFilePath(name: string, path: string): void { filePaths.set(name, path) },
    fromMain(text: string): void {
      const { reply, message } = clone.read(text) as FromMain
      if (reply !== undefined) {
        const call = waiting.get(reply.id)
        waiting.delete(reply.id)
        if (reply.error === undefined) call?.resolve(reply.value)
        else call?.reject(new Error(reply.error))
      }
      if (message === undefined) return
      for (const { channel, listener } of [...listeners]) {
        if (channel === message.channel) listener({ sender: ipc } as never, ...message.args as never[])
      }
    },
  }
}
