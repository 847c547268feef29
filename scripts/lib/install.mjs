import { existsSync } from 'node:fs'
import { ScriptError, at, readJson, root, say } from './project.mjs'
import { findNode24 } from './node24.mjs'
import { run } from './processes.mjs'
import { join } from 'node:path'

/**
 * Why the installed packages are not those of package-lock.json; null when they are.
 *
 * npm writes `node_modules/.package-lock.json` when it is done, so an interrupted install shows as a missing or a
 * differing one. Optional packages may be absent: they are for other systems, or their own install failed.
 * @param {string} folder the project's folder
 * @returns {string | null}
 */
export function staleInstall(folder = root) {
  const wanted = readJson(join(folder, 'package-lock.json'))
  if (wanted === null) throw new ScriptError(`${join(folder, 'package-lock.json')} is missing or damaged; restore it from git`)
  const installed = readJson(join(folder, 'node_modules', '.package-lock.json'))
  if (installed === null) {
    return existsSync(join(folder, 'node_modules')) ? 'an earlier install did not finish' : 'no packages are installed'
  }
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '' || entry.link === true) continue
    const found = installed.packages[path]
    if (found === undefined || !existsSync(join(folder, path, 'package.json'))) {
      if (entry.optional === true || entry.devOptional === true || entry.peer === true) continue
      return `${path.replace(/^node_modules\//, '')} is not installed`
    }
    if (found.version !== entry.version || (found.integrity ?? null) !== (entry.integrity ?? null)) {
      return `${path.replace(/^node_modules\//, '')} is ${found.version}, package-lock.json has ${entry.version}`
    }
  }
  return null
}

/**
 * Installs what package-lock.json names, when it is not what is installed.
 * @throws {ScriptError} when npm fails
 */
export async function ensureInstalled() {
  const reason = staleInstall() ?? (findNode24() === null ? 'the npm package "node" has not brought its binary' : null)
  if (reason === null) return
  say(`${reason}: running npm ci`)
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund']
  // Windows has npm as a .cmd, which only a shell starts; npm_execpath avoids both when npm started this script.
  const code = npm !== undefined && npm.endsWith('.js')
    ? await run(process.execPath, [npm, ...args])
    : await run('npm', args, { shell: process.platform === 'win32' })
  if (code !== 0) throw new ScriptError(`npm ci failed (exit code ${code}); its messages are above`, code)
  if (findNode24() === null) {
    throw new ScriptError('npm ci ran, but the npm package "node" did not bring its binary: install scripts may be'
      + ` switched off (npm config get ignore-scripts). Run: npm rebuild node. Looked in ${at('node_modules', 'node', 'bin')}`)
  }
}
