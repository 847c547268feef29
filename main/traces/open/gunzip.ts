import { once } from 'node:events'
import { Readable, type TransformOptions } from 'node:stream'
import { constants, crc32, createGunzip, createInflateRaw, type ZlibOptions } from 'node:zlib'
import type { Tally } from '../tally.ts'

const OUT_BYTES = 1 << 20
/** Decompressed chunks that may wait: the thread pool goes on while the reader is busy with one. */
const CHUNKS_AHEAD = 4
const OPTIONS: ZlibOptions & TransformOptions = { chunkSize: OUT_BYTES, readableHighWaterMark: CHUNKS_AHEAD * OUT_BYTES }
const HEADER_BYTES = 10
const TRAILER_BYTES = 8
const FLAG = { checksum: 2, extra: 4, name: 8, comment: 16 } as const

export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b

/** Bytes that arrive in chunks, from which parts are taken and may be given back. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #back: Uint8Array[] = []

  constructor(chunks: AsyncIterator<Uint8Array>) {
    this.#chunks = chunks
  }

  /** Some bytes, at least one; null at the end. */
  async take(): Promise<Uint8Array | null> {
    for (;;) {
      const back = this.#back.pop()
      if (back !== undefined) return back
      const next = await this.#chunks.next()
      if (next.done === true) return null
      if (next.value.length > 0) return next.value
    }
  }

  giveBack(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#back.push(bytes)
  }

  /** Exactly so many bytes, or the fewer that are left. */
  async exactly(count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for (let left = count; left > 0;) {
      const chunk = await this.take()
      if (chunk === null) break
      parts.push(chunk.subarray(0, left))
      this.giveBack(chunk.subarray(left))
      left -= Math.min(left, chunk.length)
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts)
  }

  /** Passes over bytes while they are of one value. @returns how many. */
  async skip(value: number): Promise<number> {
    let skipped = 0
    for (let chunk = await this.take(); chunk !== null; chunk = await this.take()) {
      const other = chunk.findIndex((byte) => byte !== value)
      skipped += other < 0 ? chunk.length : other
      if (other < 0) continue
      this.giveBack(chunk.subarray(other))
      break
    }
    return skipped
  }
}

/** Passes over a text that ends in a zero byte. */
async function skipText(source: ByteSource): Promise<void> {
  for (let chunk = await source.take(); chunk !== null; chunk = await source.take()) {
    const end = chunk.indexOf(0)
    if (end < 0) continue
    source.giveBack(chunk.subarray(end + 1))
    return
  }
}

/** Passes over a member's header (RFC 1952, 2.3). False where the bytes end in it, or it is none. */
async function skipHeader(source: ByteSource): Promise<boolean> {
  const header = await source.exactly(HEADER_BYTES)
  if (header.length < HEADER_BYTES || !isGzip(header)) return false
  const flags = header[3]
  if ((flags & FLAG.extra) !== 0) {
    const size = await source.exactly(2)
    await source.exactly(size[0] + 256 * size[1])
  }
  if ((flags & FLAG.name) !== 0) await skipText(source)
  if ((flags & FLAG.comment) !== 0) await skipText(source)
  if ((flags & FLAG.checksum) !== 0) await source.exactly(2)
  return true
}

/** What a member held, checked against its trailer. */
interface Inflated {
  checksum: number
  length: number
}

/** Decompresses a member's data. What was read beyond it is given back. */
async function* inflate(source: ByteSource, seen: Inflated): AsyncGenerator<Uint8Array> {
  const inflater = createInflateRaw({ ...OPTIONS, finishFlush: constants.Z_SYNC_FLUSH })
  /** What was fed and is not known to be used up: it ends at `fedBytes`. */
  const fed: Uint8Array[] = []
  let fedBytes = 0
  let usedUp = 0
  let over = false
  const closed = once(inflater, 'close').catch(() => undefined)
  const feed = async (): Promise<void> => {
    while (!over) {
      const chunk = await source.take()
      if (over || chunk === null) {
        if (chunk !== null) source.giveBack(chunk)
        else inflater.end()
        return
      }
      fed.push(chunk)
      fedBytes += chunk.length
      while (usedUp + fed[0].length <= inflater.bytesWritten) usedUp += (fed.shift() ?? chunk).length
      if (!inflater.write(chunk)) await Promise.race([once(inflater, 'drain').catch(() => undefined), closed])
    }
  }
  const feeding = feed().catch((error: unknown) => { inflater.destroy(error as Error) })
  try {
    for await (const chunk of inflater as AsyncIterable<Uint8Array>) {
      seen.checksum = crc32(chunk, seen.checksum)
      seen.length += chunk.length
      yield chunk
    }
  } finally {
    over = true
    inflater.destroy()
    await feeding
  }
  let left = fedBytes - inflater.bytesWritten
  for (const chunk of fed.toReversed()) {
    const unused = Math.min(left, chunk.length)
    source.giveBack(chunk.subarray(chunk.length - unused))
    left -= unused
  }
}

