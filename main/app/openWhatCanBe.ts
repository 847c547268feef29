import { InvalidInputError } from '../../kernels/config/problem.ts'
import type { TraceRefused } from '../../preload/contract/events.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { type OpenOptions, openTraces } from '../traces/open/openTraces.ts'
import { traceFiles, TracePathError } from '../traces/open/traceFiles.ts'
import type { TraceFormatError } from '../traces/traceFormatError.ts'

export interface OpenedGroup {
  readonly timelines: readonly Timeline[]
  /** Files that could not be read. */
  readonly refused: TraceRefused['files']
}

interface Refusal {
  readonly path: string
  readonly error: TraceFormatError | TracePathError
}

/** The files that the paths lead to, each once; a path that leads to none is refused. */
function filesOf(paths: readonly string[], refused: Refusal[]): string[] {
  const files = paths.flatMap((path) => {
    try {
      return traceFiles([path])
    } catch (error) {
      if (!(error instanceof TracePathError)) throw error
      refused.push({ path, error })
      return []
    }
  })
  return [...new Set(files)]
}

/** One error for all of a group. */
function noneOpened(refused: readonly Refusal[]): Error {
  if (refused.length === 1) return refused[0].error
  return new InvalidInputError(`none of the ${refused.length} files could be opened`, refused.map(({ path, error }) =>
    ({ path, expected: 'a trace', given: error.message })))
}

/**
 * Opens a group of files and folders. Where some cannot be read the others are opened all the same: of a job of many
 * ranks one damaged file is no reason to show nothing.
 * @throws what is wrong with the only file, InvalidInputError with every file's problem where none of several is a trace.
 */
export async function openWhatCanBe(paths: readonly string[], options: Omit<OpenOptions, 'onRefused'>): Promise<OpenedGroup> {
  const refused: Refusal[] = []
  const files = filesOf(paths, refused)
  if (files.length === 0) throw noneOpened(refused)
  const before = refused.length
  try {
    const timelines = await openTraces(files, { ...options, onRefused: (error) => { refused.push({ path: error.path, error }) } })
    return { timelines, refused: refused.map(({ path, error }) => ({ path, message: error.message })) }
  } catch (error) {
    throw refused.length - before === files.length ? noneOpened(refused) : error
  }
}
