/**
 * What `import ... from 'electron'` yields in the built main when it runs over the double. Every part is checked against
 * Electron's own definitions where it is made.
 */
export { app } from './app.ts'
export { BrowserWindow } from './browserWindow.ts'
export { ipcMain } from './ipcMain.ts'
export { dialog, Menu, protocol, session, shell } from './system.ts'
export { utilityProcess } from './utilityProcess.ts'
