import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { at, readJson } from './project.mjs'
import { runInstaller } from './installer.mjs'

/**
 * Electron's npm package brings its binary only when asked to, from a host that may be out of reach. Nothing here loads
 * the package `electron` itself: that alone would start the download.
 */

/** A download that brings no byte for this long is given up. */
const STALL_MS = 15_000
/** For how long a failed download is not tried again by itself: networks change. */
const FAILURE_HOLDS_MS = 24 * 3600 * 1000

const packageFolder = () => at('node_modules', 'electron')
const failureFile = () => at('node_modules', '.ringscope-electron.json')
const version = () => JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')).version

/** The executable's place inside a distribution of Electron. */
function executableName() {
  if (process.platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron'
  return process.platform === 'win32' ? 'electron.exe' : 'electron'
}

/**
 * The Electron executable of this checkout, or of ELECTRON_OVERRIDE_DIST_PATH where that is set.
 * @returns {string | null} null when it is absent or only partly unpacked
 */
export function findElectron() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (override) {
    const path = join(override, executableName())
    return existsSync(path) ? path : null
  }
  const executable = join(packageFolder(), 'dist', executableName())
  // path.txt is the last thing the package's installer writes.
  const complete = existsSync(join(packageFolder(), 'path.txt')) && existsSync(executable)
  return complete ? executable : null
}

/**
 * Why an earlier start could not fetch this version of Electron.
 * @returns {string | null} null when none has tried of late
 */
export function knownFetchFailure() {
  const failure = readJson(failureFile())
  const holds = failure !== null && failure.version === version() && Date.now() - Date.parse(failure.at) < FAILURE_HOLDS_MS
  return holds ? failure.reason : null
}

/** Whether a window can open here. */
export function hasDisplay() {
  if (process.platform !== 'linux') return true
  return Boolean(process.env.DISPLAY) || Boolean(process.env.WAYLAND_DISPLAY)
}

/**
 * The line of the installer's output that says what went wrong.
 * @param {string} output
 */
function reasonIn(output) {
  const message = /Error: (.+)/.exec(output)?.[1] ?? 'its installer failed without a message'
  return message === 'fetch failed' ? 'its download host cannot be reached' : message
}

/**
 * Fetches Electron's binary with the installer of its own package. A failure is remembered, so that the next start
 * loses no time over it.
 * @returns {Promise<{ ok: true, path: string } | { ok: false, reason: string }>}
 */
export async function fetchElectron() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (override) return { ok: false, reason: `ELECTRON_OVERRIDE_DIST_PATH is ${override}, where there is no ${executableName()}` }
  rmSync(failureFile(), { force: true })
  const temporary = at('node_modules', '.ringscope-electron')
  rmSync(temporary, { recursive: true, force: true })
  mkdirSync(temporary, { recursive: true })
  const { code, output, gaveUp } = await runInstaller([join(packageFolder(), 'install.js')], {
    // Its downloads land here first, which shows whether any byte still comes.
    env: { TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    folders: [temporary, join(packageFolder(), 'dist')], stallMs: STALL_MS,
  })
  rmSync(temporary, { recursive: true, force: true })
  const path = code === 0 ? findElectron() : null
  if (path !== null) return { ok: true, path }
  const reason = gaveUp ?? reasonIn(output)
  writeFileSync(failureFile(), `${JSON.stringify({ version: version(), at: new Date().toISOString(), reason })}\n`)
  return { ok: false, reason }
}
