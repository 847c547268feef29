import type { FileImport } from '../events/fileImport.ts'
import { REPAIRS } from '../scan/damageKinds.ts'
import type { Tally } from '../tally.ts'
import { EXPECTED_TRACE, TraceFormatError } from '../traceFormatError.ts'

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file', EISDIR: 'it is a folder, not a file', EACCES: 'it may not be read',
}

const isSystemError = (cause: unknown): cause is NodeJS.ErrnoException => cause instanceof Error && 'code' in cause

/**
 * What to throw when a file cannot be read to its end: faults of the system and of the compression in our words.
 * @param offset bytes of text read so far
 */
export function readError(path: string, offset: number, cause: unknown): unknown {
  if (!isSystemError(cause)) return cause
  const { code } = cause
  // Other errors have codes that are numbers: an abort's, for one.
  if (typeof code !== 'string') return cause
  if (code.startsWith('Z_')) {
    return new TraceFormatError(path, {
      what: `the gzip data is damaged (${cause.message})`, offset, expected: 'a complete gzip file', remedy: 'Copy or download the file again',
    }, { cause })
  }
  return new TraceFormatError(path, {
    what: READ_FAULTS[code] ?? cause.message, expected: 'a readable trace file', remedy: 'Check the path and its permissions',
  }, { cause })
}

/** What the scanner counts items as that are no events. */
const NO_EVENTS = new Set(['not an event object', 'event is not valid JSON', 'event without a phase', 'event with a phase that is no letter', 'empty event'])

const REMEDY = 'Open a trace written by Ringscope, the PyTorch profiler, XLA or any tool that exports Chrome Trace JSON'

/** What is wrong with an object in which no list of events began. */
function withoutEvents(path: string, keys: readonly string[], repairs: Tally): TraceFormatError {
  const cut = repairs.entries().find(({ kind }) => kind === REPAIRS.objectOpen)
  if (cut !== undefined) {
    return new TraceFormatError(path, {
      what: 'the file ends before its list of events', offset: cut.firstOffset, expected: EXPECTED_TRACE,
      remedy: 'Copy or download the file again, or check that the program that wrote it finished',
    })
  }
  const listed = keys.slice(0, 5).map((key) => JSON.stringify(key)).join(', ')
  const what = keys.includes('traceEvents') ? 'its "traceEvents" is no array' : `there is no "traceEvents"${listed === '' ? '' : ` among its keys (${listed})`}`
  return new TraceFormatError(path, { what: `this is JSON but no trace: ${what}`, expected: EXPECTED_TRACE, remedy: REMEDY })
}

/** @throws TraceFormatError for JSON that is no trace: without a list of events, or with one of other things. */
export function refuseForeign({ path, events, facts, repairs, dropped }: FileImport, sawEvents: boolean): void {
  if (!sawEvents) throw withoutEvents(path, facts.keys, repairs)
  const items = [...dropped.entries(), ...repairs.entries()].filter(({ kind }) => NO_EVENTS.has(kind))
  if (events > 0 || items.length === 0) return
  const notEvents = items.find(({ kind }) => kind === 'not an event object')
  throw new TraceFormatError(path, {
    what: 'this is JSON but no trace: none of its items is an event with a phase ("ph")', expected: EXPECTED_TRACE, remedy: REMEDY,
    ...(notEvents === undefined ? {} : { offset: notEvents.firstOffset }),
  })
}
