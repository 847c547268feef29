/** What a span of an imported trace was in its file. The order is the code in columns: append only. */
export const SPAN_FORMS = ['complete', 'instant', 'begin-end', 'async', 'unfinished'] as const
export type SpanForm = (typeof SPAN_FORMS)[number]

/**
 * The `args` of every span, as written in its file, in a fraction of the space: texts that differ only in their digits
 * share a template. See spanArgs.ts, which reads them. All arrays are by span index.
 */
export interface ArgColumns {
  /**
   * JSON texts with every run of digits replaced by one {@link HOLE}. Entry 0 stands for a span without args, entry
   * {@link LITERAL} for texts that are kept whole in `digits`, as UTF-8 up to a 0 byte, because there are too many templates.
   */
  readonly templates: readonly string[]
  /** Index into `templates`. */
  readonly template: Uint32Array
  /** Where the span's runs of digits begin in `digits`; of spans in file order it ascends. */
  readonly digitsAt: Uint32Array
  /** ASCII. A span's runs in order, each followed by a comma. */
  readonly digits: Uint8Array
}

/** Stands for a run of digits in a template. No JSON text holds it: control characters are mended before. */
export const HOLE = '\u0001'

/** Arrows between spans, from flow events (s, t, f) bound to the spans around them. Sorted by `from`'s start. */
export interface FlowColumns {
  /** Span indices. */
  readonly from: Uint32Array
  readonly to: Uint32Array
  /** Index into the timeline's strings: the flow's category and name, such as "ac2g". */
  readonly name: Uint32Array
}

/** The template of a text that is kept whole. */
export const LITERAL = 1

/** One series of a counter (phase C): piecewise constant from each time on. */
export interface CounterSeries {
  readonly rank: number | null
  readonly pid: number
  /** Name of the counter and of the series, such as "GPU 0 Bandwidth: read". */
  readonly name: string
  readonly series: string
  /** Ascending. */
  readonly timeNs: Float64Array
  readonly value: Float64Array
}

/** How a rank of an imported trace is known, and how its clock was put on the timeline's. */
export interface TraceRank {
  readonly rank: number
  /** Index into the timeline's files. */
  readonly file: number
  /** What the number was taken from. */
  readonly rankFrom: 'distributedInfo' | 'file name' | 'process name' | 'device' | 'order'
  /** What was added to the times of its file, beyond its base, to put it on the common clock. */
  readonly offsetNs: number
  /** Half width of the interval that the evidence leaves; 0 where it is the clock that others are put on; null where nothing relates it to them. */
  readonly uncertaintyNs: number | null
}

export interface TraceClock {
  /** In words, for people: what the ranks were aligned by. */
  readonly method: string
  /** Absolute ns (Unix time where the files say so) of the timeline's 0, as decimal digits; null where files have no common base. */
  readonly originNs: string | null
  /** False where some ranks could not be related to the others: those are drawn from their own start. */
  readonly aligned: boolean
}

/**
 * How times of a file became times of the timeline: `ts` = originMicros µs + (startNs - shiftNs - the rank's offsetNs) ns.
 * Two numbers, because a `ts` with its ns exceeds what a double holds.
 */
export interface FileClock {
  /** Whole µs, in the file's own clock. */
  readonly originMicros: number
  /** Where the origin lies on the timeline before its rank's offset was added; integer ns. */
  readonly shiftNs: number
}

/** What an imported trace holds besides its spans. */
export interface TraceContent {
  /** By index into the timeline's files. */
  readonly fileClocks: readonly FileClock[]
  readonly ranks: readonly TraceRank[]
  /** World size as the files say, else null. */
  readonly world: number | null
  readonly clock: TraceClock
  readonly args: ArgColumns
  /** Code into SPAN_FORMS, by span index. */
  readonly form: Uint8Array
  /** What the classification made of each span: index into `kindNames` ("attention", "NCCL", "memory copy"), 0 for nothing known. */
  readonly kind: Uint8Array
  readonly kindNames: readonly string[]
  /** The user's file whose rules went before ours; null where there is none. */
  readonly rulesFrom: string | null
  readonly flows: FlowColumns
  readonly counters: readonly CounterSeries[]
}
