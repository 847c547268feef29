import { isSpace, scalarText, stringEnd, type TimePositions, valueEnd } from './jsonScanner.ts'
import type { Tally } from './tally.ts'
import { EXPECTED_TRACE, TraceFormatError } from './traceFormatError.ts'

const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** One value (an event, a metadata key) may be this long; more means that a quote or brace is not closed. */
const LONGEST_VALUE = 64 * 1024 * 1024

/** One event as it stands in the file. Times are kept as text, since a double loses their ns. */
export interface RawEvent {
  readonly json: string
  readonly ts: string | null
  readonly dur: string | null
  /** Byte offset in the decompressed text. */
  readonly offset: number
}

export interface ScanHandlers {
  onEvent(event: RawEvent): void
  /** A top-level key beside `traceEvents`, if `wantsKey` asked for it. */
  onKey(key: string, json: string, offset: number): void
  wantsKey(key: string): boolean
  readonly repairs: Tally
  readonly dropped: Tally
}

type State = 'start' | 'object-key' | 'object-colon' | 'object-value' | 'object-next' | 'events' | 'skip-value' | 'end'

/**
 * Cuts a trace's bytes into its events and top-level keys as they arrive, holding only the value being read: a file
 * of any size passes through, whatever V8 allows a string. Accepts the array and the object form with keys in any
 * order, an array or object that is cut off, trailing commas, a final `{}` and a byte order mark; counts each.
 */
export class EventScanner {
  readonly #path: string
  readonly #handlers: ScanHandlers
  #state: State = 'start'
  #buffer: Buffer = Buffer.alloc(0)
  /** Position in the buffer, and the file's offset of the buffer's first byte. */
  #at = 0
  #base = 0
  #key = ''
  #sawEvents = false
  #inObject = false
  /** In the events array: a comma was read and no event since. */
  #afterComma = false
  #needsComma = false
  #skipDepth = 0
  #skipInString = false

  constructor(path: string, handlers: ScanHandlers) {
    this.#path = path
    this.#handlers = handlers
  }

  /** True once an events array has begun. */
  get sawEvents(): boolean {
    return this.#sawEvents
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const rest = this.#buffer.length - this.#at
    this.#base += this.#at
    this.#buffer = rest === 0 ? bytes : Buffer.concat([this.#buffer.subarray(this.#at), bytes])
    this.#at = 0
    while (this.#step()) { /* each step takes one token or value */ }
    if (this.#buffer.length - this.#at > LONGEST_VALUE) {
      throw this.#error('one value is longer than 64 MiB, so a quote or a brace is not closed', this.#at)
    }
  }

  /** The bytes have ended. */
  end(): void {
    this.#skipSpace()
    const open = this.#state
    if (open === 'start') {
      throw new TraceFormatError(this.#path, {
        what: 'the file is empty', expected: EXPECTED_TRACE, remedy: 'Check that the program that wrote it finished',
      })
    }
    if (open === 'end') return
    const offset = this.#base + this.#at
    if (open === 'events') {
      if (this.#at < this.#buffer.length) this.#handlers.dropped.add('event cut off by the end of the file', offset)
      else if (this.#afterComma) this.#handlers.repairs.add('trailing comma', offset)
    }
    this.#handlers.repairs.add(this.#inObject ? 'object not closed' : 'array not closed', this.#base + this.#buffer.length)
  }

  #error(what: string, at: number): TraceFormatError {
    return new TraceFormatError(this.#path, {
      what, offset: this.#base + at, expected: EXPECTED_TRACE, remedy: 'Export the trace again from the tool that recorded it',
    })
  }

  #skipSpace(): void {
    while (this.#at < this.#buffer.length && isSpace(this.#buffer[this.#at])) this.#at++
  }

