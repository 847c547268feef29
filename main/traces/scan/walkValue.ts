import {
  BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, isSpace, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace, SPACE,
} from './bytes.ts'

/** Text put in the place of bytes, so that the value becomes JSON. */
export interface Edit {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** One key of an object and its value, by their positions; the key's quotes are outside. */
export interface Member {
  readonly keyFrom: number
  readonly keyTo: number
  readonly valueFrom: number
  readonly valueTo: number
}

/** The value ends (exclusive) at `end`. With the edits it is JSON. */
export interface DoneWalk {
  readonly kind: 'done'
  readonly end: number
  /** Of the outermost object. */
  readonly members: readonly Member[]
  readonly edits: readonly Edit[]
  /** What was mended, in words. */
  readonly mends: readonly string[]
}

export type Walk =
  | DoneWalk
  /** The bytes end before the value. */
  | { readonly kind: 'more'; readonly lastToken: number; readonly suspect: number }
  /** At `at` stands what no reading makes JSON of; the token before it begins at `lastToken`. */
  | { readonly kind: 'broken'; readonly at: number; readonly lastToken: number; readonly suspect: number }

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
const isHex = (byte: number): boolean => (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
const ESCAPES = new Set(['"', '\\', '/', 'b', 'f', 'n', 'r', 't', 'u'].map((char) => char.charCodeAt(0)))

/** Of a word without quotes: printable ASCII but for what JSON gives a meaning. */
const isWord = (byte: number): boolean =>
  byte > SPACE && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH && byte !== COMMA && byte !== COLON &&
  byte !== OPEN_BRACE && byte !== CLOSE_BRACE && byte !== OPEN_BRACKET && byte !== CLOSE_BRACKET

export const MENDS = {
  control: 'control character in a text',
  backslash: 'backslash in a text that escapes nothing',
  word: 'word without quotes',
  comma: 'comma before a closing bracket',
  notUtf8: 'text that is not UTF-8',
} as const

/**
 * Reads along one JSON value as a parser does, but keeps nothing except where the members of the outermost object are,
 * and mends what has a single possible reading: raw control characters, backslashes that begin no escape, words
 * without quotes, a comma before a closing bracket. It stops at the first byte that makes no sense, which is how a
 * quote that was not escaped, or a text that another writer cut into, is noticed where it happens and not megabytes on.
 */
class ValueWalker {
  readonly #bytes: Uint8Array
  readonly #end: number
  readonly #members: Member[] = []
  readonly #edits: Edit[] = []
  readonly #mends = new Set<string>()
  /** The brackets that are open. */
  readonly #open: number[] = []
  #at: number
  #lastToken: number
  /** The first object inside that begins as events of most tools do: with its phase. -1 for none. */
  #suspect = -1
  #keyFrom = 0
  #keyTo = 0
  #valueFrom = 0

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.#bytes = bytes
    this.#end = end
    this.#at = from
    this.#lastToken = from
  }

  walk(): Walk {
    let expect: 'value' | 'key' | 'colon' | 'next' = 'value'
    /** Right after an opening bracket or a comma, where a closing bracket may stand. */
    let mayClose = false
    let comma = -1
    for (;;) {
      this.#at = skipSpace(this.#bytes, this.#at, this.#end)
      if (this.#at >= this.#end) return { kind: 'more', lastToken: this.#lastToken, suspect: this.#suspect }
      const byte = this.#bytes[this.#at]
      const inner = this.#open.at(-1)
      const closes = (byte === CLOSE_BRACE && inner === OPEN_BRACE) || (byte === CLOSE_BRACKET && inner === OPEN_BRACKET)
      if (closes && (expect === 'next' || mayClose)) {
        if (comma >= 0 && mayClose) this.#edit(comma, comma + 1, '', MENDS.comma)
        this.#open.pop()
        this.#lastToken = this.#at
        this.#at++
        mayClose = false
        if (this.#valueEnds()) return this.#done()
        expect = 'next'
        continue
      }
      if (expect === 'next') {
        if (byte !== COMMA) return this.#broken()
        comma = this.#at
        this.#lastToken = this.#at
        this.#at++
        expect = inner === OPEN_BRACE ? 'key' : 'value'
        mayClose = true
      } else if (expect === 'colon') {
        if (byte !== COLON) return this.#broken()
        this.#at++
        expect = 'value'
      } else if (expect === 'key') {
        if (byte !== QUOTE) return this.#broken()
        const keyFrom = this.#at + 1
        const ended = this.#string()
        if (!ended) return { kind: 'more', lastToken: this.#lastToken, suspect: this.#suspect }
        if (this.#open.length === 1) {
          this.#keyFrom = keyFrom
          this.#keyTo = this.#at - 1
        }
        expect = 'colon'
        mayClose = false
      } else {
        mayClose = false
        if (this.#open.length === 1) this.#valueFrom = this.#at
        if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
          if (this.#open.length > 0 && this.#suspect < 0 && byte === OPEN_BRACE && this.#beginsWithPhase()) this.#suspect = this.#at
          this.#open.push(byte)
          this.#lastToken = this.#at
          this.#at++
          expect = byte === OPEN_BRACE ? 'key' : 'value'
          mayClose = true
          comma = -1
          continue
        }
        if (byte === QUOTE) {
          if (!this.#string()) return { kind: 'more', lastToken: this.#lastToken, suspect: this.#suspect }
        } else {
          const word = this.#word()
          if (word !== 'done') return word === 'more' ? { kind: 'more', lastToken: this.#lastToken, suspect: this.#suspect } : this.#broken()
        }
        if (this.#valueEnds()) return this.#done()
        expect = 'next'
      }
    }
  }

  /** Whether the value that ends here was the whole. Notes members of the outermost object. */
  #valueEnds(): boolean {
    if (this.#open.length === 0) return true
    if (this.#open.length === 1 && this.#open[0] === OPEN_BRACE) {
      this.#members.push({ keyFrom: this.#keyFrom, keyTo: this.#keyTo, valueFrom: this.#valueFrom, valueTo: this.#at })
    }
    return false
  }

  #done(): Walk {
    return { kind: 'done', end: this.#at, members: this.#members, edits: this.#edits, mends: [...this.#mends] }
  }

  #broken(): Walk {
    return { kind: 'broken', at: this.#at, lastToken: this.#lastToken, suspect: this.#suspect }
  }

  #edit(from: number, to: number, text: string, mend: string): void {
    this.#edits.push({ from, to, text })
    this.#mends.add(mend)
  }

  /** Reads the string at the position. False where the bytes end first. */
  #string(): boolean {
    const bytes = this.#bytes
    const end = this.#end
    this.#lastToken = this.#at
    for (let at = this.#at + 1; at < end; at++) {
      const byte = bytes[at]
      if (byte === QUOTE) {
        this.#at = at + 1
        return true
      }
      if (byte < SPACE) {
        this.#edit(at, at + 1, isSpace(byte) || byte === 0x0b || byte === 0x0c ? ' ' : `\\u${byte.toString(16).padStart(4, '0')}`, MENDS.control)
      } else if (byte === BACKSLASH) {
        if (at + 1 >= end) return false
        const escape = bytes[at + 1]
        if (!ESCAPES.has(escape)) {
          this.#edit(at, at, '\\', MENDS.backslash)
          continue
        }
        if (escape === 0x75) {
          if (at + 5 >= end) return false
          if (![2, 3, 4, 5].every((ahead) => isHex(bytes[at + ahead]))) {
            this.#edit(at, at, '\\', MENDS.backslash)
            continue
          }
        }
        at++
      }
    }
    return false
  }

  /** Reads a number, a literal or a word that should have had quotes. */
  #word(): 'done' | 'more' | 'broken' {
    const from = this.#at
    let at = from
    while (at < this.#end && isWord(this.#bytes[at])) at++
    if (at >= this.#end) return 'more'
    const ender = this.#bytes[at]
    if (at === from || !(isSpace(ender) || ender === COMMA || ender === CLOSE_BRACE || ender === CLOSE_BRACKET)) {
      this.#at = at
      return 'broken'
    }
    this.#lastToken = from
    this.#at = at
    const text = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + from, at - from).toString('latin1')
    if (!NUMBER.test(text) && text !== 'true' && text !== 'false' && text !== 'null') this.#edit(from, at, JSON.stringify(text), MENDS.word)
    return 'done'
  }

  /** Whether `"ph": "` follows the brace at the position. */
  #beginsWithPhase(): boolean {
    const bytes = this.#bytes
    const key = skipSpace(bytes, this.#at + 1, this.#end)
    if (bytes[key] !== QUOTE || bytes[key + 1] !== 0x70 || bytes[key + 2] !== 0x68 || bytes[key + 3] !== QUOTE) return false
    const colon = skipSpace(bytes, key + 4, this.#end)
    return colon < this.#end && bytes[colon] === COLON
  }
}

/** See {@link ValueWalker}. @param from the value's first byte */
export function walkValue(bytes: Uint8Array, from: number, end: number): Walk {
  return new ValueWalker(bytes, from, end).walk()
}

/** The text of a stretch of a walked value, with its edits made. Bytes that are no UTF-8 become U+FFFD. */
export function mendedText(bytes: Uint8Array, from: number, to: number, edits: readonly Edit[]): string {
  const text = (a: number, b: number): string => Buffer.from(bytes.buffer, bytes.byteOffset + a, b - a).toString('utf8')
  let result = ''
  let at = from
  for (const edit of edits) {
    if (edit.from < from || edit.to > to) continue
    result += text(at, edit.from) + edit.text
    at = edit.to
  }
  return result + text(at, to)
}
