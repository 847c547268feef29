import { type Dirent, globSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CLUSTER_SIMULATION, CLUSTER_TRACES, isClusterFolder } from '../../cluster/clusterFolder.ts'

/** Paths that lead to no trace files. The message says which, why and what would do. */
export class TracePathError extends Error {
  override readonly name = 'TracePathError'
}

/** Also .pt.trace.json, and all of them compressed. NCCL's .txt are opened where they are named. */
const TRACE_NAME = /\.json(\.gz)?$/i
const GLOB = /[*?[{]/

/** "rank2" before "rank10". */
const byName = new Intl.Collator('en', { numeric: true }).compare

/** What `look` finds at a path; a path that the system does not let one look at is the user's to mend. */
function lookAt<T>(path: string, look: () => T): T {
  try {
    return look()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new TracePathError(`${path}: cannot be read (${reason}); check the path and its permissions`, { cause: error })
  }
}

const entriesOf = (path: string): Dirent[] => lookAt(path, () => readdirSync(path, { withFileTypes: true })).sort((a, b) => byName(a.name, b.name))

const tracesAmong = (folder: string, entries: readonly Dirent[]): string[] =>
  entries.filter((entry) => !entry.isDirectory() && TRACE_NAME.test(entry.name)).map(({ name }) => join(folder, name))

/** The ranks' traces in a folder that "ringscope cluster" wrote, and the simulation beside them; its other JSON files are no traces. */
function tracesOfClusterFolder(path: string, entries: readonly Dirent[]): string[] {
  const traces = entries.some((entry) => entry.name === CLUSTER_TRACES) ? join(path, CLUSTER_TRACES) : null
  const found = [
    ...(traces === null ? [] : tracesAmong(traces, entriesOf(traces))),
    ...tracesAmong(path, entries.filter(({ name }) => name === CLUSTER_SIMULATION)),
  ]
  if (found.length === 0) throw new TracePathError(`${path}: this cluster folder was not run yet, so that there are no traces in it; run "bash torchrun.sh" there`)
  return found
}

/** The traces in a folder; where it has none itself, those in the folders in it, as of a job with a folder per rank. */
function tracesOfFolder(path: string): string[] {
  const entries = entriesOf(path)
  if (isClusterFolder(entries.map(({ name }) => name))) return tracesOfClusterFolder(path, entries)
  const direct = tracesAmong(path, entries)
  const found = direct.length > 0 ? direct : entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => {
    const folder = join(path, name)
    return tracesAmong(folder, entriesOf(folder))
  })
  if (found.length === 0) throw new TracePathError(`${path}: no .json or .json.gz file in this folder`)
  return found
}

function tracesOfGlob(pattern: string): string[] {
  const matches = lookAt(pattern, () => globSync(pattern)).sort(byName)
  const found = matches.flatMap((path) => (statSync(path).isDirectory() ? tracesOfFolder(path) : [path]))
  if (found.length === 0) throw new TracePathError(`${pattern}: no file or folder matches this pattern`)
  return found
}

/** A file that is named twice, also by another path to it, would count as two runs. */
function onceEach(files: readonly string[]): string[] {
  const seen = new Set<string>()
  return files.filter((path) => {
    const real = lookAt(path, () => realpathSync(path))
    if (seen.has(real)) return false
    seen.add(real)
    return true
  })
}

/**
 * The trace files that paths lead to: files as they are, folders by every .json and .json.gz in them, patterns such as
 * "run/rank*.json.gz" by all that matches; each once, numbers in names in order of their value.
 * @throws TracePathError for a path that does not exist or may not be read, and for a folder or pattern without traces.
 */
export function traceFiles(paths: readonly string[]): string[] {
  const files = paths.flatMap((path) => {
    const found = lookAt(path, () => statSync(path, { throwIfNoEntry: false }))
    if (found === undefined) {
      if (GLOB.test(path)) return tracesOfGlob(path)
      throw new TracePathError(`${path}: no such file or folder`)
    }
    return found.isDirectory() ? tracesOfFolder(path) : [path]
  })
  return onceEach(files)
}
