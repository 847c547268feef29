import type { Plan, StepKind } from '../../../../kernels/plan/plan.ts'
import { StepFacts } from '../../../../kernels/plan/stepObjects.ts'
import type { PlanReport } from '../../../../preload/contract/plan.ts'

const PIECE_BYTES = 1 << 20
const LARGEST_STEP_BYTES = 512
const ZERO = 48
const MINUS = 45

/** Bytes of a document, in pieces: numbers are written digit by digit, since a thousand ranks have tens of millions of them. */
class Bytes {
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES)
  #length = 0

  get isFull(): boolean {
    return this.#length + LARGEST_STEP_BYTES > PIECE_BYTES
  }

  /** The bytes so far; they are written over by what follows. */
  take(): Buffer {
    const piece = this.#piece.subarray(0, this.#length)
    this.#length = 0
    return piece
  }

  ascii(text: Uint8Array): void {
    const piece = this.#piece
    let at = this.#length
    // Texts are short: a call that copies takes longer than the bytes.
    for (let index = 0; index < text.length; index++) piece[at++] = text[index]
    this.#length = at
  }

  /** An integer below 2^53, as JSON writes it. */
  integer(value: number): void {
    let rest = value
    if (rest < 0) {
      this.#piece[this.#length++] = MINUS
      rest = -rest
    }
    let digits = 1
    for (let limit = 10; rest >= limit; limit *= 10) digits++
    this.#length += digits
    for (let at = this.#length - 1; digits > 0; digits--, at--) {
      // Beyond 32 bits a remainder is several times slower.
      const tenth = rest < 2 ** 31 ? (rest / 10) | 0 : Math.floor(rest / 10)
      this.#piece[at] = ZERO + (rest - 10 * tenth)
      rest = tenth
    }
  }
}

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** What a step's line is made of, but for its numbers. */
const STEP = ascii('{"step":')
const KV_OWNER = ascii(',"kvOwner":')
const QUERY_OWNER = ascii(',"queryOwner":')
const PAIRS = ascii(',"pairs":')
const STAGES = {
  forward: { attend: ascii(',"pass":"forward","stage":"attend"'), exchange: ascii(',"pass":"forward","stage":"exchange"') },
  backward: { attend: ascii(',"pass":"backward","stage":"attend"'), exchange: ascii(',"pass":"backward","stage":"exchange"') },
} as const

const FIRST_LINE = ascii('\n')
const NEXT_LINE = ascii(',\n')
const STEP_END = ascii('}')

function kindTexts(): (kind: StepKind) => Uint8Array {
  const known = new Map<StepKind, Uint8Array>()
  return (kind) => {
    const text = known.get(kind) ?? ascii(`,"kind":"${kind}"`)
    known.set(kind, text)
    return text
  }
}

function* rankPieces(plan: Plan): Generator<Buffer> {
  const bytes = new Bytes()
  const facts = new StepFacts(plan)
  const kindText = kindTexts()
  for (const { rank, pairs } of plan.ranks) {
    bytes.ascii(ascii(rank === 0 ? '\n      {\n        "rank": ' : ',\n      {\n        "rank": '))
    bytes.integer(rank)
    bytes.ascii(ascii(',\n        "pairs": '))
    bytes.integer(pairs)
    bytes.ascii(ascii(',\n        "steps": ['))
    for (let at = 0; at < plan.stepCount; at++) {
      if (bytes.isFull) yield bytes.take()
      facts.read(rank, at)
      bytes.ascii(at === 0 ? FIRST_LINE : NEXT_LINE)
      bytes.ascii(STEP)
      bytes.integer(facts.step)
      bytes.ascii(STAGES[facts.pass][facts.stage])
      bytes.ascii(KV_OWNER)
      bytes.integer(facts.kvOwner)
      bytes.ascii(QUERY_OWNER)
      bytes.integer(facts.queryOwner)
      bytes.ascii(kindText(facts.kind))
      bytes.ascii(PAIRS)
      bytes.integer(facts.pairs)
      bytes.ascii(STEP_END)
    }
    bytes.ascii(ascii('\n        ]\n      }'))
  }
  yield bytes.take()
}

const RANKS_GO_HERE = 'ranks go here'

/**
 * The JSON document of a plan report, in pieces of about a megabyte: the steps of all ranks are told one by one, a line each,
 * and nowhere held together. A piece is to be used before the next one is asked for.
 * @param report without steps. @param plan of its config.
 */
export function* planDocument(report: PlanReport, plan: Plan): Generator<Buffer> {
  const marked = JSON.stringify({ ...report, plan: { ...report.plan, ranks: RANKS_GO_HERE } }, null, 2)
  const mark = `"ranks": "${RANKS_GO_HERE}"`
  // The only one: within a text, such as the config's name, JSON would have its quotes escaped.
  const at = marked.indexOf(mark)
  yield Buffer.from(`${marked.slice(0, at)}"ranks": [`)
  yield* rankPieces(plan)
  yield Buffer.from(`\n    ]${marked.slice(at + mark.length)}\n`)
}
