import { mkdir, open, rm, statfs } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LARGEST_UPLOAD_BYTES, type UploadedFile } from '../../preload/contract/wire.ts'
import { NotFoundError, RequestError } from './errors.ts'
import type { Scratch } from './scratch.ts'

/** Of a file's name: file systems end at 255 bytes, and the end tells rank and format. */
const LONGEST_NAME = 80

/** A file is longer than an upload may be, or than the disk has room for. */
export class UploadTooLargeError extends RequestError {
  override readonly name = 'UploadTooLargeError'

  constructor(message: string) {
    super('invalid-input', message)
  }
}

/** The name as a file's on any system: it is shown, and ranks are read from it. */
function safeName(name: string): string {
  // eslint-disable-next-line no-control-regex
  const safe = basename(name.replaceAll('\\', '/')).replaceAll(/[\u0000-\u001f<>:"|?*]/g, '_').slice(-LONGEST_NAME)
  return safe === '' || safe === '.' || safe === '..' ? 'trace' : safe
}

const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')

export interface UploadLimits {
  /** Bytes of one file. */
  readonly limit?: number
  /** Bytes that the sender says it will send; 0 where it does not. */
  readonly announced?: number
}

/** Files that pages sent, on disk until they are opened. */
export class Uploads {
  readonly #scratch: Scratch
  /** Complete ones, by id. */
  readonly #paths = new Map<string, string>()

  constructor(scratch: Scratch) {
    this.#scratch = scratch
  }

  /**
   * Takes a file in, piece by piece, never whole in memory. What came of one that does not end well is removed.
   * @throws UploadTooLargeError, or what `pieces` throws.
   */
  async receive(name: string, pieces: AsyncIterable<Uint8Array>, { limit = LARGEST_UPLOAD_BYTES, announced = 0 }: UploadLimits = {}): Promise<UploadedFile> {
    const folder = this.#scratch.place()
    const path = join(folder, safeName(name))
    await mkdir(folder, { mode: 0o700 })
    try {
      const { bavail, bsize } = await statfs(folder)
      const room = bavail * bsize
      if (announced > limit) throw this.#tooLarge(name, limit)
      if (announced > room) throw this.#noRoom(name)
      await this.#write(name, path, pieces, limit)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw isDiskFull(error) ? this.#noRoom(name) : error
    }
    const uploadId = basename(folder)
    this.#paths.set(uploadId, path)
    return { uploadId }
  }

  /**
   * Hands files out, once.
   * @returns their paths, the folder that they lie in, each in one of its own, and how to remove them when they have been read.
   * @throws NotFoundError where one is not there; the others stay.
   */
  take(uploadIds: readonly string[]): { readonly paths: readonly string[]; readonly folder: string; remove(): Promise<void> } {
    const paths = [...new Set(uploadIds)].map((uploadId) => {
      const path = this.#paths.get(uploadId)
      if (path === undefined) throw new NotFoundError('upload', uploadId, 'it was opened already, or the page was away: send the file again')
      return path
    })
    for (const uploadId of uploadIds) this.#paths.delete(uploadId)
    return { paths, folder: this.#scratch.folder, remove: () => removeAll(paths) }
  }

  /** Removes the files that nobody has opened: their page is gone. */
  async clear(): Promise<void> {
    const paths = [...this.#paths.values()]
    this.#paths.clear()
    await removeAll(paths)
  }

  async #write(name: string, path: string, pieces: AsyncIterable<Uint8Array>, limit: number): Promise<void> {
    const file = await open(path, 'wx', 0o600)
    try {
      let length = 0
      for await (const piece of pieces) {
        length += piece.byteLength
        if (length > limit) throw this.#tooLarge(name, limit)
        await file.writeFile(piece)
      }
    } finally {
      await file.close()
    }
  }

  #tooLarge(name: string, limit: number): UploadTooLargeError {
    return new UploadTooLargeError(
      `${name} is larger than ${limit / 2 ** 20} MiB, the most that is taken from a browser: name it on the command line, "ringscope serve <file>"`)
  }

  #noRoom(name: string): UploadTooLargeError {
    return new UploadTooLargeError(
      `${name}: there is no room for it in ${dirname(this.#scratch.folder)}: free some, or set TMPDIR to a folder on a larger disk`)
  }
}

async function removeAll(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => rm(dirname(path), { recursive: true, force: true })))
}
