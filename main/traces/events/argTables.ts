import { argsText } from '../../timeline/spanArgs.ts'
import { type ArgColumns, HOLE, LITERAL } from '../../timeline/traceContent.ts'

/** Where args are: the template and the beginning of the digits. */
export interface ArgsPlace {
  readonly template: number
  readonly digitsAt: number
}

const COMMA = 0x2c

/** The two objects' entries as one object, those of the second last; null where one of the texts is no object. */
function joinObjects(first: string, second: string): string | null {
  const inner = [first, second].map((text) => /^\s*\{(.*)\}\s*$/s.exec(text)?.[1])
  if (inner.includes(undefined)) return null
  return `{${inner.filter((text) => text?.trim() !== '').join(',')}}`
}

/** Templates and digits of a session, to which args that were put together from two events are added. */
export class ArgTables {
  readonly templates: string[]
  readonly #digits: Uint8Array
  #added = new Uint8Array(0)
  #addedLength = 0
  /** By the texts of two templates that were joined. */
  readonly #joined = new Map<string, number>()

  constructor(templates: readonly string[], digits: Uint8Array) {
    this.templates = [...templates]
    this.#digits = digits
  }

  /** The digits, those of joined args at the end; shared memory. */
  digits(): Uint8Array {
    if (this.#addedLength === 0) return this.#digits
    const all = new Uint8Array(new SharedArrayBuffer(this.#digits.length + this.#addedLength))
    all.set(this.#digits)
    all.set(this.#added.subarray(0, this.#addedLength), this.#digits.length)
    return all
  }

  /** The args of an end are added to those of its beginning; where both have a key, JSON readers take the end's. */
  join(begin: ArgsPlace, end: ArgsPlace): ArgsPlace {
    if (end.template === 0) return begin
    if (begin.template === 0) return end
    if (begin.template === LITERAL || end.template === LITERAL) return this.#joinTexts(begin, end)
    const key = `${begin.template} ${end.template}`
    let template = this.#joined.get(key)
    if (template === undefined) {
      const joined = joinObjects(this.templates[begin.template], this.templates[end.template])
      template = joined === null ? begin.template : this.templates.push(joined) - 1
      this.#joined.set(key, template)
    }
    if (template === begin.template) return begin
    const digitsAt = this.#end
    this.#add(this.#runs(begin))
    this.#add(this.#runs(end))
    return { template, digitsAt }
  }

  get #end(): number {
    return this.#digits.length + this.#addedLength
  }

  #joinTexts(begin: ArgsPlace, end: ArgsPlace): ArgsPlace {
    const joined = joinObjects(this.#text(begin), this.#text(end))
    if (joined === null) return begin
    const digitsAt = this.#end
    this.#add(new TextEncoder().encode(`${joined}\0`))
    return { template: LITERAL, digitsAt }
  }

  #text({ template, digitsAt }: ArgsPlace): string {
    const args: ArgColumns = {
      templates: this.templates, digits: this.#digits, template: Uint32Array.of(template), digitsAt: Uint32Array.of(digitsAt),
    }
    return argsText(args, 0) ?? ''
  }

  /** The runs of digits, each with its comma. */
  #runs({ template, digitsAt }: ArgsPlace): Uint8Array {
    let end = digitsAt
    for (let left = this.templates[template].split(HOLE).length - 1; left > 0; end++) {
      if (this.#digits[end] === COMMA) left--
    }
    return this.#digits.subarray(digitsAt, end)
  }

  #add(bytes: Uint8Array): void {
    const needed = this.#addedLength + bytes.length
    if (needed > this.#added.length) {
      const larger = new Uint8Array(Math.max(1024, 2 * needed))
      larger.set(this.#added.subarray(0, this.#addedLength))
      this.#added = larger
    }
    this.#added.set(bytes, this.#addedLength)
    this.#addedLength = needed
  }
}
