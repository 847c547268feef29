import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { UsageError } from './errors.ts'

/**
 * Checks before any work that a result can be written to `path`.
 * @param extensions accepted ends of the name, with their dot.
 * @throws UsageError
 */
export function checkOutputPath(path: string, extensions: readonly string[]): void {
  if (!extensions.some((extension) => path.toLowerCase().endsWith(extension))) {
    throw new UsageError(`--out ${path}: expected a name that ends in ${extensions.join(' or ')}`)
  }
  const folder = dirname(path)
  const isFolder = (candidate: string): boolean => statSync(candidate, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder(folder)) throw new UsageError(`--out ${path}: the folder ${folder} does not exist; create it first`)
  if (isFolder(path)) throw new UsageError(`--out ${path}: expected a file name, this is a folder`)
}
