import type { Tally } from '../tally.ts'

/** Bits of {@link EventBatch.flags}. */
export const FLAG = {
  /** A flow end that binds to the span around it (`bp: "e"`). */
  bindsEnclosing: 1,
  /** `id2.local`: the id counts within its process only. */
  idIsLocal: 2,
  /** `bind_id` with `flow_out` or `flow_in`: a flow that starts or ends at this span. `id` is the bind_id. */
  flowOut: 4,
  flowIn: 8,
} as const

/**
 * Events as columns, in file order; valid until the scanner goes on. Texts (names, categories, ids) are numbers in the
 * session's table, where 0 stands for an absent one and equal texts have equal numbers. A pid 7 and a pid "7" are one text.
 */
export interface EventBatch {
  readonly count: number
  /** ASCII code of `ph`. Events without one never come. */
  readonly phase: Uint8Array
  readonly name: Uint32Array
  readonly cat: Uint32Array
  readonly pid: Uint32Array
  readonly tid: Uint32Array
  /** `id`, `id2.local`, `id2.global` or `bind_id`. */
  readonly id: Uint32Array
  readonly flags: Uint8Array
  /** `ts`: whole µs (NaN where there is none or it is no number) and the ns beyond, 0..999. From the text, exact. */
  readonly tsMicros: Float64Array
  readonly tsNanos: Uint16Array
  /** `dur` in ns, from the text; NaN where there is none or it is no number. May be negative. */
  readonly durNs: Float64Array
  /** Index of the args' template, 0 for none, and where its digits begin in the session's arena. */
  readonly argsTemplate: Uint32Array
  readonly argsAt: Uint32Array
  /** Of the event's first byte in the decompressed text. */
  readonly offset: Float64Array
}

/** What grows over all files of a session. */
export interface ScanTables {
  /** The text with a number; '' for 0. */
  text(id: number): string
  /** Templates of args so far, see main/timeline/traceContent.ts; entry 0 is ''. */
  readonly templates: readonly string[]
  /** Takes the digits of args that were gathered so far, as one array; the tables forget them. Called once, at the end. */
  takeDigits(): Uint8Array
}

export interface ScanSink {
  onBatch(batch: EventBatch): void
  /** Whether the value of a top-level key is wanted; others are passed over without being held. */
  wantsKey(key: string): boolean
  onKey(key: string, json: string, offset: number): void
  readonly repairs: Tally
  readonly dropped: Tally
}
