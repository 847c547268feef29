import { argsText } from '../../timeline/spanArgs.ts'
import { type ArgColumns, HOLE, LITERAL } from '../../timeline/traceContent.ts'

const COMMA = 0x2c

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** A viewer takes nothing but an object for args, and one text that is no JSON would spoil the whole file. */
const asObject = (text: string): string => (isObject(text) ? text : `{"args":${JSON.stringify(text)}}`)

/** The args of spans as text, one after the other: templates are taken apart once. */
export class ArgTexts {
  readonly #args: ArgColumns
  readonly #digits: Buffer
  readonly #arrange: (text: string) => string
  readonly #parts: (readonly string[] | null | undefined)[] = []

  /** @param oneLine whether line breaks between values, which are no part of any, become spaces. */
  constructor(args: ArgColumns, { oneLine = false } = {}) {
    this.#args = args
    this.#arrange = oneLine ? (text) => text.replace(/\s*[\r\n]\s*/g, ' ') : (text) => text
    this.#digits = Buffer.from(args.digits.buffer, args.digits.byteOffset, args.digits.byteLength)
  }

  /** As written where that is a JSON object, else the text in an object. Null for a span without args. */
  of(span: number): string | null {
    const template = this.#args.template[span]
    if (template === 0) return null
    if (template === LITERAL) return this.#arrange(asObject(argsText(this.#args, span) ?? ''))
    let parts = this.#parts[template]
    if (parts === undefined) {
      const text = this.#arrange(this.#args.templates[template])
      parts = isObject(text.replaceAll(HOLE, '1')) ? text.split(HOLE) : null
      this.#parts[template] = parts
    }
    if (parts === null) return this.#arrange(asObject(argsText(this.#args, span) ?? ''))
    let text = parts[0]
    let from = this.#args.digitsAt[span]
    for (let part = 1; part < parts.length; part++) {
      const end = this.#digits.indexOf(COMMA, from)
      text += this.#digits.toString('latin1', from, end) + parts[part]
      from = end + 1
    }
    return text
  }
}
