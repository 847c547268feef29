import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { InvalidInputError } from '../../kernels/config/problem.ts'
import { isClusterFolder } from './clusterFolder.ts'
import type { ClusterFile } from './clusterFiles.ts'

export interface WriteFolderOptions {
  /** Replaces a folder that was written before, with the results in it. */
  readonly force: boolean
}

const refuse = (folder: string, expected: string, given: string, hint: string): InvalidInputError =>
  new InvalidInputError(folder, [{ path: '--out', expected, given, hint }])

/** What is in the way. */
async function entriesOf(folder: string): Promise<readonly string[] | null> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (found === null) return null
  if (!found.isDirectory()) throw refuse(folder, 'a folder, or nothing there yet', 'a file', 'name another place')
  return readdir(folder)
}

async function checkPlace(folder: string, { force }: WriteFolderOptions): Promise<boolean> {
  const entries = await entriesOf(folder)
  if (entries === null || entries.length === 0) return entries !== null
  if (!force) throw refuse(folder, 'an empty folder, or nothing there yet', `a folder of ${entries.length} entries`, 'name another one, or replace it with --force')
  if (!isClusterFolder(entries)) {
    throw refuse(folder, 'a folder that "ringscope cluster" wrote, to replace it', 'a folder of other files', '--force replaces no other: name another one')
  }
  return true
}

/**
 * Writes a cluster folder: whole or not at all. It is written beside its place and renamed.
 * @throws InvalidInputError where something is in the way; whatever the file system says, with nothing left behind.
 */
export async function writeClusterFolder(folder: string, files: readonly ClusterFile[], options: WriteFolderOptions): Promise<void> {
  const target = resolve(folder)
  const replaces = await checkPlace(target, options)
  await mkdir(dirname(target), { recursive: true })
  const scratch = await mkdtemp(join(dirname(target), `.${basename(target)}-`))
  try {
    const fresh = join(scratch, 'new')
    for (const { path, bytes, executable } of files) {
      await mkdir(dirname(join(fresh, path)), { recursive: true })
      await writeFile(join(fresh, path), bytes, { mode: executable ? 0o755 : 0o644 })
    }
    const old = join(scratch, 'old')
    if (replaces) await rename(target, old)
    try {
      await rename(fresh, target)
    } catch (error) {
      if (replaces) await rename(old, target)
      throw error
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
