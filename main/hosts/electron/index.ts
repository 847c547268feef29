import { app, type BrowserWindow } from 'electron'
import { createApp } from '../../app/app.ts'
import { findInstallation } from '../../installation.ts'
import { fileDialogs, reportUnopened } from './fileDialogs.ts'
import { connectPage, sendEvent } from './ipc.ts'
import { installMenu } from './menu.ts'
import { registerPageScheme, servePage } from './page.ts'
import { traceArguments } from './traceArguments.ts'
import { utilityRankHost } from './utilityRankHost.ts'
import { createWindow, denyPermissions, guardContents } from './window.ts'

const installation = findInstallation()
let window: BrowserWindow | null = null
const currentWindow = (): BrowserWindow | null => window

const ringscope = createApp({
  installation, rankHost: utilityRankHost(), host: 'electron', dialogs: fileDialogs(currentWindow),
})

async function openTraces(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const opened = await ringscope.openPath(path)
    if (opened.ok) ringscope.events.emit('menu.command', { command: 'show-timeline' })
    else await reportUnopened(window, path, opened.error)
  }
}

function openWindow(traces: readonly string[]): void {
  const opened = createWindow(installation.root)
  window = opened
  opened.on('closed', () => { window = null })
  opened.webContents.on('did-finish-load', () => {
    for (const frame of ringscope.currentEvents()) sendEvent(opened, frame)
  })
  // Once the page listens, so that it hears of the traces and shows them.
  opened.webContents.once('did-finish-load', () => { void openTraces(traces) })
}

function start(): void {
  const traces = traceArguments(process.argv, app.isPackaged, process.cwd())
  let leaving: Promise<void> | null = null
  let mayLeave = false

  registerPageScheme()
  guardContents()
  app.on('open-file', (event, path) => {
    event.preventDefault()
    // macOS hands over a file before there is a window, too.
    if (window === null) traces.push(path)
    else void openTraces([path])
  })
  app.on('second-instance', (_event, argv, folder) => {
    if (window?.isMinimized() === true) window.restore()
    window?.show()
    window?.focus()
    void openTraces(traceArguments(argv, app.isPackaged, folder))
  })
  app.on('window-all-closed', () => { app.quit() })
  app.on('before-quit', (event) => {
    if (mayLeave) return
    event.preventDefault()
    // Ranks and their files must be gone before we are, however often the user asks.
    leaving ??= ringscope.dispose().finally(() => {
      mayLeave = true
      app.quit()
    })
  })
  void app.whenReady().then(() => {
    denyPermissions()
    servePage(installation.rendererDir)
    connectPage(ringscope, currentWindow)
    installMenu((command) => { ringscope.events.emit('menu.command', { command }) })
    openWindow(traces)
  })
}

if (app.requestSingleInstanceLock()) start()
else app.quit()
