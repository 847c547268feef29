import { FoldedSearch } from './foldedSearch.ts'
import { sortByKey } from './sortByKey.ts'
import { argsText } from './spanArgs.ts'
import { type ArgColumns, HOLE, LITERAL } from './traceContent.ts'

/**
 * What args are compared as: small letters, without quotes, every run of spaces, colons, equals signs and commas one
 * space. So `"stream": 7`, `stream=7` and `stream 7` are one, and so are `[1, 64]` and `[1,64]`.
 */
export const comparable = (text: string): string => text.toLowerCase().replaceAll('"', '').replaceAll(/[\s:=,]+/g, ' ')

const COMMA = 0x2c
/** Shorter runs are so frequent that calls of the built-in search cost more than a loop. */
const SHORT_RUN = 3

/** The wanted text, split at runs of digits: `literals[0] runs[0] literals[1] … literals.at(-1)`. */
interface Wanted {
  readonly text: string
  readonly literals: readonly string[]
  readonly runs: readonly Uint8Array[]
}

function wantedOf(text: string): Wanted {
  const pieces = text.split(/(\d+)/)
  return {
    text,
    literals: pieces.filter((_, at) => at % 2 === 0),
    runs: pieces.filter((_, at) => at % 2 === 1).map((run) => Buffer.from(run, 'latin1')),
  }
}

/** What a template says of its spans: all match, none does, the text must be read, or the holes where the wanted runs may begin. */
type Verdict = 'all' | 'none' | 'read' | readonly number[]

function verdictOf(template: string, { text, literals, runs }: Wanted): Verdict {
  if (runs.length === 0) return template.includes(text) ? 'all' : 'none'
  if (!literals.every((literal) => template.includes(literal))) return 'none'
  const parts = template.split(HOLE)
  // Only in what is no JSON do runs touch once quotes are gone.
  if (parts.slice(1, -1).includes('')) return 'read'
  const holes: number[] = []
  for (let hole = 0; hole + runs.length < parts.length; hole++) {
    const fits = literals.every((literal, at) => {
      const part = parts[hole + at]
      if (at === 0) return part.endsWith(literal)
      return at === runs.length ? part.startsWith(literal) : part === literal
    })
    if (fits) holes.push(hole)
  }
  return holes.length === 0 ? 'none' : holes
}

const comparableTemplates = new WeakMap<readonly string[], string[]>()

function templatesOf({ templates }: ArgColumns): readonly string[] {
  let known = comparableTemplates.get(templates)
  if (known === undefined) {
    known = templates.map(comparable)
    comparableTemplates.set(templates, known)
  }
  return known
}

/** Reads the runs of one span at a time. */
class RunReader {
  readonly #args: ArgColumns
  #starts = new Uint32Array(64)

  constructor(args: ArgColumns) {
    this.#args = args
  }

