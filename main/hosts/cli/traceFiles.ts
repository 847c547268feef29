import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from './errors.ts'

const TRACE_NAME = /\.json(\.gz)?$/i

/** "rank2" before "rank10". */
const byName = new Intl.Collator('en', { numeric: true }).compare

/**
 * The trace files that the arguments name: files as they are, folders by every .json and .json.gz in them, sorted.
 * @throws UsageError for a path that does not exist or a folder without traces.
 */
export function traceFiles(paths: readonly string[]): string[] {
  const files = paths.flatMap((path) => {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) throw new UsageError(`${path}: no such file or folder`)
    if (!found.isDirectory()) return [path]
    const names = readdirSync(path, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && TRACE_NAME.test(entry.name))
      .map((entry) => entry.name)
      .sort(byName)
    if (names.length === 0) throw new UsageError(`${path}: no .json or .json.gz file in this folder`)
    return names.map((name) => join(path, name))
  })
  return [...new Set(files)]
}
