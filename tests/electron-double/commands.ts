import { app, emitAppEvent, preventable } from './app.ts'
import { BrowserWindow, pageErrors, strayRequests, windowsAsked } from './browserWindow.ts'
import { invoke } from './ipcMain.ts'
import { applicationMenu, askPermission, dialogAnswers, dialogLog, openedExternally, privilegedSchemes } from './system.ts'

const firstWindow = (): BrowserWindow => {
  const [window] = BrowserWindow.getAllWindows()
  if (window === undefined) throw new Error('no window is open')
  return window
}

/** What a test may do to the app from outside the page: the parts of a user, and of an intruder. */
export const commands = {
  answerOpenDialog(...paths: string[]) { dialogAnswers.open.push(paths) },
  answerSaveDialog(path: string) { dialogAnswers.save.push(path) },
  clickMenu(...path: string[]) {
    if (applicationMenu === null) throw new Error('there is no menu')
    applicationMenu.click(path, firstWindow())
  },
  /** The path that a File of this name stands for, when it is dropped on the window. */
  nameFile(name: string, path: string) {
    firstWindow().webContents.evaluateInPreload(`electronDouble.setFilePath(${JSON.stringify(name)}, ${JSON.stringify(path)})`)
  },
  openSecondInstance(argv: string[], folder: string) { emitAppEvent('second-instance', preventable(), argv, folder, {}) },
  closeWindow() { firstWindow().close() },
  quit() { app.quit() },
  askPermission: (permission: 'media' | 'geolocation' | 'notifications') => askPermission(permission),
  /** A request over IPC from a frame that is not the page's own, or from other contents. */
  invokeAs(sender: { url: string, inFrame?: boolean, otherContents?: boolean, gone?: boolean }, channel: string, ...args: unknown[]) {
    const { webContents } = firstWindow()
    const parent = sender.inFrame === true ? webContents.mainFrame : null
    return invoke(channel, {
      sender: sender.otherContents === true ? {} : webContents,
      senderFrame: sender.gone === true ? null : { url: sender.url, parent },
    } as unknown as Electron.IpcMainInvokeEvent, args)
  },
  state() {
    const { options, visible, webContents } = firstWindow()
    return {
      window: options, visible, url: webContents.getURL(), schemes: Object.fromEntries(privilegedSchemes), dialogs: dialogLog,
      strayRequests, pageErrors, windowsAsked, openedExternally,
    }
  },
}

export type Commands = typeof commands
