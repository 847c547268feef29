import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { runResult } from '../analysis/runResult.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { writeFileInPieces } from './atomicFile.ts'
import { counterEvents, flowEvents, metadataEvents, spanEvents } from './chromeEvents.ts'
import { type ChromeTracks, chromeTracks } from './chromeTracks.ts'
import { FORMAT_VERSION, OWN_KEY, type WrittenMetadata } from './ownMetadata.ts'

const PIECE_CHARS = 1 << 16
/** Position of the operating system in a gzip header, and the value for "unknown". */
const GZIP_OS_BYTE = 9
const GZIP_OS_UNKNOWN = 0xff

function ownMetadata(timeline: Timeline, tracks: ChromeTracks): WrittenMetadata {
  const { title, source, run, lanes } = timeline
  const figures = (): WrittenMetadata['figures'] => {
    const { config: _config, plan: _plan, tracePath: _path, ...rest } = runResult(timeline, null)
    return rest
  }
  return {
    format: FORMAT_VERSION, title, source, run,
    tracks: lanes.map((lane, index) => ({ ...tracks.ofLane[index], lane })),
    figures: run === null ? null : figures(),
  }
}

/**
 * A timeline as Trace Event JSON in the object form, a line an event, in pieces of about 64 KiB. Deterministic.
 * Our record comes first, so that a reader has it before the events.
 */
function* traceText(timeline: Timeline): Generator<string> {
  const tracks = chromeTracks(timeline.lanes)
  let piece = `{"displayTimeUnit":"ns",\n"${OWN_KEY}":${JSON.stringify(ownMetadata(timeline, tracks))},\n"traceEvents":[`
  let separator = '\n'
  for (const events of [metadataEvents, spanEvents, flowEvents, counterEvents]) {
    for (const event of events(timeline, tracks)) {
      piece += separator + event
      separator = ',\n'
      if (piece.length >= PIECE_CHARS) {
        yield piece
        piece = ''
      }
    }
  }
  yield `${piece}\n]}\n`
}

async function* tracePieces(timeline: Timeline, gzip: boolean): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  function* encoded(): Generator<Uint8Array> {
    for (const text of traceText(timeline)) yield encoder.encode(text)
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
 * Saves a timeline as Chrome Trace JSON, gzip where the name ends in `.gz`, atomically. What Perfetto and chrome://tracing
 * draw: a process per rank, a thread per lane, an arrow per hop, bytes in flight. `openTrace` restores the timeline.
 * Rejects with the system's error when the file cannot be written.
 */
export function writeTrace(timeline: Timeline, path: string): Promise<void> {
  return writeFileInPieces(path, tracePieces(timeline, path.endsWith('.gz')))
}

/** The bytes that {@link writeTrace} writes. */
export async function traceBytes(timeline: Timeline, { gzip }: { gzip: boolean }): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of tracePieces(timeline, gzip)) pieces.push(piece)
  return Buffer.concat(pieces)
}
