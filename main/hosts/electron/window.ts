import { app, BrowserWindow, session } from 'electron'
import { join } from 'node:path'
import { isPageUrl, pageUrl } from './page.ts'

/** When the app is ready: nothing that a page could ask of the system is granted. */
export function denyPermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, decide) => { decide(false) })
  session.defaultSession.setPermissionCheckHandler(() => false)
}

/** Keeps every page, whoever makes it, on our own address and without windows of its own. */
export function guardContents(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => {
      if (!isPageUrl(event.url)) event.preventDefault()
    })
    contents.on('will-attach-webview', (event) => { event.preventDefault() })
    contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  })
}

/** @param root folder of the installation. */
export function createWindow(root: string): BrowserWindow {
  const window = new BrowserWindow({
    width: 1440, height: 920, minWidth: 800, minHeight: 560, show: false, title: 'Ringscope',
    webPreferences: {
      preload: join(root, 'out/preload/index.cjs'),
      contextIsolation: true, sandbox: true, nodeIntegration: false, webviewTag: false,
    },
  })
  window.once('ready-to-show', () => { window.show() })
  void window.loadURL(pageUrl())
  return window
}
