import type { TimelineAnalysis } from '../../preload/contract/analysis.ts'
import type { BridgeError } from '../../preload/contract/envelope.ts'
import type { TraceProgress, TraceRefused } from '../../preload/contract/events.ts'
import type { SearchResult, TimelineSummary } from '../../preload/contract/timeline.ts'
import type { TimelineMeasure, WindowKind } from '../compare/measure.ts'
import type { SpanIndex } from '../timeline/spanIndex.ts'
import type { SpanWaits } from '../timeline/spanWaits.ts'
import type { Timeline } from '../timeline/timeline.ts'

/** What a trace thread is started with. */
export interface TraceRequest {
  /** Files and folders, absolute. */
  readonly paths: readonly string[]
  /** Folder of the user's `classification.json`, read at each opening. */
  readonly rulesDir: string
  /** A folder of ours whose files are shown under their names alone, since its path means nothing to the user; null for none. */
  readonly hiddenFolder: string | null
}

/** An analysis without what only the application knows: which timeline, and its revision. */
export type AnalysisFacts = Omit<TimelineAnalysis, 'timelineId' | 'revision'>

export type SummaryFacts = Omit<TimelineSummary, 'timelineId' | 'live' | 'path'>

export type OpeningProgress = Omit<TraceProgress, 'openId'>

/** A timeline as it crosses: its columns are shared, not copied. */
export interface CrossingTimeline {
  readonly timeline: Timeline
  readonly index: SpanIndex
  readonly summary: SummaryFacts
  /** Or why it is not known. */
  readonly waits: SpanWaits | CrossingError
}

/** What the application asks a thread about one of its timelines, and the answers. */
export interface Questions {
  analyze: { readonly input: Record<string, never>; readonly answer: AnalysisFacts }
  search: { readonly input: { readonly text: string; readonly limit: number }; readonly answer: Omit<SearchResult, 'timelineId'> }
  /** What a comparison needs to know of it. @see measureTimeline */
  measure: { readonly input: { readonly wanted: WindowKind | null }; readonly answer: TimelineMeasure }
  /** Saves the timeline as Chrome Trace JSON, gzip where the name ends in `.gz`. */
  write: { readonly input: { readonly path: string }; readonly answer: null }
}

export type QuestionName = keyof Questions

/** `timeline` is the position among those that the thread opened. */
export type Question = {
  readonly [Q in QuestionName]: { readonly id: number; readonly ask: Q; readonly timeline: number; readonly input: Questions[Q]['input'] }
}[QuestionName]

/** An error as it crosses: what the page gets, and for a fault of ours the whole of it, for the log. */
export interface CrossingError {
  readonly error: BridgeError
  readonly fault: string | null
}

export type FromTraceThread =
  | { readonly kind: 'progress'; readonly progress: OpeningProgress }
  | { readonly kind: 'opened'; readonly timelines: readonly CrossingTimeline[]; readonly refused: TraceRefused['files'] }
  | { readonly kind: 'failed'; readonly failure: CrossingError }
  | { readonly kind: 'answer'; readonly id: number; readonly data: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly failure: CrossingError }