  /** Takes one token or value. False when more bytes are needed. */
  #step(): boolean {
    if (this.#state === 'skip-value') return this.#skipMore()
    this.#skipSpace()
    if (this.#at >= this.#buffer.length) return false
    const byte = this.#buffer[this.#at]
    switch (this.#state) {
      case 'start': return this.#start(byte)
      case 'object-key': return this.#objectKey(byte)
      case 'object-colon':
        if (byte !== COLON) throw this.#error(`no ":" after the key ${JSON.stringify(this.#key)}`, this.#at)
        this.#at++
        this.#state = 'object-value'
        return true
      case 'object-value': return this.#objectValue(byte)
      case 'object-next':
        this.#at++
        if (byte === CLOSE_BRACE) this.#state = 'end'
        else if (byte === COMMA) this.#state = 'object-key'
        else throw this.#error('no "," or "}" after a top-level value', this.#at - 1)
        return true
      case 'events': return this.#event(byte)
      case 'end':
        this.#handlers.dropped.add('text after the end of the trace', this.#base + this.#at)
        this.#at = this.#buffer.length
        return false
    }
  }

  #start(byte: number): boolean {
    if (byte === BYTE_ORDER_MARK[0]) {
      if (this.#buffer.length - this.#at < 3) return false
      if (BYTE_ORDER_MARK.every((mark, index) => this.#buffer[this.#at + index] === mark)) {
        this.#handlers.repairs.add('byte order mark', this.#base + this.#at)
        this.#at += 3
        return true
      }
    }
    if (byte === OPEN_BRACKET) this.#beginEvents()
    else if (byte === OPEN_BRACE) {
      this.#inObject = true
      this.#state = 'object-key'
    } else {
      const printable = byte >= 0x20 && byte < 0x7f
      throw this.#error(printable ? `the text starts with "${String.fromCharCode(byte)}" and is no JSON trace` : 'the file is binary, not text', this.#at)
    }
    this.#at++
    return true
  }

  #beginEvents(): void {
    this.#state = 'events'
    this.#sawEvents = true
    this.#afterComma = false
    this.#needsComma = false
  }

  #objectKey(byte: number): boolean {
    if (byte === CLOSE_BRACE) {
      this.#at++
      this.#state = 'end'
      return true
    }
    if (byte !== QUOTE) throw this.#error('no quoted key where a top-level key must stand', this.#at)
    const end = stringEnd(this.#buffer, this.#at)
    if (end < 0) return false
    this.#key = this.#buffer.toString('utf8', this.#at + 1, end - 1)
    this.#at = end
    this.#state = 'object-colon'
    return true
  }

  #objectValue(byte: number): boolean {
    if (this.#key === 'traceEvents' && byte === OPEN_BRACKET) {
      this.#at++
      this.#beginEvents()
      return true
    }
    if (!this.#handlers.wantsKey(this.#key)) {
      this.#skipDepth = 0
      this.#skipInString = false
      this.#state = 'skip-value'
      return true
    }
    const end = valueEnd(this.#buffer, this.#at)
    if (end < 0) return false
    this.#handlers.onKey(this.#key, this.#buffer.toString('utf8', this.#at, end), this.#base + this.#at)
    this.#at = end
    this.#state = 'object-next'
    return true
  }

  /** Passes over a value of any length without holding it. */
  #skipMore(): boolean {
    const bytes = this.#buffer
    for (; this.#at < bytes.length; this.#at++) {
      const byte = bytes[this.#at]
      if (this.#skipInString) {
        // A backslash at the end of the bytes stays, so that what it escapes is seen with it.
        if (byte === 0x5c) {
          if (this.#at + 1 >= bytes.length) return false
          this.#at++
        } else if (byte === QUOTE) this.#skipInString = false
      } else if (byte === QUOTE) this.#skipInString = true
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#skipDepth++
      else if (this.#skipDepth === 0 && (byte === COMMA || byte === CLOSE_BRACE)) {
        this.#state = 'object-next'
        return true
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#skipDepth--
    }
    return false
  }

  #event(byte: number): boolean {
    const offset = this.#base + this.#at
    if (byte === COMMA) {
      if (!this.#needsComma) this.#handlers.repairs.add('extra comma', offset)
      this.#afterComma = true
      this.#needsComma = false
      this.#at++
      return true
    }
    if (byte === CLOSE_BRACKET) {
      if (this.#afterComma) this.#handlers.repairs.add('trailing comma', offset)
      this.#at++
      this.#state = this.#inObject ? 'object-next' : 'end'
      return true
    }
    if (byte === CLOSE_BRACE || byte === COLON) {
      this.#handlers.repairs.add('stray character between events', offset)
      this.#at++
      return true
    }
    const times: TimePositions = { tsAt: -1, durAt: -1 }
    const end = valueEnd(this.#buffer, this.#at, times)
    if (end < 0) return false
    if (this.#needsComma) this.#handlers.repairs.add('comma missing between events', offset)
    this.#needsComma = true
    this.#afterComma = false
    if (byte === OPEN_BRACE) {
      this.#handlers.onEvent({
        json: this.#buffer.toString('utf8', this.#at, end), offset,
        ts: times.tsAt < 0 ? null : scalarText(this.#buffer, times.tsAt),
        dur: times.durAt < 0 ? null : scalarText(this.#buffer, times.durAt),
      })
    } else {
      this.#handlers.dropped.add('not an event object', offset)
    }
    this.#at = end
    return true
  }
}
