import { closeSync, openSync, readvSync, readv, writevSync } from 'node:fs'
import { join } from 'node:path'
import type { Channel } from '../timeline/categories.ts'
import { TransportError } from './frames.ts'
import { bytesOf } from './links.ts'

/** A piece smaller than this is copied faster than a helper thread wakes up. */
const LEAST_PIECE_BYTES = 1 << 20
/** Zeros are written this many at a time. */
const ZEROS_BYTES = 1 << 20

/** Where a rank's own K/V lies while a pass goes on. */
export const publishedPath = (folder: string, owner: number): string => join(folder, `own-${owner}`)

/** Where a link's sender leaves what came about during the pass. */
export const stagedPath = (folder: string, channel: Channel, sender: number, receiver: number): string =>
  join(folder, `${channel}-${sender}-${receiver}`)

/** What is left of `parts` once their first `done` bytes are dealt with. */
function rest(parts: readonly Uint8Array[], done: number): Uint8Array[] {
  const left: Uint8Array[] = []
  let skip = done
  for (const part of parts) {
    if (skip < part.length) left.push(skip === 0 ? part : part.subarray(skip))
    skip = Math.max(0, skip - part.length)
  }
  return left
}

/** Bytes [from, from + count) of what the parts hold together. */
function piece(parts: readonly Uint8Array[], from: number, count: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let left = count
  for (const part of rest(parts, from)) {
    if (left === 0) break
    const taken = Math.min(left, part.length)
    pieces.push(part.subarray(0, taken))
    left -= taken
  }
  return pieces
}

/** A block in a file on tmpfs, from its first byte on. One process writes it, others read it. */
export class BlockFile {
  readonly #path: string
  readonly #file: number
  #closed = false

  private constructor(path: string, file: number) {
    this.#path = path
    this.#file = file
  }

  /**
   * Makes a file at its full size, before anybody connects, so that a tmpfs that runs out of space shows here and not in
   * the middle of a run. @throws the system's error (ENOSPC)
   */
  static create(path: string, bytes: number): BlockFile {
    const made = new BlockFile(path, openSync(path, 'wx+', 0o600))
    const zeros = new Uint8Array(Math.min(bytes, ZEROS_BYTES))
    for (let at = 0; at < bytes; at += zeros.length) made.write([zeros.subarray(0, Math.min(zeros.length, bytes - at))], at)
    return made
  }

  /** For reading. @throws the system's error (ENOENT) */
  static open(path: string): BlockFile {
    return new BlockFile(path, openSync(path, 'r'))
  }

  /** Writes the parts one behind the other; a short write is continued. @throws the system's error (ENOSPC) */
  write(parts: readonly Uint8Array[], from = 0): void {
    const bytes = bytesOf(parts)
    for (let done = 0; done < bytes;) {
      const count = writevSync(this.#file, rest(parts, done), from + done)
      if (count === 0) throw new TransportError(`the system takes no more bytes for ${this.#path} at byte ${from + done}`)
      done += count
    }
  }

  /**
   * Reads into the parts, one behind the other.
   * @param threads helper threads that may copy pieces at the same time; 0 or 1 copies on this thread.
   * @throws TransportError when the file is shorter than the parts.
   */
  async read(parts: readonly Uint8Array[], threads: number): Promise<void> {
    const bytes = bytesOf(parts)
    const pieces = Math.min(threads, Math.floor(bytes / LEAST_PIECE_BYTES))
    if (pieces < 2) {
      for (let done = 0; done < bytes;) done += this.#checked(readvSync(this.#file, rest(parts, done), done), done, bytes)
      return
    }
    const pieceBytes = Math.ceil(bytes / pieces)
    await Promise.all(Array.from({ length: pieces }, async (_, index) => {
      const from = index * pieceBytes
      const count = Math.min(pieceBytes, bytes - from)
      const wanted = piece(parts, from, count)
      for (let done = 0; done < count;) done += this.#checked(await this.#readOnce(rest(wanted, done), from + done), from + done, bytes)
    }))
  }

  /** Harmless when closed already. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.#file)
  }

  #readOnce(parts: readonly Uint8Array[], at: number): Promise<number> {
    return new Promise((resolve, reject) => {
      readv(this.#file, parts, at, (error, count) => {
        if (error) reject(error)
        else resolve(count)
      })
    })
  }

  #checked(count: number, at: number, bytes: number): number {
    if (count === 0) throw new TransportError(`${this.#path} ends at byte ${at} of the block's ${bytes}`)
    return count
  }
}
