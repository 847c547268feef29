import { resolve } from 'node:path'

/**
 * The trace files named on a command line.
 * @param argv as the process got it: the executable, in development the app's folder, then arguments.
 * @param packaged whether the executable is the app itself.
 * @param folder what relative paths are relative to.
 */
export function traceArguments(argv: readonly string[], packaged: boolean, folder: string): string[] {
  // Chromium adds switches of its own, all with dashes, and puts them before the rest in a second instance.
  const named = argv.slice(1).filter((argument) => argument !== '' && !argument.startsWith('-'))
  return named.slice(packaged ? 0 : 1).map((argument) => resolve(folder, argument))
}
