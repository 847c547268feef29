import type { RunProgressEvent, RunResult } from './run.ts'
import type { AnySweepReport, SweepProgress } from './sweep.ts'
import type { TimelineSummary } from './timeline.ts'
import type { BridgeError } from './envelope.ts'

/** How far an opening is. */
export interface TraceProgress {
  readonly openId: string
  /** In words: "reading rank-3.json.gz", "matching ranks". */
  readonly doing: string
  /** Of the files as they are stored, all together. */
  readonly bytesRead: number
  readonly totalBytes: number
  readonly events: number
}

/** Files of an opening that could not be read, where others could: those are open. */
export interface TraceRefused {
  readonly openId: string
  readonly files: readonly {
    readonly path: string
    /** What is wrong with it, where, and what to do. */
    readonly message: string
  }[]
}

/** What the Node side tells the page unasked. */
export interface BridgeEvents {
  'run.progress': RunProgressEvent
  /** `error` is set when there is no result at all; a failed run with a partial timeline has `result.failure`. */
  'run.finished': {
    readonly runId: string
    readonly timelineId: string
    readonly result: RunResult | null
    readonly error: BridgeError | null
  }
  /** A timeline was opened, grew or ended. At most ten times a second each. */
  'timeline.changed': { readonly summary: TimelineSummary; readonly revision: number }
  /** An opening goes on. At most ten times a second each. */
  'trace.progress': TraceProgress
  /** Comes before the answer of its opening. Where no file could be read there is no event: the answer says so. */
  'trace.refused': TraceRefused
  'timeline.closed': { readonly timelineId: string }
  'sweep.progress': SweepProgress
  'sweep.finished': { readonly sweepId: string; readonly report: AnySweepReport | null; readonly error: BridgeError | null }
  /** The host's menu or the command line asks the page for something. */
  'menu.command': { readonly command: 'open-trace' | 'save-trace' | 'show-run' | 'show-timeline' | 'show-imbalance' | 'show-sweep' | 'show-machine' | 'show-trace' | 'show-compare' | 'show-planner' }
}

export type EventName = keyof BridgeEvents
export const EVENT_NAMES: readonly EventName[] = [
  'run.progress', 'run.finished', 'timeline.changed', 'timeline.closed', 'trace.progress', 'trace.refused', 'sweep.progress', 'sweep.finished',
  'menu.command',
]
