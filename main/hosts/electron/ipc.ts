import { type BrowserWindow, ipcMain, type IpcMainInvokeEvent } from 'electron'
import type { Result } from '../../../preload/contract/envelope.ts'
import { EVENT_CHANNEL, OPEN_PATH_CHANNEL, REQUEST_CHANNEL } from '../../../preload/contract/ipc.ts'
import type { EventFrame } from '../../../preload/contract/wire.ts'
import type { App } from '../../app/app.ts'
import { isPageUrl } from './page.ts'

const FORBIDDEN: Result<never> = { ok: false, error: { code: 'forbidden', message: 'only the page of Ringscope itself may ask' } }

/** The page itself: not a frame in it, not a page that the window was made to show. */
function isOurPage({ sender, senderFrame }: IpcMainInvokeEvent, window: BrowserWindow | null): boolean {
  return window !== null && sender === window.webContents
    && senderFrame !== null && senderFrame.parent === null && isPageUrl(senderFrame.url)
}

/**
 * Connects the page to the app.
 * @param window the one window, null while there is none.
 */
export function connectPage(app: App, window: () => BrowserWindow | null): void {
  ipcMain.handle(REQUEST_CHANNEL, (event, route: unknown, input: unknown) =>
    isOurPage(event, window()) ? app.router.handle(String(route), input, { trusted: false }) : FORBIDDEN)
  ipcMain.handle(OPEN_PATH_CHANNEL, (event, paths: unknown, openId: unknown) =>
    isOurPage(event, window()) ? app.router.handle('trace.openPaths', { openId, paths }, { trusted: true }) : FORBIDDEN)

  app.events.onAny((frame) => { sendEvent(window(), frame) })
}

/** Tells the window's page something; does nothing when it is gone. */
export function sendEvent(window: BrowserWindow | null, frame: EventFrame): void {
  if (window !== null && !window.isDestroyed()) window.webContents.send(EVENT_CHANNEL, frame)
}
