import { type ArgColumns, HOLE, LITERAL } from './traceContent.ts'

/**
 * Columns of args texts, one per span in file order, as the importer makes them.
 * @param texts null for a span without args.
 * @param templateLimit how many templates there may be; texts beyond are kept whole.
 */
export function argColumnsOf(texts: readonly (string | null)[], templateLimit = Number.POSITIVE_INFINITY): ArgColumns {
  const templates = ['', '']
  const numbers = new Map<string, number>()
  const bytes: number[] = []
  const template = new Uint32Array(texts.length)
  const digitsAt = new Uint32Array(texts.length)
  const encoder = new TextEncoder()
  for (const [span, text] of texts.entries()) {
    digitsAt[span] = bytes.length
    if (text === null) continue
    const shape = text.replaceAll(/\d+/g, HOLE)
    let number = numbers.get(shape)
    if (number === undefined && templates.length < templateLimit) {
      number = templates.push(shape) - 1
      numbers.set(shape, number)
    }
    template[span] = number ?? LITERAL
    const kept = number === undefined ? `${text}\0` : (text.match(/\d+/g) ?? []).map((run) => `${run},`).join('')
    for (const byte of encoder.encode(kept)) bytes.push(byte)
  }
  return { templates, template, digitsAt, digits: Uint8Array.from(bytes) }
}
