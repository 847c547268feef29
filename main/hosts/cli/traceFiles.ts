import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf, UsageError } from './errors.ts'

const TRACE_NAME = /\.json(\.gz)?$/i

/** "rank2" before "rank10". */
const byName = new Intl.Collator('en', { numeric: true }).compare

/** What `look` finds at a path; a path that the system does not let one look at is the user's to mend. */
function lookAt<T>(path: string, look: () => T): T {
  try {
    return look()
  } catch (error) {
    throw new UsageError(`${path}: cannot be read (${reasonOf(error)}); check the path and its permissions`, { cause: error })
  }
}

/**
 * The trace files that the arguments name: files as they are, folders by every .json and .json.gz in them, sorted.
 * @throws UsageError for a path that does not exist or may not be read, and for a folder without traces.
 */
export function traceFiles(paths: readonly string[]): string[] {
  const files = paths.flatMap((path) => {
    const found = lookAt(path, () => statSync(path, { throwIfNoEntry: false }))
    if (found === undefined) throw new UsageError(`${path}: no such file or folder`)
    if (!found.isDirectory()) return [path]
    const names = lookAt(path, () => readdirSync(path, { withFileTypes: true }))
      .filter((entry) => !entry.isDirectory() && TRACE_NAME.test(entry.name))
      .map((entry) => entry.name)
      .sort(byName)
    if (names.length === 0) throw new UsageError(`${path}: no .json or .json.gz file in this folder`)
    return names.map((name) => join(path, name))
  })
  return [...new Set(files)]
}
