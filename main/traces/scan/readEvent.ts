import { parseMicros } from '../microseconds.ts'
import { OPEN_BRACE, QUOTE } from './bytes.ts'
import { FLAG } from './eventBatch.ts'
import { type DoneWalk, mendedText, type Member, walkValue } from './walkValue.ts'

/** An event, its texts and args as they are to be kept. */
export interface EventFields {
  /** ASCII code. */
  readonly phase: number
  readonly name: string
  readonly cat: string
  readonly pid: string
  readonly tid: string
  readonly id: string
  readonly flags: number
  readonly tsMicros: number
  readonly tsNanos: number
  readonly durNs: number
  /** A JSON object without control characters in its strings; null for none. */
  readonly args: string | null
}

export type ReadEvent =
  | { readonly kind: 'event'; readonly fields: EventFields; /** False for args that are no object. */ readonly argsKept: boolean }
  /** Nothing to keep, and why. */
  | { readonly kind: 'empty' | 'without-phase' | 'odd-phase' }

/** Phases whose `bind_id` is more to them than an `id`: what they are has no use for one. */
const BINDING_PHASES = new Set(['X', 'B', 'E'])
const INTEGER = /^-?(0|[1-9]\d*)$/

/** The members of an object with these keys; the last of each, as JSON.parse has it. */
function membersOf(bytes: Uint8Array, walk: DoneWalk): Map<string, Member> {
  const members = new Map<string, Member>()
  for (const member of walk.members) {
    const text = mendedText(bytes, member.keyFrom, member.keyTo, walk.edits)
    members.set(text.includes('\\') ? JSON.parse(`"${text}"`) as string : text, member)
  }
  return members
}

/** The fields of one object, by key. */
class Fields {
  readonly #bytes: Uint8Array
  readonly #walk: DoneWalk
  readonly #members: Map<string, Member>

  constructor(bytes: Uint8Array, walk: DoneWalk) {
    this.#bytes = bytes
    this.#walk = walk
    this.#members = membersOf(bytes, walk)
  }

  get size(): number {
    return this.#members.size
  }

  /** The JSON text of a value; null where there is none. */
  json(key: string): string | null {
    const member = this.#members.get(key)
    return member === undefined ? null : mendedText(this.#bytes, member.valueFrom, member.valueTo, this.#walk.edits)
  }

  /** A string's text, or a number as it is written where it is whole, so that ids above 2^53 stay what they are; else ''. */
  idText(key: string): string {
    const json = this.json(key)
    if (json === null) return ''
    if (json.charCodeAt(0) === QUOTE) return JSON.parse(json) as string
    if (INTEGER.test(json)) return json === '-0' ? '0' : json
    const value: unknown = JSON.parse(json)
    return typeof value === 'number' ? String(value) : ''
  }

  /** The text of a number or of a string; null where there is neither. */
  scalarText(key: string): string | null {
    const json = this.json(key)
    if (json === null) return null
    const value: unknown = JSON.parse(json)
    return typeof value === 'string' ? value : typeof value === 'number' ? json : null
  }

  isTrue(key: string): boolean {
    const json = this.json(key)
    return json === 'true' || json === '1'
  }

  /** The fields of a value that is an object; null where it is none. */
  inner(key: string): Fields | null {
    const member = this.#members.get(key)
    if (member === undefined || this.#bytes[member.valueFrom] !== OPEN_BRACE) return null
    const walk = walkValue(this.#bytes, member.valueFrom, member.valueTo)
    return walk.kind === 'done' ? new Fields(this.#bytes, walk) : null
  }
}

function identify(fields: Fields, phase: string): { id: string; flags: number } {
  const flags = (fields.isTrue('flow_out') ? FLAG.flowOut : 0) | (fields.isTrue('flow_in') ? FLAG.flowIn : 0)
  const bound = flags === 0 ? '' : fields.idText('bind_id')
  const global = fields.idText('id')
  if (bound !== '' && (global === '' || BINDING_PHASES.has(phase))) return { id: bound, flags }
  const id2 = fields.inner('id2')
  if (id2 === null || global !== '') return { id: global, flags: 0 }
  const local = id2.idText('local')
  return local !== '' ? { id: local, flags: FLAG.idIsLocal } : { id: id2.idText('global'), flags: 0 }
}

/**
 * Reads one event that was walked to its end: any key order, any escapes, numbers as texts, the last of several equal
 * keys. Slow, and what the fast path must agree with.
 */
export function readEvent(bytes: Uint8Array, walk: DoneWalk): ReadEvent {
  const fields = new Fields(bytes, walk)
  const phaseJson = fields.json('ph')
  const phase: unknown = phaseJson === null ? null : JSON.parse(phaseJson)
  if (typeof phase !== 'string' || phase === '') return { kind: fields.size === 0 ? 'empty' : 'without-phase' }
  if (phase.length > 1 || phase.charCodeAt(0) > 0x7f) return { kind: 'odd-phase' }
  const ts = parseMicros(fields.scalarText('ts') ?? '')
  const dur = parseMicros(fields.scalarText('dur') ?? '')
  const { id, flags } = identify(fields, phase)
  const json = fields.json('args')
  const args = json?.charCodeAt(0) === OPEN_BRACE ? json : null
  return {
    kind: 'event', argsKept: json === null || json === 'null' || args !== null,
    fields: {
      phase: phase.charCodeAt(0), name: fields.idText('name'), cat: fields.idText('cat'), pid: fields.idText('pid'), tid: fields.idText('tid'),
      id, flags: flags | (fields.scalarText('bp') === 'e' ? FLAG.bindsEnclosing : 0),
      tsMicros: ts === null ? Number.NaN : ts.whole, tsNanos: ts === null ? 0 : ts.nanos,
      durNs: dur === null ? Number.NaN : dur.whole * 1000 + dur.nanos, args,
    },
  }
}