/**
 * Decompresses gzip that may be damaged: several members one after the other, wherever chunks divide them. A file that is cut
 * off gives what it held, and what follows the last member is left out: both are counted, as is a wrong checksum.
 * Rejects with zlib's error (a code that begins with Z_) for data that is damaged.
 * @param chunks must stay as they are after they were given
 */
async function* gunzipCarefully(chunks: AsyncIterator<Uint8Array>, repairs: Tally, dropped: Tally): AsyncGenerator<Uint8Array> {
  const source = new ByteSource(chunks)
  let offset = 0
  for (let member = 0; ; member++) {
    const padding = member === 0 ? 0 : await source.skip(0)
    const head = await source.exactly(2)
    if (head.length === 0) {
      if (padding > 0) repairs.add('zeros after the end of the gzip data', offset)
      return
    }
    if (member > 0 && !isGzip(head)) {
      dropped.add('bytes after the end of the gzip data', offset)
      return
    }
    if (padding > 0) repairs.add('zeros between gzip members', offset)
    source.giveBack(head)
    const seen: Inflated = { checksum: 0, length: 0 }
    const begun = await skipHeader(source)
    if (begun) yield* inflate(source, seen)
    offset += seen.length
    const trailer = begun ? await source.exactly(TRAILER_BYTES) : new Uint8Array(0)
    if (trailer.length < TRAILER_BYTES) {
      dropped.add('gzip data cut off by the end of the file', offset)
      return
    }
    const view = new DataView(trailer.buffer, trailer.byteOffset)
    if (view.getUint32(0, true) !== seen.checksum || view.getUint32(4, true) !== seen.length % 2 ** 32) {
      repairs.add('gzip checksum does not fit the data', offset)
    }
  }
}

const isZlibError = (error: unknown): boolean => error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')

/**
 * Decompresses gzip that is as it should be, all of it including the checksums on zlib's thread.
 * @returns whether it was; all that was yielded is right in any case
 */
async function* gunzipSound(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, boolean> {
  const unzipper = createGunzip(OPTIONS)
  let fed = 0
  let exhausted = false
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      fed += chunk.length
      yield chunk
    }
    exhausted = true
  }
  const source = Readable.from(counted(), { objectMode: false })
  source.on('error', (cause) => unzipper.destroy(cause))
  source.pipe(unzipper)
  try {
    yield* unzipper as AsyncIterable<Uint8Array>
  } catch (error) {
    if (isZlibError(error)) return false
    throw error
  } finally {
    source.destroy()
  }
  return exhausted && unzipper.bytesWritten === fed
}

/**
 * Decompresses gzip as it arrives: several members one after the other. A file that is cut off gives what it held, and
 * what follows the last member is left out: both are counted, as is a wrong checksum. Such files are read a second time.
 * Rejects with zlib's error (a code that begins with Z_) for data that is damaged.
 * @param chunks must stay as they are after they were given
 * @param again the same bytes from the beginning
 */
export async function* gunzip(
  chunks: AsyncIterable<Uint8Array>, again: () => AsyncGenerator<Uint8Array>, repairs: Tally, dropped: Tally,
): AsyncGenerator<Uint8Array> {
  let given = 0
  const sound = gunzipSound(chunks)
  let next = await sound.next()
  try {
    for (; next.done !== true; next = await sound.next()) {
      given += next.value.length
      yield next.value
    }
  } finally {
    await sound.return(true)
  }
  if (next.value) return
  const stored = again()
  try {
    for await (const chunk of gunzipCarefully(stored, repairs, dropped)) {
      const known = Math.min(given, chunk.length)
      given -= known
      if (known < chunk.length) yield chunk.subarray(known)
    }
  } finally {
    await stored.return(undefined)
  }
}
