import type { RunRecord } from '../../preload/contract/run.ts'
import type { TraceContent } from './traceContent.ts'

/** What an imported trace's lane holds; see main/traces. Own runs' lanes have none. */
export type LaneKind = 'gpu' | 'annotation' | 'synchronization' | 'host' | 'async'

/** One track. Spans of a lane nest or are disjoint. In our own runs `tid` is the lane's code, see rankLanes.ts. */
export interface Lane {
  /** Null where a trace does not say. */
  readonly rank: number | null
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly kind?: LaneKind
  /** Index into the timeline's files; absent where there is one at most. */
  readonly file?: number
}

/** Columns of all spans; the first `count` entries are valid. Integer ns from the timeline's origin. */
export interface SpanColumns {
  readonly count: number
  readonly lane: Uint32Array
  /** Code into SPAN_CATEGORIES. */
  readonly category: Uint8Array
  /** Index into `strings`. */
  readonly name: Uint32Array
  readonly startNs: Float64Array
  readonly durationNs: Float64Array
  /** -1 where it does not apply. */
  readonly iteration: Int32Array
  readonly step: Int32Array
  readonly peer: Int32Array
  readonly hop: Int32Array
  /** Code into PAYLOADS, 0 for none. */
  readonly payload: Uint8Array
  /** NaN where it does not apply. */
  readonly bytes: Float64Array
  readonly flops: Float64Array
  readonly cpuNs: Float64Array
}

export interface SourceFile {
  readonly path: string
  readonly events: number
  readonly repairs: readonly { readonly kind: string; readonly count: number; readonly firstOffset: number }[]
  readonly dropped: readonly { readonly kind: string; readonly count: number; readonly firstOffset: number }[]
}

/** All spans of a run, a simulation or an imported trace, on one clock. */
export interface Timeline {
  readonly title: string
  readonly source: 'run' | 'simulation' | 'trace'
  readonly lanes: readonly Lane[]
  readonly strings: readonly string[]
  readonly spans: SpanColumns
  /** Set for our own runs, live, saved or simulated. */
  readonly run: RunRecord | null
  readonly files: readonly SourceFile[]
  /** What an imported trace holds besides spans; null for runs, simulations and saved traces of them. */
  readonly trace: TraceContent | null
}

/** Whether the timeline says of any lane which rank it belongs to. */
export const namesRanks = ({ lanes }: Timeline): boolean => lanes.some(({ rank }) => rank !== null)

/** What one span is made of when it is appended. Absent numbers are -1 or NaN in the columns, an absent payload is 0. */
export interface NewSpan {
  readonly lane: number
  readonly category: number
  readonly name: number
  readonly startNs: number
  readonly durationNs: number
  readonly iteration?: number
  readonly step?: number
  readonly peer?: number
  readonly hop?: number
  readonly payload?: number
  readonly bytes?: number
  readonly flops?: number
  readonly cpuNs?: number
}

type MutableColumns = { -readonly [K in keyof SpanColumns]: SpanColumns[K] }

const FIRST_CAPACITY = 1024

const allocate = (capacity: number): MutableColumns => ({
  count: 0,
  lane: new Uint32Array(capacity), category: new Uint8Array(capacity), name: new Uint32Array(capacity),
  startNs: new Float64Array(capacity), durationNs: new Float64Array(capacity),
  iteration: new Int32Array(capacity), step: new Int32Array(capacity),
  peer: new Int32Array(capacity), hop: new Int32Array(capacity), payload: new Uint8Array(capacity),
  bytes: new Float64Array(capacity), flops: new Float64Array(capacity), cpuNs: new Float64Array(capacity),
})

/** Grows a Timeline. `timeline()` may be taken at any moment; it shares the columns and sees the spans so far. */
export class TimelineBuilder {
  readonly #title: string
  readonly #source: Timeline['source']
  readonly #lanes: Lane[] = []
  readonly #strings: string[] = []
  readonly #stringIndex = new Map<string, number>()
  #columns = allocate(FIRST_CAPACITY)
  #capacity = FIRST_CAPACITY

  constructor(title: string, source: Timeline['source']) {
    this.#title = title
    this.#source = source
  }

  get spanCount(): number {
    return this.#columns.count
  }

  /** @returns the lane's index. */
  addLane(lane: Lane): number {
    this.#lanes.push(lane)
    return this.#lanes.length - 1
  }

  /** @returns the string's index; the same text always gets the same one. */
  intern(text: string): number {
    const known = this.#stringIndex.get(text)
    if (known !== undefined) return known
    this.#strings.push(text)
    this.#stringIndex.set(text, this.#strings.length - 1)
    return this.#strings.length - 1
  }

  append(span: NewSpan): void {
    if (this.#columns.count === this.#capacity) this.#grow()
    const columns = this.#columns
    const at = columns.count
    columns.lane[at] = span.lane
    columns.category[at] = span.category
    columns.name[at] = span.name
    columns.startNs[at] = span.startNs
    columns.durationNs[at] = span.durationNs
    columns.iteration[at] = span.iteration ?? -1
    columns.step[at] = span.step ?? -1
    columns.peer[at] = span.peer ?? -1
    columns.hop[at] = span.hop ?? -1
    columns.payload[at] = span.payload ?? 0
    columns.bytes[at] = span.bytes ?? Number.NaN
    columns.flops[at] = span.flops ?? Number.NaN
    columns.cpuNs[at] = span.cpuNs ?? Number.NaN
    columns.count = at + 1
  }

  timeline(run: RunRecord | null, files: readonly SourceFile[] = []): Timeline {
    return {
      title: this.#title, source: this.#source, lanes: [...this.#lanes], strings: this.#strings,
      spans: { ...this.#columns }, run, files, trace: null,
    }
  }

  #grow(): void {
    const previous = this.#columns
    this.#capacity *= 2
    const next = allocate(this.#capacity)
    for (const key of Object.keys(previous) as (keyof SpanColumns)[]) {
      if (key !== 'count') next[key].set(previous[key])
    }
    next.count = previous.count
    this.#columns = next
  }
}
