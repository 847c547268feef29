import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { ScriptError, root } from './project.mjs'

/** How long a child may take to end by itself after Ctrl-C before it is told to. */
const GRACE_MS = 3000
/** How long a child may take to end once told, before it is killed. */
const PATIENCE_MS = 8000

/** @param {NodeJS.Signals} signal */
const exitCodeOf = (signal) => 128 + (constants.signals[signal] ?? 0)

/**
 * Passes signals of this process on to a child until the child ends.
 *
 * Ctrl-C in a terminal reaches every process of the foreground group by itself, a signal sent to this process alone
 * does not. So the child gets a moment to react on its own, and only then a SIGTERM: a second Ctrl-C at once would cut
 * its clean-up short.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {() => void} ends the forwarding
 */
function forwardSignals(child) {
  /** @type {NodeJS.Timeout[]} */
  const timers = []
  const later = (/** @type {NodeJS.Signals} */ signal, /** @type {number} */ ms) => {
    timers.push(setTimeout(() => child.kill(signal), ms))
  }
  const onInterrupt = () => { later('SIGTERM', GRACE_MS); later('SIGKILL', PATIENCE_MS) }
  const onTerminate = () => { child.kill('SIGTERM'); later('SIGKILL', PATIENCE_MS) }
  process.on('SIGINT', onInterrupt)
  process.on('SIGTERM', onTerminate)
  process.on('SIGHUP', onTerminate)
  return () => {
    for (const timer of timers) clearTimeout(timer)
    process.off('SIGINT', onInterrupt)
    process.off('SIGTERM', onTerminate)
    process.off('SIGHUP', onTerminate)
  }
}

/**
 * Runs a command in the repository's root with this process's input and output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string | undefined>, shell?: boolean }} [options] `env` is added to this process's
 * @returns {Promise<number>} its exit code; 128 plus the signal's number when a signal ended it
 * @throws {ScriptError} when the command cannot be started
 */
export function run(command, args, options = {}) {
  const child = spawn(command, args, {
    cwd: root, stdio: 'inherit', shell: options.shell ?? false, env: { ...process.env, ...options.env },
  })
  const endForwarding = forwardSignals(child)
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      endForwarding()
      reject(new ScriptError(`cannot start ${command}: ${error.message}`))
    })
    child.once('exit', (code, signal) => {
      endForwarding()
      resolve(signal === null ? (code ?? 1) : exitCodeOf(signal))
    })
  })
}
