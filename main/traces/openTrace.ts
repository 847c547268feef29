import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { constants, createGunzip } from 'node:zlib'
import type { Timeline } from '../timeline/timeline.ts'
import { EventScanner } from './eventScanner.ts'
import { EXPECTED_TRACE, TraceFormatError } from './traceFormatError.ts'
import { TraceImport } from './traceImport.ts'

const CHUNK_BYTES = 1 << 20
const GZIP_MAGIC = [0x1f, 0x8b]

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file', EISDIR: 'it is a folder, not a file', EACCES: 'it may not be read',
}

const isSystemError = (cause: unknown): cause is NodeJS.ErrnoException => cause instanceof Error && 'code' in cause

/** Yields a first chunk again, then the rest. */
async function* resume(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

/**
 * The text of a file: decompressed where it begins with gzip's magic bytes, whatever it is called. Several members are
 * read one after the other; one that is cut off gives what it held.
 */
async function* textOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done === true) return
  const all = resume(first.value, iterator)
  if (!GZIP_MAGIC.every((byte, index) => first.value[index] === byte)) {
    yield* all
    return
  }
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH })
  const source = Readable.from(all, { objectMode: false })
  source.on('error', (cause) => gunzip.destroy(cause))
  source.pipe(gunzip)
  try {
    yield* gunzip as AsyncIterable<Uint8Array>
  } finally {
    source.destroy()
  }
}

function refuseForeign(path: string, imported: TraceImport, sawEvents: boolean): void {
  const { events, phases } = imported.counts
  const remedy = 'Open a trace written by Ringscope, the PyTorch profiler, XLA or any tool that exports Chrome Trace JSON'
  if (!sawEvents) {
    const keys = imported.keys.slice(0, 5).map((key) => JSON.stringify(key)).join(', ')
    throw new TraceFormatError(path, {
      what: `this is JSON but no trace: there is no "traceEvents"${keys === '' ? '' : ` among its keys (${keys})`}`, expected: EXPECTED_TRACE, remedy,
    })
  }
  const notEvents = imported.dropped.entries().find(({ kind }) => kind === 'not an event object')
  if (phases === 0 && (events > 0 || notEvents !== undefined)) {
    throw new TraceFormatError(path, {
      what: 'this is JSON but no trace: none of its items is an event with a phase ("ph")', offset: notEvents?.firstOffset,
      expected: EXPECTED_TRACE, remedy,
    })
  }
}

async function readTrace(path: string, chunks: AsyncIterable<Uint8Array>): Promise<Timeline> {
  const imported = new TraceImport(path, basename(path))
  const scanner = new EventScanner(path, imported)
  let offset = 0
  try {
    for await (const chunk of textOf(chunks)) {
      scanner.push(chunk)
      offset += chunk.byteLength
    }
  } catch (cause) {
    if (!isSystemError(cause)) throw cause
    const { code = '' } = cause
    if (code.startsWith('Z_')) {
      throw new TraceFormatError(path, {
        what: `the gzip data is damaged (${cause.message})`, offset, expected: 'a complete gzip file',
        remedy: 'Copy or download the file again',
      }, { cause })
    }
    throw new TraceFormatError(path, {
      what: READ_FAULTS[code] ?? cause.message, expected: 'a readable trace file', remedy: 'Check the path and its permissions',
    }, { cause })
  }
  scanner.end()
  refuseForeign(path, imported, scanner.sawEvents)
  return imported.finish()
}

/**
 * Opens a Chrome Trace JSON file, plain or gzip: ours (restored exactly) or any other tool's (see {@link TraceImport}).
 * What is mended or left out is counted in the timeline's `files`.
 * @throws TraceFormatError for anything that is no trace, saying what is wrong, where and what to do.
 */
export function openTrace(path: string): Promise<Timeline> {
  return readTrace(path, createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Uint8Array>)
}

/** As {@link openTrace}, for bytes that came without a path. @param name what the file is called. */
export function openTraceBytes(name: string, bytes: Uint8Array): Promise<Timeline> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
  }
  return readTrace(name, pieces())
}
