/**
 * npm start: opens Ringscope, after installing and building what is missing or stale.
 *
 *   npm start [-- [--electron | --web] [trace files...] [other flags]]
 *
 * In Electron's window where its binary is here or can be fetched and there is a display to open a window on; else as
 * the same app from the loopback web host. --electron and --web force one.
 */
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ensureBuilt } from './lib/build.mjs'
import { fetchElectron, findElectron, hasDisplay, knownFetchFailure } from './lib/electron.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { runOnNode24 } from './lib/node24.mjs'
import { ScriptError, root, runMain, say } from './lib/project.mjs'
import { run } from './lib/processes.mjs'
import { parseStartArgs } from './lib/startArgs.mjs'

/** @typedef {import('./lib/startArgs.mjs').StartArgs} StartArgs */

/** @param {string} path */
function systemSetting(path) {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}

/**
 * Chromium's sandbox on Linux needs user namespaces or a set-uid helper, and refuses root either way.
 * @param {string} electron
 * @returns {string | null} why this start has to go without it
 */
function whyNoSandbox(electron) {
  if (process.platform !== 'linux') return null
  if (process.getuid?.() === 0) return 'running as root'
  const helper = statSync(join(dirname(electron), 'chrome-sandbox'), { throwIfNoEntry: false })
  if (helper !== undefined && helper.uid === 0 && (helper.mode & 0o4000) !== 0) return null
  const forbidden = systemSetting('/proc/sys/kernel/unprivileged_userns_clone') === '0'
    || systemSetting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1'
    || systemSetting('/proc/sys/user/max_user_namespaces') === '0'
  return forbidden ? 'this system forbids user namespaces to ordinary programs' : null
}

/**
 * Finds the Electron binary, fetching it where that may work.
 * @param {boolean} forced whether the user asked for Electron
 * @returns {Promise<{ path: string } | { reason: string }>}
 */
async function obtainElectron(forced) {
  const path = findElectron()
  if (path !== null) {
    return hasDisplay() || forced ? { path } : { reason: 'there is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set)' }
  }
  if (!forced) {
    if (!hasDisplay()) return { reason: 'its binary is not here, and there is no display to open a window on' }
    const known = knownFetchFailure()
    if (known !== null) return { reason: `no binary: ${known}; npm start -- --electron tries again` }
  }
  if (!process.env.ELECTRON_OVERRIDE_DIST_PATH) say('fetching Electron\'s binary (about 120 MB, once)')
  const fetched = await fetchElectron()
  return fetched.ok ? { path: fetched.path } : { reason: `no binary: ${fetched.reason}` }
}

/**
 * @param {string} electron
 * @param {StartArgs} args
 */
function startElectron(electron, args) {
  const reason = whyNoSandbox(electron)
  if (reason !== null) say(`${reason}: starting Electron with --no-sandbox`)
  // Inherited from a terminal inside another Electron app, this would turn the binary into a plain Node.
  return run(electron, [root, ...(reason === null ? [] : ['--no-sandbox']), ...args.rest], { env: { ELECTRON_RUN_AS_NODE: undefined } })
}

/** @param {StartArgs} args */
function startWeb(args) {
  const browser = hasDisplay() && !args.rest.includes('--open') ? ['--open'] : []
  return runOnNode24(['out/main/cli.js', 'serve', ...browser, ...args.rest])
}

await runMain(async () => {
  const args = parseStartArgs(process.argv.slice(2))
  await ensureInstalled()
  await ensureBuilt()
  if (args.host === 'web') return await startWeb(args)
  const electron = await obtainElectron(args.host === 'electron')
  if ('path' in electron) return await startElectron(electron.path, args)
  if (args.host === 'electron') {
    throw new ScriptError(`Electron cannot start: ${electron.reason}. Fetch it where its host can be reached with`
      + ' "npx install-electron", or set ELECTRON_MIRROR, or point ELECTRON_OVERRIDE_DIST_PATH at an unpacked Electron;'
      + ' "npm start -- --web" needs none of it.')
  }
  say(`Electron is not available (${electron.reason}); serving the same app on this machine for a browser instead`)
  return await startWeb(args)
})
