import { argsOf } from '../../timeline/spanArgs.ts'
import { SPAN_FORMS, type SpanForm } from '../../timeline/traceContent.ts'
import type { Timeline } from '../../timeline/timeline.ts'

/** A span as a text, so that lists of spans can be compared whatever their order. Times count from the list's first. */
interface Comparable {
  readonly form: SpanForm
  readonly name: string
  readonly startNs: number
  readonly durationNs: number
  readonly args: unknown
}

/** Objects with their keys sorted: the order of keys is no difference. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, canonical(item)]))
}

/** One text a span, sorted. */
export function spanTexts(spans: readonly Comparable[]): string[] {
  const firstNs = spans.reduce((first, { startNs }) => Math.min(first, startNs), Number.POSITIVE_INFINITY)
  return spans.map(({ form, name, startNs, durationNs, args }) =>
    JSON.stringify([form, name, startNs - firstNs, durationNs, canonical(args)])).sort()
}

/** The spans of an imported trace, of the forms that are asked for. */
export function spansOf({ spans, strings, trace }: Timeline, forms: readonly SpanForm[]): Comparable[] {
  if (trace === null) throw new Error('expected an imported trace')
  return Array.from({ length: spans.count }, (_, at): Comparable => ({
    form: SPAN_FORMS[trace.form[at]], name: strings[spans.name[at]], startNs: spans.startNs[at], durationNs: spans.durationNs[at],
    args: argsOf(trace.args, at),
  })).filter(({ form }) => forms.includes(form))
}

/** Everything that the import says it mended or left out. */
export const reportsOf = ({ files }: Timeline): readonly string[] =>
  files.flatMap(({ repairs, dropped }) => [...repairs, ...dropped].map(({ kind, count }) => `${kind} x${count}`))

const DECIMAL = /^(-?)(\d+)(?:\.(\d*))?$/

/** Decimal µs to ns, half away from zero, by whole numbers alone. Null for what is no plain decimal. */
function exactNanos(text: string): number | null {
  const match = DECIMAL.exec(text)
  if (match === null) return null
  const [, sign, whole, fraction = ''] = match
  const scaled = BigInt(whole + fraction.padEnd(4, '0').slice(0, 4))
  const nanos = Number((scaled + 5n) / 10n)
  return sign === '-' ? -nanos : nanos
}

/** A number's text beside its value, as JSON.parse gives it to a reviver. */
class Sourced {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
}

function timeOf(value: unknown): number | null {
  if (value instanceof Sourced) return exactNanos(value.source)
  return typeof value === 'string' ? exactNanos(value) : null
}

type ReviverWithSource = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown

/** A name that is a number is its text: digits as written, anything else as JavaScript prints it. */
function nameOf(value: unknown): string {
  if (value instanceof Sourced) return /^-?\d+$/.test(value.source) ? value.source.replace(/^-0$/, '0') : String(Number(value.source))
  return typeof value === 'string' ? value : ''
}

/** Times of a trace whose values say more than the comparison can: beyond what doubles hold exactly, or with an exponent. */
export class BeyondOracle extends Error {}

/**
 * The complete events (X) of a text that is valid JSON, read by JSON.parse and by nothing of the importer.
 * @returns null where the text is no valid JSON or no trace.
 * @throws BeyondOracle
 */
export function completeSpansOf(text: string): Comparable[] | null {
  const withSource: ReviverWithSource = (key, value, { source }) =>
    (key === 'ts' || key === 'dur' || key === 'name') && typeof value === 'number' ? new Sourced(source ?? String(value)) : value
  let top: unknown
  let plain: unknown
  try {
    top = JSON.parse(text, withSource as (key: string, value: unknown) => unknown)
    plain = JSON.parse(text)
  } catch {
    return null
  }
  const eventsOf = (value: unknown): unknown => (Array.isArray(value) ? value : (value as { traceEvents?: unknown } | null)?.traceEvents)
  const events = eventsOf(top)
  const plainEvents = eventsOf(plain)
  if (!Array.isArray(events) || !Array.isArray(plainEvents)) return null
  return events.flatMap((event: unknown, at): Comparable[] => {
    if (typeof event !== 'object' || event === null || Array.isArray(event)) return []
    const { ph, name, ts, dur } = event as Record<string, unknown>
    if (ph !== 'X') return []
    const startNs = timeOf(ts)
    const durationNs = timeOf(dur)
    for (const time of [ts, dur]) {
      const source = time instanceof Sourced ? time.source : typeof time === 'string' ? time : '0'
      if (!/^-?\d{1,12}(\.\d*)?$/.test(source)) throw new BeyondOracle(source)
    }
    if (startNs === null) return []
    const { args } = plainEvents[at] as Record<string, unknown>
    return [{
      form: 'complete', name: nameOf(name), startNs, durationNs: Math.max(0, durationNs ?? 0),
      args: typeof args === 'object' && args !== null && !Array.isArray(args) ? args : {},
    }]
  })
}
