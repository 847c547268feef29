import { type BrowserWindow, dialog, type OpenDialogOptions } from 'electron'
import type { BridgeError } from '../../../preload/contract/envelope.ts'
import type { Dialogs } from '../../app/dialogs.ts'

/** Formats that the importer reads. */
const OPENABLE = [{ name: 'Traces', extensions: ['json', 'gz'] }, { name: 'All files', extensions: ['*'] }]
/** Only there does one dialog choose files and folders; elsewhere it would choose nothing but folders. */
const FOLDERS = process.platform === 'darwin' ? ['openDirectory' as const] : []
const SAVEABLE = [{ name: 'Chrome Trace, compressed', extensions: ['json.gz', 'gz'] }, { name: 'Chrome Trace', extensions: ['json'] }]

/** The system's dialogs, on the window where there is one. */
export function fileDialogs(window: () => BrowserWindow | null): Dialogs {
  return {
    async openTraces() {
      const options: OpenDialogOptions = { title: 'Open traces', filters: OPENABLE, properties: ['openFile', 'multiSelections', ...FOLDERS] }
      const parent = window()
      const { canceled, filePaths } = await (parent === null ? dialog.showOpenDialog(options) : dialog.showOpenDialog(parent, options))
      return canceled || filePaths.length === 0 ? null : filePaths
    },
    async saveTrace(suggestedName) {
      const options = { title: 'Save trace', defaultPath: suggestedName, filters: SAVEABLE }
      const parent = window()
      const { canceled, filePath } = await (parent === null ? dialog.showSaveDialog(options) : dialog.showSaveDialog(parent, options))
      return canceled || filePath === '' ? null : filePath
    },
  }
}

/** Says that what was named on the command line or by the system could not be opened. */
export async function reportUnopened(window: BrowserWindow | null, paths: readonly string[], error: BridgeError): Promise<void> {
  const options = { type: 'error' as const, title: 'Ringscope', message: `${paths.join(', ')} could not be opened`, detail: error.message }
  await (window === null ? dialog.showMessageBox(options) : dialog.showMessageBox(window, options))
}
