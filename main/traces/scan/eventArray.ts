import { isUtf8 } from 'node:buffer'
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, skipSpace } from './bytes.ts'
import { DROPPED, REPAIRS } from './damageKinds.ts'
import type { ScanSink } from './eventBatch.ts'
import { readEvent } from './readEvent.ts'
import { beginsLikeEvent } from './resync.ts'
import type { ScanInput } from './scanInput.ts'
import type { ScanSession } from './scanSession.ts'
import { BATCH_EVENTS } from './traceModule.ts'
import { type DoneWalk, MENDS, mendedText, walkValue } from './walkValue.ts'

/** An event longer than this that has another event inside swallowed it. */
const LONGEST_WITH_SUSPECT = 1024 * 1024

export type EventStep =
  /** Something was read. */
  | 'on'
  /** More bytes are needed. */
  | 'more'
  /** The array is closed. */
  | 'closed'
  /** What was there is left out; the next event must be looked for. */
  | 'lost'
  /** An object with events of its own began in the place of an event. */
  | 'nested'

/** Counts what was mended in a value that begins at the input's position. */
export function countMends(walk: DoneWalk, input: ScanInput, { repairs }: ScanSink): void {
  for (const mend of walk.mends) repairs.add(mend, input.offset())
  if (!isUtf8(input.bytes.subarray(input.at, walk.end))) repairs.add(MENDS.notUtf8, input.offset())
}

/** Reads the array of events: the ordinary ones by the session's fast path, any other by itself. */
export class EventArray {
  readonly #input: ScanInput
  readonly #sink: ScanSink
  readonly #session: ScanSession
  #rows = 0
  /** A comma was read and no event since; an event was read and no comma since. */
  #afterComma = false
  #needsComma = false

  constructor(input: ScanInput, sink: ScanSink, session: ScanSession) {
    this.#input = input
    this.#sink = sink
    this.#session = session
  }

  /** An array begins, or goes on after damage. */
  begin(): void {
    this.#afterComma = false
    this.#needsComma = false
  }

  /** Hands on the events so far. */
  flush(): void {
    if (this.#rows === 0) return
    const count = this.#rows
    this.#rows = 0
    this.#sink.onBatch(this.#session.batch(count))
  }

  /** Reads events, or what stands between them. @param byte the one at the input's position */
  step(byte: number): EventStep {
    const { repairs } = this.#sink
    const offset = this.#input.offset()
    if (byte === COMMA) {
      if (!this.#needsComma) repairs.add(REPAIRS.extraComma, offset)
      this.#afterComma = true
      this.#needsComma = false
      this.#input.at++
      return 'on'
    }
    if (byte === CLOSE_BRACKET) {
      this.noteTrailingComma()
      this.#input.at++
      return 'closed'
    }
    if (byte === CLOSE_BRACE || byte === COLON || (byte === OPEN_BRACKET && this.#opensEvents())) {
      repairs.add(REPAIRS.stray, offset)
      this.#input.at++
      return 'on'
    }
    return byte === OPEN_BRACE && !this.#needsComma && this.#session.fast && this.#scan() ? 'on' : this.#value(byte, offset)
  }

  noteTrailingComma(): void {
    if (this.#afterComma) this.#sink.repairs.add(REPAIRS.trailingComma, this.#input.offset())
  }

  /** At the end of the bytes: leaves the event that is not whole. The next must be looked for. */
  leaveUnfinished(): void {
    const walk = walkValue(this.#input.bytes, this.#input.at, this.#input.end)
    this.#lose(DROPPED.cut, walk.kind === 'more' && walk.suspect >= 0 ? walk.suspect : this.#input.end)
  }

  leaveTooLong(): void {
    this.#lose(DROPPED.tooLong, this.#input.at + 1)
  }

  /** Reads the ordinary events from here on. False where the first is none. */
  #scan(): boolean {
    const input = this.#input
    const { address } = input
    const scanned = this.#session.scan(address + input.at, address + input.end, this.#rows, input.offset(0) - address)
    if (scanned.rows === this.#rows) return false
    this.#rows = scanned.rows
    input.at = scanned.at - address
    this.#afterComma = scanned.afterComma
    this.#needsComma = scanned.needsComma
    if (this.#rows === BATCH_EVENTS) this.flush()
    return true
  }

  #value(byte: number, offset: number): EventStep {
    const input = this.#input
    const walk = walkValue(input.bytes, input.at, input.end)
    if (walk.kind === 'more') {
      return walk.suspect < 0 || input.rest < LONGEST_WITH_SUSPECT ? 'more' : this.#lose(DROPPED.malformed, walk.suspect)
    }
    if (walk.kind === 'broken') {
      return this.#lose(byte === OPEN_BRACE ? DROPPED.malformed : DROPPED.notEvent, walk.suspect < 0 ? Math.max(walk.lastToken, input.at + 1) : walk.suspect)
    }
    if (byte !== OPEN_BRACE && walk.mends.length > 0) return this.#lose(DROPPED.notEvent, input.at + 1)
    if (this.#needsComma) this.#sink.repairs.add(REPAIRS.missingComma, offset)
    this.#needsComma = true
    this.#afterComma = false
    if (byte === OPEN_BRACE) return this.#event(walk, offset)
    this.#sink.dropped.add(DROPPED.notEvent, offset)
    input.at = walk.end
    return 'on'
  }

  #event(walk: DoneWalk, offset: number): EventStep {
    const input = this.#input
    const { bytes } = input
    const inner = walk.members.find(({ keyFrom, keyTo, valueFrom }) =>
      bytes[valueFrom] === OPEN_BRACKET && mendedText(bytes, keyFrom, keyTo, walk.edits) === 'traceEvents')
    if (inner !== undefined) {
      this.#sink.repairs.add(REPAIRS.nested, offset)
      input.at = inner.valueFrom + 1
      return 'nested'
    }
    const read = readEvent(bytes, walk)
    countMends(walk, input, this.#sink)
    input.at = walk.end
    if (read.kind === 'event') {
      if (!read.argsKept) this.#sink.repairs.add(REPAIRS.argsNoObject, offset)
      this.#session.setRow(this.#rows++, read.fields, offset)
      if (this.#rows === BATCH_EVENTS) this.flush()
    } else if (read.kind === 'empty') {
      this.#sink.repairs.add(REPAIRS.empty, offset)
    } else {
      this.#sink.dropped.add(read.kind === 'without-phase' ? DROPPED.noPhase : DROPPED.oddPhase, offset)
    }
    return 'on'
  }

  /** Counts what is at the position as left out. The next event is looked for from `from` on. */
  #lose(kind: string, from: number): 'lost' {
    this.#sink.dropped.add(kind, this.#input.offset())
    this.#input.at = from
    return 'lost'
  }

  /** At a bracket: whether an event begins in it, so that it is one too many and not an array in the place of an event. */
  #opensEvents(): boolean {
    const { bytes, at, end } = this.#input
    const brace = skipSpace(bytes, at + 1, end)
    return bytes[brace] === OPEN_BRACE && beginsLikeEvent(bytes, brace, end) === true
  }
}
