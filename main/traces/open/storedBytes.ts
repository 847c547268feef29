import { open } from 'node:fs/promises'
import { HEAD_BYTES, refuseBinary } from './foreignFiles.ts'
import { gunzip, isGzip } from './gunzip.ts'
import type { Tally } from '../tally.ts'
import { TraceFormatError } from '../traceFormatError.ts'

/** What a reader gets at once. */
const CHUNK_BYTES = 1 << 20
/** What is asked of the system at once: a call costs as much as reading a good part of a megabyte. */
const READ_BYTES = 2 * CHUNK_BYTES

export interface Reading {
  /** Told of the bytes read, as they are stored. */
  readonly onRead: (storedBytes: number) => void
  /** Set by a reader that is done with a chunk when it asks for the next: chunks then share two buffers. */
  reuse: boolean
}

/** A file's bytes as they are stored. What comes next is read while the reader is busy. */
export async function* chunksOfFile(path: string, reading: Reading): AsyncGenerator<Uint8Array> {
  const file = await open(path)
  try {
    const read = (into: Buffer) => file.read(into, 0, READ_BYTES)
    const fresh = (): Buffer => Buffer.allocUnsafeSlow(READ_BYTES)
    let next = read(fresh())
    let done: Buffer | null = null
    for (;;) {
      const { bytesRead, buffer } = await next
      if (bytesRead === 0) return
      next = read(reading.reuse && done !== null ? done : fresh())
      // Where the reader stops early nobody waits for it.
      next.catch(() => undefined)
      for (let at = 0; at < bytesRead; at += CHUNK_BYTES) {
        const chunk = buffer.subarray(at, Math.min(at + CHUNK_BYTES, bytesRead))
        reading.onRead(chunk.length)
        yield chunk
      }
      done = buffer
    }
  } finally {
    await file.close()
  }
}

/** Bytes that are in memory, in pieces, so that their reader can tell how far it is. */
export async function* chunksOfBytes(bytes: Uint8Array, { onRead }: Reading): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + CHUNK_BYTES)
    onRead(chunk.length)
    yield chunk
  }
}

/** Yields a first chunk again, then the rest. */
async function* resume(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

/**
 * The text of a file: decompressed where it begins with gzip's magic bytes, whatever it is called.
 * Each chunk is valid until the next is asked for.
 * @param open gives the stored bytes from the beginning
 * @throws TraceFormatError for what is neither text nor gzip, saying what it is where that is known
 */
export async function* textOf(
  path: string, open: (reading: Reading) => AsyncGenerator<Uint8Array>, onRead: Reading['onRead'], repairs: Tally, dropped: Tally,
): AsyncGenerator<Uint8Array> {
  const reading: Reading = { onRead, reuse: false }
  const chunks = open(reading)
  try {
    const first = await chunks.next()
    if (first.done === true) return
    const all = resume(first.value, chunks)
    if (!isGzip(first.value)) {
      refuseBinary(path, first.value.subarray(0, HEAD_BYTES))
      reading.reuse = true
      yield* all
      return
    }
    let isHead = true
    for await (const chunk of gunzip(all, () => open({ onRead: () => undefined, reuse: false }), repairs, dropped)) {
      if (isHead) refuseBinary(path, chunk.subarray(0, HEAD_BYTES))
      isHead = false
      yield chunk
    }
    if (isHead) {
      throw new TraceFormatError(path, { what: 'there is nothing in this gzip file', expected: 'a complete gzip file', remedy: 'Copy or download the file again' })
    }
  } finally {
    await chunks.return(undefined)
  }
}
