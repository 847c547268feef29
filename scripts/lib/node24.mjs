import { existsSync, readFileSync } from 'node:fs'
import { ScriptError, at } from './project.mjs'
import { run } from './processes.mjs'

/**
 * The Node that the npm package `node` brought, so that everything but these start-up scripts runs on the same
 * version wherever it runs.
 * @returns {string | null} null when npm has not put it there
 */
export function findNode24() {
  const path = at('node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  return existsSync(path) ? path : null
}

/**
 * @returns {string}
 * @throws {ScriptError} when it is absent
 */
export function node24() {
  const path = findNode24()
  if (path !== null) return path
  const wanted = JSON.parse(readFileSync(at('package.json'), 'utf8')).devDependencies.node
  throw new ScriptError(`the npm package "node" (${wanted}) did not bring its binary; run: npm rebuild node`)
}

/**
 * Runs a program on that Node, in the repository's root.
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string | undefined> }} [options]
 * @returns {Promise<number>} its exit code
 */
export const runOnNode24 = (args, options = {}) => run(node24(), args, options)
