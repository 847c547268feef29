import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ScriptError } from './project.mjs'

/**
 * @typedef {object} StartArgs
 * @property {'electron' | 'web' | null} host the one that was asked for
 * @property {string[]} rest for the host: its flags as they came, files as absolute paths
 */

/**
 * @param {readonly string[]} argv
 * @param {string} [folder] what relative paths are relative to; npm starts scripts in the root and keeps the user's
 *   folder in INIT_CWD
 * @returns {StartArgs}
 * @throws {ScriptError} when both hosts are asked for
 */
export function parseStartArgs(argv, folder = process.env.INIT_CWD ?? process.cwd()) {
  /** @type {StartArgs} */
  const args = { host: null, rest: [] }
  for (const arg of argv) {
    if (arg === '--electron' || arg === '--web') {
      const host = arg === '--web' ? 'web' : 'electron'
      if (args.host !== null && args.host !== host) throw new ScriptError('give one of --electron and --web, not both', 2)
      args.host = host
    } else {
      const path = resolve(folder, arg)
      args.rest.push(!arg.startsWith('-') && existsSync(path) ? path : arg)
    }
  }
  return args
}
