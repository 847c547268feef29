import { runResult } from '../../analysis/runResult.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { counterEvents, flowEvents, metadataEvents, spanEvents } from './chromeEvents.ts'
import { type ChromeTracks, chromeTracks } from './chromeTracks.ts'
import { importedCounterEvents, importedFlowEvents, importedSpanEvents } from '../events/importedEvents.ts'
import { FORMAT_VERSION, OWN_KEY, type WrittenMetadata } from './ownMetadata.ts'
import { textPieces, writeTextFile } from '../open/textFile.ts'
import { traceRecordOf } from './traceRecord.ts'

function ownMetadata(timeline: Timeline, tracks: ChromeTracks): WrittenMetadata {
  const { title, source, run, lanes } = timeline
  const figures = (): WrittenMetadata['figures'] => {
    const { config: _config, plan: _plan, tracePath: _path, ...rest } = runResult(timeline, null)
    return rest
  }
  const trace = traceRecordOf(timeline, tracks)
  return {
    format: FORMAT_VERSION, title, source, run, ...(trace !== null && { trace }),
    tracks: lanes.map((lane, index) => ({ ...tracks.ofLane[index], lane })),
    figures: run === null ? null : figures(),
  }
}

function* eventsOf(timeline: Timeline, tracks: ChromeTracks): Generator<string> {
  yield* metadataEvents(timeline, tracks)
  const { trace } = timeline
  if (trace !== null) {
    yield* importedSpanEvents(timeline, trace, tracks)
    yield* importedFlowEvents(timeline, trace, tracks)
    yield* importedCounterEvents(trace, tracks)
  } else {
    yield* spanEvents(timeline, tracks)
    yield* flowEvents(timeline, tracks)
    yield* counterEvents(timeline, tracks)
  }
}

/** A timeline as Trace Event JSON in the object form, a line an event. Deterministic. Our record comes first, so that a reader has it before the events. */
function* traceText(timeline: Timeline): Generator<string> {
  const tracks = chromeTracks(timeline.lanes, timeline.trace?.counters)
  yield `{"displayTimeUnit":"ns",\n"${OWN_KEY}":${JSON.stringify(ownMetadata(timeline, tracks))},\n"traceEvents":[`
  let separator = '\n'
  for (const event of eventsOf(timeline, tracks)) {
    yield separator + event
    separator = ',\n'
  }
  yield '\n]}\n'
}

/**
 * Saves a timeline as Chrome Trace JSON, gzip where the name ends in `.gz`, atomically. What Perfetto and chrome://tracing
 * draw: a process per rank, a thread per lane, an arrow per hop, bytes in flight; of an imported trace all that it held,
 * its ranks on one clock and with ids of their own. `openTrace` restores the timeline.
 * Rejects with the system's error when the file cannot be written, and with the signal's reason when it aborts.
 */
export function writeTrace(timeline: Timeline, path: string, signal?: AbortSignal): Promise<void> {
  return writeTextFile(path, traceText(timeline), signal)
}

/** The bytes that {@link writeTrace} writes. */
export async function traceBytes(timeline: Timeline, { gzip }: { gzip: boolean }): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of textPieces(traceText(timeline), gzip)) pieces.push(piece)
  return Buffer.concat(pieces)
}
