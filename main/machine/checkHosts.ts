import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { DoctorCheck } from '../../preload/contract/machine.ts'
import type { Installation } from '../installation.ts'

/** What finding hosts asks of the system; replaced in tests. */
export interface HostSystem {
  readonly platform: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly exists: (path: string) => boolean
  /** The Electron this process runs in, if it does. */
  readonly electron: string | undefined
}

const thisSystem: HostSystem = {
  platform: process.platform, env: process.env, exists: existsSync, electron: process.versions.electron,
}

const ELECTRON_NAMES: Readonly<Record<string, string>> = {
  darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe',
}

/** The Electron program, found without importing its package, which would start a download. */
export function findElectron(root: string, system: HostSystem = thisSystem): string | null {
  const folder = join(root, 'node_modules', 'electron')
  const named = join(folder, 'path.txt')
  const name = system.exists(named) ? readFileSync(named, 'utf8').trim() : (ELECTRON_NAMES[system.platform] ?? 'electron')
  const program = join(system.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(folder, 'dist'), name)
  return system.exists(program) ? program : null
}

function checkElectron(installation: Installation, system: HostSystem): DoctorCheck {
  const check = { id: 'electron', label: 'window (Electron)' }
  if (system.electron !== undefined) return { ...check, status: 'works', detail: `running in Electron ${system.electron}`, remedy: null }
  const program = findElectron(installation.root, system)
  if (program === null) {
    return {
      ...check, status: 'absent', detail: 'its program has not been downloaded',
      remedy: 'where github.com can be reached, run "npx install-electron"; without it, "ringscope serve" shows the same app in a browser',
    }
  }
  const { DISPLAY, WAYLAND_DISPLAY } = system.env
  if (system.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY) {
    return { ...check, status: 'absent', detail: `${program} is there, but this session has no display`, remedy: 'use "ringscope serve"' }
  }
  return { ...check, status: 'works', detail: program, remedy: null }
}

const LINUX_BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge', 'brave-browser', 'firefox']
const MAC_BROWSERS = ['Google Chrome', 'Chromium', 'Microsoft Edge', 'Firefox', 'Safari'].map((name) => `/Applications/${name}.app`)
const WINDOWS_BROWSERS = [
  'Google\\Chrome\\Application\\chrome.exe', 'Microsoft\\Edge\\Application\\msedge.exe', 'Mozilla Firefox\\firefox.exe',
]

/** A browser that `serve --open` could open, or null. */
export function findBrowser(system: HostSystem = thisSystem): string | null {
  const { env, platform } = system
  const candidates = platform === 'darwin'
    ? MAC_BROWSERS
    : platform === 'win32'
      ? [env['ProgramFiles'], env['ProgramFiles(x86)'], env['LOCALAPPDATA']].flatMap((folder) =>
          folder === undefined ? [] : WINDOWS_BROWSERS.map((name) => `${folder}\\${name}`))
      : (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
          .flatMap((folder) => LINUX_BROWSERS.map((name) => join(folder, name)))
  return candidates.find((path) => system.exists(path)) ?? null
}

function checkWeb(installation: Installation, system: HostSystem): DoctorCheck[] {
  const page = join(installation.rendererDir, 'index.html')
  const browser = findBrowser(system)
  return [
    system.exists(page)
      ? { id: 'web', label: 'page (ringscope serve)', status: 'works', detail: 'built, served on 127.0.0.1', remedy: null }
      : { id: 'web', label: 'page (ringscope serve)', status: 'absent', detail: `${page} is not built`, remedy: 'run "npm run build"' },
    browser === null
      ? {
          id: 'browser', label: 'browser', status: 'absent', detail: 'none found on this machine',
          remedy: 'install Chromium or Firefox, or forward the port of "ringscope serve" to a machine that has one',
        }
      : { id: 'browser', label: 'browser', status: 'works', detail: browser, remedy: null },
  ]
}

/** What can show the app here. */
export const checkHosts = (installation: Installation, system: HostSystem = thisSystem): DoctorCheck[] =>
  [checkElectron(installation, system), ...checkWeb(installation, system)]
