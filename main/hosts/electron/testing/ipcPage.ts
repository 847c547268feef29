import type { BrowserWindow } from 'electron'
import type { Bridge } from '../../../../preload/contract/bridge.ts'
import { type App, createApp } from '../../../app/app.ts'
import type { Dialogs } from '../../../app/dialogs.ts'
import { nodeRankHost } from '../../../executor/nodeRankHost.ts'
import { findInstallation } from '../../../installation.ts'
import { connectPage } from '../ipc.ts'
import { browserWindow, closePage, exposed } from './electronDouble.ts'

/** By its address: no module of main may import the preload, and this stands between the two. */
const PRELOAD = new URL('../../../../preload/index.ts', import.meta.url).href
let pages = 0

export interface IpcPage {
  readonly app: App
  readonly bridge: Bridge
  close(): Promise<void>
}

/** An app and the bridge its page gets, over the double of Electron. Only where `electron` is mocked by the double. */
export async function ipcPage(options: { userConfigDir: string; dialogs?: Dialogs | null }): Promise<IpcPage> {
  const { userConfigDir, dialogs = null } = options
  const app = createApp({ installation: findInstallation(), rankHost: nodeRankHost(), host: 'electron', dialogs, userConfigDir })
  // The double has what connectPage uses of a window.
  connectPage(app, () => browserWindow as unknown as BrowserWindow)
  // A new address each time: every page has a preload of its own.
  await import(`${PRELOAD}?page=${++pages}`)
  return {
    app, bridge: exposed.ringscope as Bridge,
    async close() {
      closePage()
      await app.dispose()
    },
  }
}
