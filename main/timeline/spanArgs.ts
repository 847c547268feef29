import type { ArgColumns } from './traceContent.ts'
import { HOLE, LITERAL } from './traceContent.ts'

const COMMA = 0x2c

/** The runs of digits of a span, in order. */
function digitRuns({ digits, digitsAt }: ArgColumns, span: number, count: number): string[] {
  const runs: string[] = []
  let at = digitsAt[span]
  for (let run = 0; run < count; run++) {
    const end = digits.indexOf(COMMA, at)
    let text = ''
    for (; at < end; at++) text += String.fromCharCode(digits[at])
    runs.push(text)
    at = end + 1
  }
  return runs
}

/** A span's args as its file has them, a JSON object; null where it has none. */
export function argsText(args: ArgColumns, span: number): string | null {
  const template = args.template[span]
  if (template === 0) return null
  if (template === LITERAL) {
    const from = args.digitsAt[span]
    return new TextDecoder().decode(args.digits.slice(from, args.digits.indexOf(0, from)))
  }
  const parts = args.templates[template].split(HOLE)
  const runs = digitRuns(args, span, parts.length - 1)
  return parts.map((part, at) => (at === 0 ? part : runs[at - 1] + part)).join('')
}

/** A span's args as an object; empty where it has none, or where they are no JSON object. */
export function argsOf(args: ArgColumns, span: number): Readonly<Record<string, unknown>> {
  const text = argsText(args, span)
  if (text === null) return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {}
  } catch {
    return {}
  }
}
