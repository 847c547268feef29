import { EXPECTED_TRACE, TraceFormatError } from '../traceFormatError.ts'
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './bytes.ts'
import { DROPPED, REPAIRS } from './damageKinds.ts'
import { countMends, EventArray } from './eventArray.ts'
import type { ScanSink } from './eventBatch.ts'
import { beginsLikeEvent, findResync } from './resync.ts'
import { PIECE_BYTES, ScanInput } from './scanInput.ts'
import type { ScanSession } from './scanSession.ts'
import { ValueSkipper } from './valueSkipper.ts'
import { mendedText, walkValue } from './walkValue.ts'

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** Events one after the other without an array around them begin with a key that no trace in object form has. */
const FIRST_KEY_OF_EVENT = /^\{\s*"(?:ph|cat|pid|tid|ts|dur)"/
const FIRST_KEY_BYTES = 64

/** One value (an event, a metadata key) may be this long; more means that a quote or brace is not closed. */
const LONGEST_VALUE = 64 * 1024 * 1024
/** A value that is not whole yet is read again when its bytes are twice as many, but soon while they are few. */
const READ_AGAIN_SOON = 256 * 1024

type State = 'start' | 'object-key' | 'object-colon' | 'object-value' | 'object-next' | 'skip-value' | 'events' | 'resync' | 'end'

/**
 * Reads the bytes of a trace as they arrive into columns of events and top-level keys, holding only the value being
 * read: a file of any size passes through. Accepts the array and the object form with keys in any order, and goes on
 * after damage (see resync.ts); whatever is mended or left out is counted in the sink.
 */
export class TraceScanner {
  readonly #path: string
  readonly #longestValue: number
  readonly #sink: ScanSink
  readonly #input: ScanInput
  readonly #events: EventArray
  readonly #skipper = new ValueSkipper()
  #state: State = 'start'
  #readAgainAt = 0
  #key = ''
  /** Whether the sink wants the key; null until it was asked. */
  #wanted: boolean | null = null
  #valueOffset = 0
  /** In front of a key: whether a comma came before it. */
  #keyMustFollow = false
  #sawEvents = false
  #allGiven = false
  #inObject = false
  /** Past the end of a trace, and nothing that belongs to another has come yet. */
  #ended = false
  /** In search of the next event: the last byte that was no whitespace. */
  #lastSolid = 0

  /** @param longestValue bytes that a value may have before it is left out, but for tests 64 MiB */
  constructor(path: string, sink: ScanSink, session: ScanSession, longestValue = LONGEST_VALUE) {
    this.#path = path
    this.#longestValue = longestValue
    this.#sink = sink
    this.#input = new ScanInput(session)
    this.#events = new EventArray(this.#input, sink, session)
  }

  /** True once an events array has begun. */
  get sawEvents(): boolean {
    return this.#sawEvents
  }

  /**
   * Takes further bytes, which are copied.
   * @throws TraceFormatError where they are no trace
   */
  push(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
      this.#input.append(chunk.subarray(from, from + PIECE_BYTES))
      if (this.#input.rest >= Math.min(this.#readAgainAt, this.#longestValue)) this.#readOn()
    }
    this.#events.flush()
  }

  /**
   * The bytes have ended.
   * @throws TraceFormatError where they are no trace
   */
  end(): void {
    this.#allGiven = true
    this.#readOn()
    while (this.#state === 'events' && this.#input.rest > 0) {
      this.#events.leaveUnfinished()
      this.#seekEvent(0)
      this.#readOn()
    }
    this.#events.flush()
    this.#input.release()
    if (this.#state === 'start') {
      throw new TraceFormatError(this.#path, {
        what: 'the file is empty', expected: EXPECTED_TRACE, remedy: 'Check that the program that wrote it finished',
      })
    }
    if (this.#state === 'end' && this.#input.rest > 0) this.#sink.dropped.add(DROPPED.text, this.#input.offset())
    if (this.#state === 'end' || this.#ended) return
    if (this.#state === 'events') this.#events.noteTrailingComma()
    if (this.#state === 'resync' && !this.#inObject && this.#lastSolid === CLOSE_BRACKET) return
    this.#sink.repairs.add(this.#inObject ? REPAIRS.objectOpen : REPAIRS.arrayOpen, this.#input.offset(this.#input.end))
  }

  #readOn(): void {
    while (this.#step()) { /* each step takes one token or value */ }
    const { rest } = this.#input
    this.#readAgainAt = rest < READ_AGAIN_SOON ? 0 : 2 * rest
    if (rest >= this.#longestValue) this.#leaveTooLong()
  }

  #error(what: string): TraceFormatError {
    return new TraceFormatError(this.#path, {
      what, offset: this.#input.offset(), expected: EXPECTED_TRACE, remedy: 'Export the trace again from the tool that recorded it',
    })
  }

  /** Takes one token or value. False when more bytes are needed. */
  #step(): boolean {
    if (this.#state === 'skip-value') return this.#skipMore()
    if (this.#state === 'resync') return this.#findEvent()
    const byte = this.#input.next()
    if (byte < 0) return false
    switch (this.#state) {
      case 'start': return this.#start(byte)
      case 'object-key': return this.#objectKey(byte)
      case 'object-colon': return this.#objectColon(byte)
      case 'object-value': return this.#objectValue(byte)
      case 'object-next': return this.#objectNext(byte)
      case 'events': return this.#eventsStep(byte)
      case 'end': return this.#afterEnd(byte)
    }
  }

  #start(byte: number): boolean {
    const input = this.#input
    if (byte === BYTE_ORDER_MARK[0]) {
      if (input.rest < 3) return false
      if (BYTE_ORDER_MARK.every((mark, index) => input.bytes[input.at + index] === mark)) {
        this.#sink.repairs.add(REPAIRS.mark, input.offset())
        input.at += 3
        return true
      }
    }
    if (byte === OPEN_BRACKET) this.#enterArray(false)
    else if (byte === OPEN_BRACE) {
      if (input.rest < FIRST_KEY_BYTES && !this.#allGiven) return false
      if (FIRST_KEY_OF_EVENT.test(Buffer.from(input.bytes.buffer, input.bytes.byteOffset + input.at, Math.min(input.rest, FIRST_KEY_BYTES)).toString('latin1'))) {
        this.#sink.repairs.add(REPAIRS.noArray, input.offset())
        this.#beginEvents()
      } else this.#enterObject()
    }
    else {
      const printable = byte >= 0x20 && byte < 0x7f
      throw this.#error(printable ? `the text starts with "${String.fromCharCode(byte)}" and is no JSON trace` : 'the file is binary, not text')
    }
    return true
  }

  #enterObject(): void {
    this.#input.at++
    this.#inObject = true
    this.#ended = false
    this.#keyMustFollow = false
    this.#state = 'object-key'
  }

  #enterArray(inObject: boolean): void {
    this.#input.at++
    this.#inObject = inObject
    this.#beginEvents()
  }

  #beginEvents(): void {
    this.#events.begin()
    this.#state = 'events'
    this.#sawEvents = true
    this.#ended = false
  }

  /** Between top-level keys stands what does not belong there. Before any event that means that this is no trace. */
  #betweenKeys(what: string): boolean {
    if (!this.#sawEvents) throw this.#error(what)
    this.#sink.dropped.add(DROPPED.betweenKeys, this.#input.offset())
    return this.#seekEvent(0)
  }

  #objectKey(byte: number): boolean {
    const input = this.#input
    if (byte === CLOSE_BRACE) {
      if (this.#keyMustFollow) this.#sink.repairs.add(REPAIRS.trailingComma, input.offset())
      input.at++
      this.#state = 'end'
      return true
    }
    if (byte !== QUOTE) return this.#betweenKeys('no quoted key where a top-level key must stand')
    const walk = walkValue(input.bytes, input.at, input.end)
    if (walk.kind !== 'done') return false
    this.#key = JSON.parse(mendedText(input.bytes, input.at, walk.end, walk.edits)) as string
    countMends(walk, input, this.#sink)
    input.at = walk.end
    this.#state = 'object-colon'
    return true
  }

  #objectColon(byte: number): boolean {
    if (byte !== COLON) return this.#betweenKeys(`no ":" after the key ${JSON.stringify(this.#key)}`)
    this.#input.at++
    this.#wanted = null
    this.#state = 'object-value'
    return true
  }

  #objectNext(byte: number): boolean {
    this.#keyMustFollow = byte === COMMA
    if (byte === CLOSE_BRACE) this.#state = 'end'
    else if (byte === COMMA) this.#state = 'object-key'
    else return this.#betweenKeys('no "," or "}" after a top-level value')
    this.#input.at++
    return true
  }

  #objectValue(byte: number): boolean {
    const input = this.#input
    if (this.#key === 'traceEvents' && byte === OPEN_BRACKET) {
      this.#enterArray(true)
      return true
    }
    this.#wanted ??= this.#sink.wantsKey(this.#key)
    if (!this.#wanted) return this.#skipValue()
    const walk = walkValue(input.bytes, input.at, input.end)
    if (walk.kind === 'more') return false
    if (walk.kind === 'broken') {
      this.#sink.dropped.add(`unreadable ${JSON.stringify(this.#key)}`, input.offset())
      return this.#skipValue()
    }
    countMends(walk, input, this.#sink)
    this.#sink.onKey(this.#key, mendedText(input.bytes, input.at, walk.end, walk.edits), input.offset())
    input.at = walk.end
    this.#state = 'object-next'
    return true
  }

  #skipValue(): boolean {
    this.#skipper.begin()
    this.#valueOffset = this.#input.offset()
    this.#state = 'skip-value'
    return true
  }

  #skipMore(): boolean {
    const input = this.#input
    input.at = this.#skipper.skip(input.bytes, input.at, input.end)
    if (input.rest === 0) return false
    if (this.#skipper.damaged) this.#sink.repairs.add(REPAIRS.skipped, this.#valueOffset)
    this.#state = 'object-next'
    return true
  }

  #eventsStep(byte: number): boolean {
    const step = this.#events.step(byte)
    if (step === 'closed') this.#state = this.#inObject ? 'object-next' : 'end'
    else if (step === 'lost') this.#seekEvent(0)
    else if (step === 'nested') {
      this.#inObject = true
      this.#beginEvents()
    }
    return step !== 'more'
  }

  #seekEvent(lastSolid: number): boolean {
    this.#lastSolid = lastSolid
    this.#state = 'resync'
    return true
  }

  /** Passes over damaged text. */
  #findEvent(): boolean {
    const { bytes, at, end } = this.#input
    const found = findResync(bytes, at, end, this.#lastSolid, this.#inObject)
    this.#input.at = found.at
    if (found.kind === 'none') {
      this.#lastSolid = found.lastSolid
      return false
    }
    this.#beginEvents()
    return true
  }

  #afterEnd(byte: number): boolean {
    this.#ended = true
    const { bytes, at, end } = this.#input
    const offset = this.#input.offset()
    const begins = byte === OPEN_BRACE ? beginsLikeEvent(bytes, at, end) : false
    if (begins === 'more') return false
    if (begins) {
      this.#sink.repairs.add(REPAIRS.moreEvents, offset)
      this.#beginEvents()
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      this.#sink.repairs.add(REPAIRS.nextTrace, offset)
      if (byte === OPEN_BRACE) this.#enterObject()
      else this.#enterArray(false)
    } else {
      this.#sink.dropped.add(DROPPED.text, offset)
      this.#input.at++
      this.#seekEvent(byte)
    }
    return true
  }

  #leaveTooLong(): void {
    if (this.#state === 'events') {
      this.#events.leaveTooLong()
      this.#seekEvent(0)
    } else if (this.#state === 'object-value') {
      this.#sink.dropped.add(DROPPED.tooLong, this.#input.offset())
      this.#skipValue()
    } else {
      throw this.#error('one value is longer than 64 MiB, so a quote or a brace is not closed')
    }
    this.#readOn()
  }
}
