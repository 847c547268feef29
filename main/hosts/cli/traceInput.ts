import { readFile } from 'node:fs/promises'
import { type ClassificationRules, defaultClassificationDir, loadClassificationRules, parseClassificationRules } from '../../classify/rules.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { openTraces, type OpenProgress } from '../../traces/open/openTraces.ts'
import { traceFiles } from '../../traces/open/traceFiles.ts'
import type { CliContext } from './context.ts'
import { CancelledError, reasonOf, UsageError } from './errors.ts'
import { progressBar } from './format/progress.ts'
import { formatBytes, formatCount } from './format/units.ts'

/** The file that was asked for, else the user's own, else none. */
async function rulesOf(path: string | undefined): Promise<ClassificationRules | null> {
  if (path === undefined) return loadClassificationRules(defaultClassificationDir())
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--rules ${path}: cannot be read (${reasonOf(error)})`, { cause: error })
  })
  return parseClassificationRules(text, path)
}

/** "[######------]  25 %  reading rank-3.json, 120 MiB of 480 MiB, 1,234,567 events" */
export function describeOpening({ doing, bytesRead, totalBytes, events }: OpenProgress): string {
  return progressBar(totalBytes === 0 ? 0 : Math.min(1, bytesRead / totalBytes),
    `${doing}, ${formatBytes(bytesRead)} of ${formatBytes(totalBytes)}, ${formatCount(events)} events`)
}

/** Lets a signal that has arrived be heard between two pieces of work. @throws CancelledError where the user wants to stop. */
export async function checkCancelled({ cancel }: CliContext): Promise<void> {
  await new Promise((resolve) => { setImmediate(resolve) })
  if (cancel.aborted) throw new CancelledError()
}

/**
 * Opens what a command line names: the ranks of one job as one timeline, runs of our own as one each. A folder or a pattern
 * may lead to files that are no traces: those are left out, and it says so.
 * @param paths files, folders and globs. @param rules path of a file of classification rules.
 * @throws CancelledError when the user stops it; else what traceFiles, the rules' reader and openTraces throw.
 */
export async function openInput(paths: readonly string[], rules: string | undefined, context: CliContext): Promise<Timeline[]> {
  const { terminal, cancel } = context
  try {
    return await openTraces(traceFiles(paths), {
      rules: await rulesOf(rules), signal: cancel,
      onProgress: (progress) => { terminal.progress(describeOpening(progress)) },
      onRefused: (error) => {
        if (paths.includes(error.path)) throw error
        terminal.note(`left out: ${error.message}`)
      },
    })
  } catch (error) {
    throw cancel.aborted ? new CancelledError() : error
  } finally {
    terminal.progress('')
  }
}

/**
 * The one job that was opened. @param because what makes it one, @param advice and what to do, for people.
 * @throws UsageError where there are several: their figures and ranks do not belong together.
 */
export function onlyJob(timelines: readonly Timeline[], because: string, advice: string): Timeline {
  if (timelines.length === 1) return timelines[0]
  const jobs = timelines.map(({ title, files }) => `  ${title}: ${files.map(({ path }) => path).join(', ')}`)
  throw new UsageError(`these files are ${timelines.length} jobs, and ${because}:\n${jobs.join('\n')}\n${advice}`)
}
