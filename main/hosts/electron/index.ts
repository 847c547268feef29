import { app, type BrowserWindow } from 'electron'
import { createApp } from '../../app/app.ts'
import { findInstallation } from '../../installation.ts'
import { fileDialogs, reportUnopened } from './fileDialogs.ts'
import { Gathered } from './gathered.ts'
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
  if (paths.length === 0) return
  const opened = await ringscope.openPaths(paths)
  if (opened.ok) ringscope.events.emit('menu.command', { command: 'show-timeline' })
  // Who cancelled it knows.
  else if (opened.error.code !== 'cancelled') await reportUnopened(window, paths, opened.error)
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
  const handedOver = new Gathered<string>((paths) => { void openTraces(paths) })
  let leaving: Promise<void> | null = null
  let mayLeave = false

  registerPageScheme()
  guardContents()
  app.on('open-file', (event, path) => {
    event.preventDefault()
    // macOS hands over files one by one, and before there is a window, too.
    if (window === null) traces.push(path)
    else handedOver.add(path)
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
