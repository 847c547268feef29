import { app, Menu, type MenuItemConstructorOptions } from 'electron'
import type { BridgeEvents } from '../../../preload/contract/events.ts'

type Command = BridgeEvents['menu.command']['command']

const VIEWS: readonly (readonly [label: string, command: Command])[] = [
  ['Run', 'show-run'], ['Timeline', 'show-timeline'], ['Imbalance', 'show-imbalance'], ['Sweep', 'show-sweep'], ['Machine', 'show-machine'],
  ['Trace', 'show-trace'], ['Compare', 'show-compare'], ['Planner', 'show-planner'],
]

/** @param ask passes a command on to the page. */
export function installMenu(ask: (command: Command) => void): void {
  const item = (label: string, accelerator: string, command: Command): MenuItemConstructorOptions =>
    ({ id: command, label, accelerator, click: () => { ask(command) } })
  const onMac = process.platform === 'darwin'
  const template: MenuItemConstructorOptions[] = [
    ...(onMac ? [{ role: 'appMenu' } as const] : []),
    {
      label: 'File',
      submenu: [
        item('Open trace…', 'CmdOrCtrl+O', 'open-trace'),
        item('Save trace…', 'CmdOrCtrl+S', 'save-trace'),
        { type: 'separator' },
        { role: onMac ? 'close' : 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: 'View',
      submenu: [
        ...VIEWS.map(([label, command], at) => item(label, `CmdOrCtrl+${at + 1}`, command)),
        { type: 'separator' },
        { role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' }, { role: 'reload' },
        ...(app.isPackaged ? [] : [{ role: 'toggleDevTools' } as const]),
      ],
    },
    { role: 'windowMenu' },
  ]
  Menu.setApplicationMenu(Menu.buildFromTemplate(template))
}
