import { open, rename, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'

/**
 * Writes a file piece by piece so that its name holds either what was there before or all that is new, also when the
 * process dies: a temporary file beside it, flushed to disk, then renamed over it.
 * Rejects with the system's error (no such folder, no space) after removing the temporary file.
 */
export async function writeFileInPieces(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`
  const file = await open(temporary, 'wx')
  try {
    try {
      for await (const piece of pieces) await file.writeFile(piece)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
