import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { writeFileInPieces } from '../save/atomicFile.ts'

const PIECE_CHARS = 1 << 16
/** Position of the operating system in a gzip header, and the value for "unknown". */
const GZIP_OS_BYTE = 9
const GZIP_OS_UNKNOWN = 0xff

/** A text that comes in parts of any length, as bytes in pieces of about 64 KiB. */
export async function* textPieces(text: Iterable<string>, gzip: boolean): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  function* encoded(): Generator<Uint8Array> {
    let piece = ''
    for (const part of text) {
      piece += part
      if (piece.length < PIECE_CHARS) continue
      yield encoder.encode(piece)
      piece = ''
    }
    if (piece !== '') yield encoder.encode(piece)
  }
  if (!gzip) {
    yield* encoded()
    return
  }
  const compressed = Readable.from(encoded(), { objectMode: false }).pipe(createGzip())
  let first = true
  for await (const piece of compressed as AsyncIterable<Uint8Array>) {
    // The header names the system it was made on: leave that out, so that every machine writes the same bytes.
    if (first && piece.length > GZIP_OS_BYTE) piece[GZIP_OS_BYTE] = GZIP_OS_UNKNOWN
    first = false
    yield piece
  }
}

/**
 * Writes a text atomically, as gzip where the name ends in `.gz`; never holds more than a piece of it.
 * Rejects with the system's error when the file cannot be written, and with the signal's reason when it aborts.
 */
export function writeTextFile(path: string, text: Iterable<string>, signal?: AbortSignal): Promise<void> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const piece of textPieces(text, path.toLowerCase().endsWith('.gz'))) {
      signal?.throwIfAborted()
      yield piece
    }
  }
  return writeFileInPieces(path, pieces())
}
