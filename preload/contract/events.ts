import type { RunProgressEvent, RunResult } from './run.ts'
import type { SweepProgress, SweepReport } from './sweep.ts'
import type { TimelineSummary } from './timeline.ts'
import type { BridgeError } from './envelope.ts'

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
  'timeline.closed': { readonly timelineId: string }
  'sweep.progress': SweepProgress
  'sweep.finished': { readonly sweepId: string; readonly report: SweepReport | null; readonly error: BridgeError | null }
  /** The host's menu or the command line asks the page for something. */
  'menu.command': { readonly command: 'open-trace' | 'save-trace' | 'show-run' | 'show-timeline' | 'show-imbalance' | 'show-sweep' | 'show-machine' }
}

export type EventName = keyof BridgeEvents
export const EVENT_NAMES: readonly EventName[] = [
  'run.progress', 'run.finished', 'timeline.changed', 'timeline.closed', 'sweep.progress', 'sweep.finished', 'menu.command',
]
