import type { RawEvent } from './eventScanner.ts'

/**
 * One Trace Event, its fields checked by hand: a schema library would cost more than reading the event.
 * Absent fields are null; pid and tid are texts, since traces use numbers, numeric strings and names for them.
 */
export interface TraceEvent {
  readonly phase: string
  readonly name: string
  readonly cat: string | null
  readonly pid: string
  readonly tid: string
  readonly args: Readonly<Record<string, unknown>>
}

export type ParsedEvent =
  | { readonly kind: 'event'; readonly event: TraceEvent; readonly mended: boolean }
  /** `{}`, as XLA writes at the end. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'without-phase' }
  | { readonly kind: 'malformed' }

const NO_ARGS: Readonly<Record<string, unknown>> = {}

function parseObject(json: string): { readonly value: Record<string, unknown>; readonly mended: boolean } | null {
  try {
    return { value: JSON.parse(json) as Record<string, unknown>, mended: false }
  } catch {
    // Raw control characters in names are the one fault seen in traces that has a single possible reading.
    const escaped = json.replaceAll(/\p{Cc}/gu, (char) => (/\s/.test(char) ? ' ' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`))
    if (escaped === json) return null
    try {
      return { value: JSON.parse(escaped) as Record<string, unknown>, mended: true }
    } catch {
      return null
    }
  }
}

const idText = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '')

/** Parses one event that the scanner cut out. Never throws. */
export function parseTraceEvent(raw: RawEvent): ParsedEvent {
  const parsed = parseObject(raw.json)
  if (parsed === null) return { kind: 'malformed' }
  const { value, mended } = parsed
  if (typeof value.ph !== 'string' || value.ph === '') {
    return Object.keys(value).length === 0 ? { kind: 'empty' } : { kind: 'without-phase' }
  }
  return {
    kind: 'event', mended,
    event: {
      phase: value.ph,
      name: typeof value.name === 'string' ? value.name : '',
      cat: typeof value.cat === 'string' && value.cat !== '' ? value.cat : null,
      pid: idText(value.pid), tid: idText(value.tid),
      args: typeof value.args === 'object' && value.args !== null ? value.args as Record<string, unknown> : NO_ARGS,
    },
  }
}

/** A finite number under a key of `args`, or undefined. */
export function numberArg(args: Readonly<Record<string, unknown>>, key: string): number | undefined {
  const value = args[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
