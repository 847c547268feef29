import { resolve } from 'node:path'

/**
 * The trace files named on a command line.
 * @param argv as the process got it: the executable, in development the app's folder, then arguments.
 * @param packaged whether the executable is the app itself.
 * @param folder what relative paths are relative to.
 */
export function traceArguments(argv: readonly string[], packaged: boolean, folder: string): string[] {
  // Chromium adds switches of its own, all with dashes.
  return argv.slice(packaged ? 1 : 2).filter((argument) => argument !== '' && !argument.startsWith('-'))
    .map((argument) => resolve(folder, argument))
}
