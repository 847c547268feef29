import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { node24 } from './node24.mjs'

const POLL_MS = 500

/** @param {string} folder */
function bytesUnder(folder) {
  if (!existsSync(folder)) return 0
  let bytes = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}

/**
 * Runs a package's own installer on Node 24, and gives it up once it brings nothing any more: hosts that are out of reach
 * often do not refuse, they just never answer.
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, folders: readonly string[], stallMs: number, timeoutMs?: number }} options
 *   `folders`: where what it downloads lands
 * @returns {Promise<{ code: number, output: string, gaveUp: string | null }>} `gaveUp` says why it was ended
 */
export async function runInstaller(args, { cwd, env, folders, stallMs, timeoutMs = Infinity }) {
  // Its own process group, so that what it starts ends with it.
  const grouped = process.platform !== 'win32'
  const child = spawn(node24(), args, { cwd, detached: grouped, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const stop = () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    if (grouped) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  }
  let output = ''
  child.stdout.on('data', (chunk) => { output += chunk })
  child.stderr.on('data', (chunk) => { output += chunk })
  const started = performance.now()
  let bytes = 0
  let lastGrowth = started
  /** @type {string | null} */
  let gaveUp = null
  const poll = setInterval(() => {
    const now = folders.reduce((sum, folder) => sum + bytesUnder(folder), 0)
    if (now !== bytes) {
      bytes = now
      lastGrowth = performance.now()
    }
    if (performance.now() - lastGrowth > stallMs) gaveUp = `the download brought nothing for ${Math.round(stallMs / 1000)} s`
    else if (performance.now() - started > timeoutMs) gaveUp = `it was not done after ${Math.round(timeoutMs / 1000)} s`
    if (gaveUp !== null) stop()
  }, POLL_MS)
  process.once('exit', stop)
  const onSignal = () => { stop(); process.exit(130) }
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  const code = await new Promise((resolve) => {
    child.once('error', (error) => { output += `\nError: ${error.message}`; resolve(1) })
    child.once('close', (status) => resolve(status ?? 1))
  })
  process.off('exit', stop)
  process.off('SIGINT', onSignal)
  process.off('SIGTERM', onSignal)
  clearInterval(poll)
  return { code, output, gaveUp }
}
