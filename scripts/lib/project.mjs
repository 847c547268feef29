import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The repository's root. */
export const root = join(import.meta.dirname, '..', '..')

/**
 * A path inside the repository.
 * @param {...string} parts
 */
export const at = (...parts) => join(root, ...parts)

/**
 * Reads a JSON file, null when there is none or an interrupted write left half of it.
 * @param {string} path
 * @returns {any}
 */
export function readJson(path) {
  if (!existsSync(path)) return null
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** @param {string} text */
export function say(text) {
  process.stdout.write(`ringscope: ${text}\n`)
}

/** A failure whose message is all that a user needs: no stack is printed for it. */
export class ScriptError extends Error {
  /**
   * @param {string} message
   * @param {number} exitCode
   */
  constructor(message, exitCode = 1) {
    super(message)
    this.name = 'ScriptError'
    this.exitCode = exitCode
  }
}

/**
 * Runs a script's main function and turns its outcome into the exit code.
 * @param {() => Promise<number>} main returns the exit code
 */
export async function runMain(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    process.stderr.write(`ringscope: ${error.message}\n`)
    process.exitCode = error.exitCode
  }
}
