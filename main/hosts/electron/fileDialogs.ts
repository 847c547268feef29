import { type BrowserWindow, dialog } from 'electron'
import type { BridgeError } from '../../../preload/contract/envelope.ts'
import type { Dialogs } from '../../app/dialogs.ts'

/** Formats that the importer reads. */
const OPENABLE = [{ name: 'Traces', extensions: ['json', 'gz'] }, { name: 'All files', extensions: ['*'] }]
const SAVEABLE = [{ name: 'Chrome Trace, compressed', extensions: ['json.gz', 'gz'] }, { name: 'Chrome Trace', extensions: ['json'] }]

/** The system's dialogs, on the window where there is one. */
export function fileDialogs(window: () => BrowserWindow | null): Dialogs {
  return {
    async openTrace() {
      const options = { title: 'Open trace', filters: OPENABLE, properties: ['openFile' as const] }
      const parent = window()
      const { canceled, filePaths } = await (parent === null ? dialog.showOpenDialog(options) : dialog.showOpenDialog(parent, options))
      return canceled ? null : filePaths[0] ?? null
    },
    async saveTrace(suggestedName) {
      const options = { title: 'Save trace', defaultPath: suggestedName, filters: SAVEABLE }
      const parent = window()
      const { canceled, filePath } = await (parent === null ? dialog.showSaveDialog(options) : dialog.showSaveDialog(parent, options))
      return canceled || filePath === '' ? null : filePath
    },
  }
}

/** Says that a file named on the command line or by the system could not be opened. */
export async function reportUnopened(window: BrowserWindow | null, path: string, error: BridgeError): Promise<void> {
  const options = { type: 'error' as const, title: 'Ringscope', message: `${path} could not be opened`, detail: error.message }
  await (window === null ? dialog.showMessageBox(options) : dialog.showMessageBox(window, options))
}