  /** Whether the span has the wanted runs from one of the holes on. Where a literal is next to a run, it must be whole on that side. */
  hasAt(span: number, holes: readonly number[], { literals, runs }: Wanted): boolean {
    this.#find(span, holes[holes.length - 1] + runs.length)
    return holes.some((hole) => runs.every((run, at) =>
      this.#isRun(hole + at, run, at > 0 || literals[0] !== '', at < runs.length - 1 || literals[runs.length] !== '')))
  }

  #find(span: number, count: number): void {
    if (this.#starts.length <= count) this.#starts = new Uint32Array(count * 2)
    const { digits, digitsAt } = this.#args
    let at = digitsAt[span]
    this.#starts[0] = at
    for (let run = 1; run <= count; run++) {
      while (digits[at] !== COMMA) at++
      this.#starts[run] = ++at
    }
  }

  #isRun(hole: number, run: Uint8Array, fromStart: boolean, toEnd: boolean): boolean {
    const start = this.#starts[hole]
    const length = this.#starts[hole + 1] - 1 - start
    if (length < run.length || (fromStart && toEnd && length !== run.length)) return false
    const { digits } = this.#args
    const from = fromStart ? start : start + length - run.length
    for (let at = 0; at < run.length; at++) {
      if (digits[from + at] !== run[at]) return false
    }
    return true
  }
}

/** Marks spans by their templates, reading digits only where the template leaves a choice. */
function markByTemplate(args: ArgColumns, wanted: Wanted, hit: Uint8Array): void {
  const verdicts = templatesOf(args).map((template, number) => (number <= LITERAL ? 'none' : verdictOf(template, wanted)))
  if (verdicts.every((verdict) => verdict === 'none')) return
  const reader = new RunReader(args)
  for (let span = 0; span < hit.length; span++) {
    const verdict = verdicts[args.template[span]]
    if (verdict === 'none' || hit[span] === 1) continue
    if (verdict === 'all') hit[span] = 1
    else if (verdict === 'read') hit[span] = Number(comparable(argsText(args, span) ?? '').includes(wanted.text))
    else if (reader.hasAt(span, verdict, wanted)) hit[span] = 1
  }
}

/** The longest piece that stands in an args text as it stands in the comparable one, but for capitals. */
const plainPiece = (text: string): string =>
  text.split(/[^a-z0-9_]+/).reduce((longest, piece) => (piece.length > longest.length ? piece : longest), '')

/** Marks spans whose args are kept whole. */
function markLiterals(args: ArgColumns, wanted: Wanted, hit: Uint8Array): void {
  const piece = plainPiece(wanted.text)
  const search = piece === '' ? null : new FoldedSearch(piece)
  for (let span = 0; span < hit.length; span++) {
    if (args.template[span] !== LITERAL || hit[span] === 1) continue
    const from = args.digitsAt[span]
    if (search !== null && search.indexIn(args.digits, from, args.digits.indexOf(0, from)) < 0) continue
    if (comparable(argsText(args, span) ?? '').includes(wanted.text)) hit[span] = 1
  }
}

const orders = new WeakMap<ArgColumns, Uint32Array | null>()

/** Spans in the order of their digits; null where that is their own order. */
function orderOfDigits(args: ArgColumns, holes: Uint32Array, count: number): Uint32Array | null {
  const known = orders.get(args)
  if (known !== undefined) return known
  let last = 0
  let ascends = true
  for (let span = 0; span < count && ascends; span++) {
    if (holes[args.template[span]] === 0) continue
    ascends = args.digitsAt[span] >= last
    last = args.digitsAt[span]
  }
  let order: Uint32Array | null = null
  if (!ascends) {
    order = Uint32Array.from({ length: count }, (_, span) => span)
    sortByKey(Float64Array.from(args.digitsAt.subarray(0, count)), order)
  }
  orders.set(args, order)
  return order
}

/** Number of runs of digits by template; 1 for texts kept whole, which may have any. */
const holesOf = ({ templates }: ArgColumns): Uint32Array =>
  Uint32Array.from(templates, (each, number) => (number === LITERAL ? 1 : each.split(HOLE).length - 1))

/** Where one or two digits first occur from `from` on; -1 for nowhere. */
function findFewDigits(digits: Uint8Array, run: Uint8Array, from: number): number {
  const back = run.length - 1
  const first = run[0]
  const last = run[back]
  for (let at = from + back; at < digits.length; at++) {
    if (digits[at] === last && digits[at - back] === first) return at - back
  }
  return -1
}

/** Whether `position` lies in the digits (or the text kept whole) of the span, not in what belongs to no span. */
function owns({ digits, digitsAt, template }: ArgColumns, span: number, position: number, holes: number): boolean {
  let left = holes
  const closing = template[span] === LITERAL ? 0 : COMMA
  for (let at = digitsAt[span]; at < position; at++) {
    if (digits[at] === closing && --left === 0) return false
  }
  return true
}

/** Marks spans that have the digits within a run: looks through all digits at once and goes on with the next span after a hit. */
function markByDigits(args: ArgColumns, run: Uint8Array, hit: Uint8Array): void {
  const { digits, digitsAt, template } = args
  const holes = holesOf(args)
  const order = orderOfDigits(args, holes, hit.length)
  const buffer = Buffer.from(digits.buffer, digits.byteOffset, digits.length)
  let owner = -1
  let at = 0
  for (let position = 0; position < digits.length;) {
    const found = run.length < SHORT_RUN ? findFewDigits(digits, run, position) : buffer.indexOf(run, position)
    if (found < 0) return
    position = digits.length
    for (; at < hit.length; at++) {
      const span = order === null ? at : order[at]
      if (holes[template[span]] === 0) continue
      if (digitsAt[span] > found) {
        position = digitsAt[span]
        break
      }
      owner = span
    }
    if (owner >= 0 && owns(args, owner, found, holes[template[owner]])) hit[owner] = 1
  }
}

/**
 * Marks the spans whose args contain a text, both taken as {@link comparable}: what `comparable(argsText).includes` of it
 * says, without making those texts. Expects args that are JSON.
 * @param hit a byte a span; set to 1.
 */
export function markSpansWithArgs(args: ArgColumns, text: string, hit: Uint8Array): void {
  const wanted = wantedOf(comparable(text))
  if (wanted.text.trim() === '') return
  if (wanted.runs.length === 1 && wanted.literals.every((literal) => literal === '')) {
    markByDigits(args, wanted.runs[0], hit)
    return
  }
  markByTemplate(args, wanted, hit)
  markLiterals(args, wanted, hit)
}
