import { type JsonEntry, jsonEntries, unescapeJson } from './jsonEntries.ts'
import { argsText } from './spanArgs.ts'
import { type ArgColumns, HOLE, LITERAL } from './traceContent.ts'

const COMMA = 0x2c
const ZERO = 0x30
/** Digits that a double holds exactly whatever they are. */
const EXACT_DIGITS = 15
const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/

/** Where a template has the value of one key. */
type Place =
  /** Nowhere. */
  | { readonly kind: 'absent' }
  /** One run of digits, perhaps after a minus. */
  | { readonly kind: 'integer'; readonly hole: number; readonly negative: boolean }
  /** Literal pieces with runs of digits between them, from run `hole` on. */
  | { readonly kind: 'pieces'; readonly hole: number; readonly pieces: readonly string[] }
  /** Depends on the span: the key itself has digits, or the text is kept whole. */
  | { readonly kind: 'per-span' }

const ABSENT: Place = { kind: 'absent' }
const PER_SPAN: Place = { kind: 'per-span' }

const holesIn = (text: string): number => text.split(HOLE).length - 1

/** Whether filling the holes of a key as written could give `key`. */
function couldBe(written: string, key: string): boolean {
  if (written.includes('\\')) return true
  const [head, ...tail] = written.split(HOLE)
  if (tail.length === 0) return written === key
  const escaped = [head, ...tail].map((part) => RegExp.escape(part))
  return new RegExp(`^${escaped.join('\\d+')}$`).test(key)
}

function placeOf(template: string, key: string): Place {
  let found: JsonEntry | null = null
  for (const entry of jsonEntries(template)) {
    if (!couldBe(entry.key, key)) continue
    if (entry.key !== key) return PER_SPAN
    // Of doubled keys JSON.parse takes the last.
    found = entry
  }
  if (found === null) return ABSENT
  const value = template.slice(found.from, found.to)
  const hole = holesIn(template.slice(0, found.from))
  if (value === HOLE || value === `-${HOLE}`) return { kind: 'integer', hole, negative: value !== HOLE }
  return { kind: 'pieces', hole, pieces: value.split(HOLE) }
}

const textOf = (written: string | null): string | null => {
  if (written === null || written === 'null') return null
  return written.startsWith('"') ? unescapeJson(written.slice(1, -1)) : written
}

/**
 * Finds top-level values in the args of spans without parsing them: where the value of a key stands is worked out once
 * per template, then only its digits are read.
 */
export class ArgLookup {
  readonly #args: ArgColumns
  /** By key, then template. */
  readonly #places = new Map<string, (Place | undefined)[]>()

  constructor(args: ArgColumns) {
    this.#args = args
  }

  /** Whether the span's args have the key, also with the value null. */
  has(span: number, key: string): boolean {
    const place = this.#place(span, key)
    return place.kind === 'per-span' ? this.#writtenPerSpan(span, key) !== null : place.kind !== 'absent'
  }

  /**
   * The number under a key; also one that is written as a string, as some tools write all values. Null where the key is
   * absent or its value is no number. Integers beyond 2^53 come rounded: take `text` for ids.
   */
  number(span: number, key: string): number | null {
    const place = this.#place(span, key)
    if (place.kind === 'absent') return null
    if (place.kind === 'integer') return this.#integer(span, place.hole, place.negative)
    const text = textOf(this.#written(span, key, place))
    return text !== null && NUMBER.test(text) ? Number(text) : null
  }

  /**
   * The value under a key as text: what a string says, a number's digits as written, an array's or an object's JSON text.
   * Null where the key is absent or its value is null.
   */
  text(span: number, key: string): string | null {
    return textOf(this.json(span, key))
  }

  /** The value's JSON text as written; null where the key is absent. */
  json(span: number, key: string): string | null {
    return this.#written(span, key, this.#place(span, key))
  }

  #place(span: number, key: string): Place {
    const template = this.#args.template[span]
    if (template === 0) return ABSENT
    if (template === LITERAL) return PER_SPAN
    let places = this.#places.get(key)
    if (places === undefined) {
      places = []
      this.#places.set(key, places)
    }
    return places[template] ??= placeOf(this.#args.templates[template], key)
  }

  #written(span: number, key: string, place: Place): string | null {
    switch (place.kind) {
      case 'absent': return null
      case 'per-span': return this.#writtenPerSpan(span, key)
      case 'integer': return (place.negative ? '-' : '') + this.#runs(span, place.hole, 1)[0]
      case 'pieces': {
        const { hole, pieces } = place
        if (pieces.length === 1) return pieces[0]
        const runs = this.#runs(span, hole, pieces.length - 1)
        return pieces.map((piece, at) => (at === 0 ? piece : runs[at - 1] + piece)).join('')
      }
    }
  }

  #writtenPerSpan(span: number, key: string): string | null {
    const text = argsText(this.#args, span) ?? ''
    const entry = jsonEntries(text).findLast((each) => unescapeJson(each.key) === key)
    return entry === undefined ? null : text.slice(entry.from, entry.to)
  }

  /** Where run `hole` of a span begins in the digits. */
  #runStart(span: number, hole: number): number {
    const { digits, digitsAt } = this.#args
    let at = digitsAt[span]
    for (let left = hole; left > 0; at++) {
      if (digits[at] === COMMA) left--
    }
    return at
  }

  #integer(span: number, hole: number, negative: boolean): number {
    const { digits } = this.#args
    const start = this.#runStart(span, hole)
    let at = start
    let value = 0
    for (let code = digits[at]; code !== COMMA; code = digits[++at]) value = value * 10 + (code - ZERO)
    if (at - start > EXACT_DIGITS) value = Number(this.#runs(span, hole, 1)[0])
    return negative ? -value : value
  }

  #runs(span: number, hole: number, count: number): string[] {
    const { digits } = this.#args
    let at = this.#runStart(span, hole)
    return Array.from({ length: count }, () => {
      let run = ''
      for (; digits[at] !== COMMA; at++) run += String.fromCharCode(digits[at])
      at++
      return run
    })
  }
}
