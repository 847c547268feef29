import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { reasonOf, UsageError } from './errors.ts'

/** False also where one may not look: what is wrong there shows when it is used. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

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
  if (!isFolder(folder)) throw new UsageError(`--out ${path}: the folder ${folder} does not exist; create it first`)
  if (isFolder(path)) throw new UsageError(`--out ${path}: expected a file name, this is a folder`)
  try {
    // The file is written beside its name and renamed, so that the folder is what must be open to writing.
    accessSync(folder, constants.W_OK)
  } catch (error) {
    throw new UsageError(`--out ${path}: nothing can be written to ${folder} (${reasonOf(error)}); name another folder`, { cause: error })
  }
}
