import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, isSpace, OPEN_BRACE, OPEN_BRACKET, QUOTE, SPACE } from './bytes.ts'

const WORD = /^(-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|null)$/
/** Of a word that is looked at; no number of use is longer. */
const LONGEST_WORD = 1024
const ESCAPES = new Set(['"', '\\', '/', 'b', 'f', 'n', 'r', 't', 'u'].map((char) => char.charCodeAt(0)))
const isHex = (byte: number): boolean => (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)

/**
 * Passes over one JSON value of any length as its bytes arrive, holding nothing of it, and notices whether it was whole.
 * What is not JSON is passed over by its quotes and brackets alone.
 */
export class ValueSkipper {
  /** Something in the value is not JSON. */
  damaged = false
  #open: number[] = []
  #expect: 'value' | 'key' | 'colon' | 'next' = 'value'
  /** Behind an opening bracket, where it may close at once. */
  #mayClose = false
  #inString = false
  /** In a string: behind a backslash; hex digits that must follow; bytes of a character that must follow, and the next one's bounds. */
  #escaped = false
  #hexLeft = 0
  #bytesLeft = 0
  #least = 0x80
  #most = 0xbf
  #word = ''

  begin(): void {
    this.damaged = false
    this.#open = []
    this.#expect = 'value'
    this.#mayClose = false
    this.#inString = false
    this.#escaped = false
    this.#hexLeft = 0
    this.#bytesLeft = 0
    this.#word = ''
  }

  /** @returns where the value has ended, or something follows it; `end` when it goes on */
  skip(bytes: Uint8Array, from: number, end: number): number {
    for (let at = from; at < end; at++) {
      const byte = bytes[at]
      if (this.#inString) this.#stringByte(byte)
      else if (isSpace(byte)) this.#endWord()
      else if (this.#ends(byte)) return at
      else this.#byte(byte)
    }
    return end
  }

  /** Whether a byte outside of the value's brackets is no part of it. */
  #ends(byte: number): boolean {
    if (this.#open.length > 0) return false
    const ends = byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || this.#expect === 'next'
    if (!ends) return false
    this.#endWord()
    if (this.#expect !== 'next') this.damaged = true
    return true
  }

  #stringByte(byte: number): void {
    if (this.#bytesLeft > 0) {
      if (byte >= this.#least && byte <= this.#most) {
        this.#bytesLeft--
        this.#least = 0x80
        this.#most = 0xbf
        return
      }
      this.#bytesLeft = 0
      this.damaged = true
    }
    if (this.#hexLeft > 0) {
      this.#hexLeft--
      if (isHex(byte)) return
      this.#hexLeft = 0
      this.damaged = true
    }
    if (this.#escaped) {
      this.#escaped = false
      if (!ESCAPES.has(byte)) this.damaged = true
      if (byte === 0x75) this.#hexLeft = 4
    } else if (byte === BACKSLASH) {
      this.#escaped = true
    } else if (byte === QUOTE) {
      this.#inString = false
      this.#expect = this.#expect === 'key' ? 'colon' : 'next'
    } else if (byte < SPACE) {
      this.damaged = true
    } else if (byte >= 0x80) {
      this.#character(byte)
    }
  }

  /** The first byte of a UTF-8 character that is not ASCII. */
  #character(byte: number): void {
    if (byte < 0xc2 || byte > 0xf4) {
      this.damaged = true
      return
    }
    this.#bytesLeft = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
    this.#least = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80
    this.#most = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf
  }

  #byte(byte: number): void {
    if (byte === QUOTE || byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte === COMMA || byte === COLON) {
      this.#endWord()
    } else {
      if (this.#expect !== 'value' || this.#word.length > LONGEST_WORD) this.damaged = true
      else this.#word += String.fromCharCode(byte)
      return
    }
    const inner = this.#open.at(-1)
    if (byte === QUOTE) {
      if (this.#expect !== 'value' && this.#expect !== 'key') this.damaged = true
      this.#inString = true
      this.#mayClose = false
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (this.#expect !== 'value') this.damaged = true
      this.#open.push(byte)
      this.#expect = byte === OPEN_BRACE ? 'key' : 'value'
      this.#mayClose = true
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if ((byte === CLOSE_BRACE) !== (inner === OPEN_BRACE) || (this.#expect !== 'next' && !this.#mayClose)) this.damaged = true
      this.#open.pop()
      this.#expect = 'next'
      this.#mayClose = false
    } else if (byte === COMMA) {
      if (this.#expect !== 'next') this.damaged = true
      this.#expect = inner === OPEN_BRACE ? 'key' : 'value'
      this.#mayClose = false
    } else {
      if (this.#expect !== 'colon') this.damaged = true
      this.#expect = 'value'
    }
  }

  #endWord(): void {
    if (this.#word === '') return
    if (!WORD.test(this.#word)) this.damaged = true
    this.#word = ''
    this.#mayClose = false
    this.#expect = 'next'
  }
}
