import type { Channel, Payload, SpanCategory } from '../../kernels/timeline/categories.ts'
import type { RunRecord } from './run.ts'

export { SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
export type { Channel, Payload, SpanCategory } from '../../kernels/timeline/categories.ts'

export interface LaneSummary {
  readonly index: number
  /** Null where the trace does not say. */
  readonly rank: number | null
  readonly name: string
  readonly spanCount: number
  /** What an imported trace's lane holds; null for our own lanes. */
  readonly kind: 'gpu' | 'annotation' | 'synchronization' | 'host' | 'async' | null
  /** How deep spans nest at most; 1 where they do not. */
  readonly depth: number
}

/** What is open. */
export interface TimelineSummary {
  readonly timelineId: string
  readonly title: string
  readonly source: 'run' | 'simulation' | 'trace'
  /** True while a run still adds spans. */
  readonly live: boolean
  readonly path: string | null
  readonly spanCount: number
  readonly startNs: number
  readonly endNs: number
  /** Where spans that last are, the whole where there are none: marks and a profiler's own span may lie far around all that is worth a look. */
  readonly busyNs: { readonly startNs: number; readonly endNs: number }
  readonly ranks: readonly number[]
  readonly lanes: readonly LaneSummary[]
  readonly run: RunRecord | null
  /** The files it was read from, and what was mended or left out in each, with the byte offset of the first. */
  readonly files: readonly {
    readonly path: string
    readonly events: number
    readonly repairs: readonly { readonly kind: string; readonly count: number; readonly firstOffset: number }[]
    readonly dropped: readonly { readonly kind: string; readonly count: number; readonly firstOffset: number }[]
  }[]
  /** Null for runs, simulations and saved traces of them. */
  readonly clock: null | {
    readonly method: string
    readonly aligned: boolean
    readonly ranks: readonly { readonly rank: number; readonly from: string; readonly offsetNs: number; readonly uncertaintyNs: number | null }[]
  }
}

export interface ViewportQuery {
  readonly timelineId: string
  readonly startNs: number
  readonly endNs: number
  /** Horizontal resolution: at most one span per pixel and lane and category comes back. */
  readonly pixels: number
  /** The lanes that are in sight; all where it is left out. */
  readonly lanes?: readonly number[] | undefined
}

/** Drawn spans narrower than this carry no name. */
export const LABELLED_PIXELS = 32

/** Columns of the drawable spans, sorted by lane, then start. Spans merged to one pixel carry how many they stand for. */
export interface Viewport {
  readonly timelineId: string
  /** Grows with every change of the timeline; an answer older than the newest known is stale. */
  readonly revision: number
  readonly startNs: number
  readonly endNs: number
  readonly lane: Uint32Array
  /** Code into SPAN_CATEGORIES. */
  readonly category: Uint8Array
  /** Nesting depth in the lane, 0 for the outermost. */
  readonly depth: Uint8Array
  readonly spanStartNs: Float64Array
  readonly spanEndNs: Float64Array
  /** Number of recorded spans behind the drawn one, and the index of the longest of them. */
  readonly count: Uint32Array
  readonly spanIndex: Uint32Array
  /** What part of the recorded spans' time is waiting for a late peer, 0..1: of one span from its start on. Only of imported communication kernels. */
  readonly waitShare: Float64Array
  /** 1 where the waiting, most of it, is an estimate, because the trace of a peer is missing. */
  readonly waitEstimated: Uint8Array
  /** Names to write into drawn spans of at least LABELLED_PIXELS that stand for one: index into `labels` plus 1, 0 for none. */
  readonly label: Uint32Array
  readonly labels: readonly string[]
  /** Hops whose send or receive is in the window, for flow arrows; at most one per pixel. */
  readonly flows: {
    readonly fromLane: Uint32Array
    readonly toLane: Uint32Array
    readonly fromNs: Float64Array
    readonly toNs: Float64Array
  }
}

export interface SpanDetails {
  readonly spanIndex: number
  readonly name: string
  readonly category: SpanCategory
  readonly rank: number | null
  readonly lane: string
  readonly laneIndex: number
  /** Nesting depth in its lane, 0 for the outermost. */
  readonly depth: number
  readonly startNs: number
  readonly durationNs: number
  readonly iteration: number | null
  readonly warmup: boolean
  readonly step: number | null
  readonly peer: number | null
  /** What travels, or what a wait waits for. Null where nothing does, and in traces that do not say. */
  readonly payload: Payload | null
  /** The way between ranks that a send or receive of our own runs took. */
  readonly channel: Channel | null
  readonly bytes: number | null
  /** Bytes over duration. */
  readonly gigabytesPerSecond: number | null
  readonly flops: number | null
  readonly gflops: number | null
  /** CPU time of the thread during the span, where the system gives it. */
  readonly cpuNs: number | null
  /** What its trace says of it, as written; empty for runs of our own. Values are JSON texts. */
  readonly args: readonly { readonly key: string; readonly value: string }[]
  /** Spans that a flow or a hop leads to or comes from; cut to 100. */
  readonly flows: readonly {
    readonly direction: 'from' | 'to'
    readonly kind: string
    readonly spanIndex: number
    readonly name: string
    readonly rank: number | null
    readonly lane: string
    readonly laneIndex: number
    readonly depth: number
    readonly startNs: number
  }[]
  /** Its start in the file's own clock, in µs as Trace Event JSON has it; null for runs of our own. */
  readonly rawStartUs: string | null
  /** How its waiting and its transfer divide, for a communication kernel of an imported trace. */
  readonly wait: null | { readonly waitNs: number; readonly transferNs: number; readonly estimated: boolean; readonly waitedFor: number | null }
}

/** Spans whose name or args contain a text, by start. */
export interface SearchResult {
  readonly timelineId: string
  /** How many there are; the columns hold the first `limit` of them. */
  readonly total: number
  readonly spanIndex: Uint32Array
  readonly lane: Uint32Array
  readonly startNs: Float64Array
  readonly durationNs: Float64Array
}

/** What is in a part of a timeline; durations are trimmed to it. */
export interface SelectionStats {
  readonly timelineId: string
  readonly startNs: number
  readonly endNs: number
  readonly spanCount: number
  /** By name and category; largest total first, cut to 200. */
  readonly rows: readonly {
    readonly name: string
    readonly category: SpanCategory
    readonly count: number
    readonly totalNs: number
    readonly averageNs: number
    readonly longestNs: number
    /** The longest one. */
    readonly spanIndex: number
  }[]
  /** Rows that were cut. */
  readonly moreRows: number
}
