import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ScriptError, say } from './project.mjs'
import { run } from './processes.mjs'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge', 'msedge']

function usualPlaces() {
  if (process.platform === 'darwin') {
    return ['Google Chrome.app/Contents/MacOS/Google Chrome', 'Chromium.app/Contents/MacOS/Chromium', 'Microsoft Edge.app/Contents/MacOS/Microsoft Edge']
      .flatMap((app) => [join('/Applications', app), join(process.env.HOME ?? '/', 'Applications', app)])
  }
  if (process.platform === 'win32') {
    return [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA]
      .filter((folder) => folder !== undefined)
      .flatMap((folder) => [join(folder, 'Google/Chrome/Application/chrome.exe'), join(folder, 'Chromium/Application/chrome.exe'), join(folder, 'Microsoft/Edge/Application/msedge.exe')])
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...folders, '/usr/bin', '/usr/local/bin', '/snap/bin'].flatMap((folder) => NAMES.map((name) => join(folder, name)))
}

/**
 * A browser of the Chromium family for the end-to-end tests: CHROMIUM_PATH, or one in the usual places.
 * @returns {string | null}
 * @throws {ScriptError} when CHROMIUM_PATH names nothing
 */
export function findChromium() {
  const chosen = process.env.CHROMIUM_PATH
  if (chosen !== undefined && chosen !== '') {
    if (existsSync(chosen)) return chosen
    throw new ScriptError(`CHROMIUM_PATH is ${chosen}, where there is no file`)
  }
  return usualPlaces().find((path) => existsSync(path)) ?? null
}

/**
 * Finds a browser, installing Debian's where this is Debian (or a relative) and root.
 * @returns {Promise<string>}
 * @throws {ScriptError} saying what to install
 */
export async function ensureChromium() {
  const found = findChromium()
  if (found !== null) return found
  const hasApt = process.platform === 'linux' && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0
  if (!hasApt || process.getuid?.() !== 0) {
    throw new ScriptError('the end-to-end tests need a browser of the Chromium family and there is none in the usual places.'
      + ` Install one (${hasApt ? 'sudo apt-get install chromium' : 'Chromium or Google Chrome'}) or set CHROMIUM_PATH to its executable.`)
  }
  say('no Chromium here: installing the distribution\'s package "chromium"')
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const code = await run('apt-get', ['update', '-q'], { env })
    || await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], { env })
  const installed = code === 0 ? findChromium() : null
  if (installed === null) throw new ScriptError(`apt-get could not install chromium (exit code ${code}); install it or set CHROMIUM_PATH`)
  return installed
}
