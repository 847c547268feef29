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
  readonly ranks: readonly number[]
  readonly lanes: readonly LaneSummary[]
  readonly run: RunRecord | null
  /** What was mended or left out when a file was read. */
  readonly repairs: readonly { readonly kind: string; readonly count: number }[]
  readonly dropped: readonly { readonly kind: string; readonly count: number }[]
}

export interface ViewportQuery {
  readonly timelineId: string
  readonly startNs: number
  readonly endNs: number
  /** Horizontal resolution: at most one span per pixel and lane and category comes back. */
  readonly pixels: number
}

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
  readonly spanStartNs: Float64Array
  readonly spanEndNs: Float64Array
  /** Number of recorded spans behind the drawn one, and the index of the longest of them. */
  readonly count: Uint32Array
  readonly spanIndex: Uint32Array
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
}
