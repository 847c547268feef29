import type { Layout } from '../../kernels/config/runConfig.ts'
import type { PlanReport } from './plan.ts'
import type { RunResult } from './run.ts'

/** One rank's times in one step of an iteration, means over the measured iterations, in µs. */
export interface StepCell {
  readonly rank: number
  readonly step: number
  readonly computeUs: number
  /** Transfer that compute does not hide. */
  readonly exposedUs: number
  readonly waitPeerUs: number
  readonly waitLinkUs: number
  /** Latest rank's compute end at this step minus this rank's (design section 6); 0 in an all-to-all. */
  readonly imbalanceUs: number
}

export interface TraceRankFigures {
  readonly rank: number
  readonly spanUs: number
  readonly computeUs: number
  readonly commUs: number
  readonly memoryUs: number
  readonly idleUs: number
  readonly overlapUs: number
  readonly overlapRatio: number | null
  readonly exposedCommUs: number
  readonly waitUs: number
  readonly transferUs: number
  readonly hta: null | {
    readonly spanUs: number
    readonly computeUs: number
    readonly commUs: number
    readonly memoryUs: number
    readonly idleUs: number
    readonly overlapUs: number
    readonly overlapRatio: number | null
  }
}

/** `ringscope analyze --json`. */
export interface TraceAnalysis {
  readonly files: readonly {
    readonly path: string
    readonly events: number
    readonly ranks: readonly number[]
    readonly repairs: readonly { readonly kind: string; readonly count: number; readonly firstOffset: number }[]
    readonly dropped: readonly { readonly kind: string; readonly count: number; readonly firstOffset: number }[]
  }[]
  readonly clock: {
    readonly method: string
    readonly offsetsNs: readonly number[]
    readonly uncertaintyNs: readonly number[]
  }
  readonly ranks: readonly TraceRankFigures[]
  readonly steps: readonly StepCell[]
  /** The figures of the run, for a trace of our own: equal to those the run printed. */
  readonly run: RunResult | null
}

/** What the plan says of a config with one layout: free communication, equal ranks. */
export interface LayoutFigures {
  readonly layout: Layout
  /** Whether it is the layout of the run. */
  readonly used: boolean
  readonly idleFraction: number
  readonly speedupOverContiguous: number
  /** The same when whole tiles are computed; null where the world is too large to count them. */
  readonly tiled: { readonly idleFraction: number; readonly speedupOverContiguous: number } | null
}

/** What the Imbalance view draws. */
export interface TimelineAnalysis {
  readonly timelineId: string
  readonly revision: number
  readonly trace: TraceAnalysis
  /** The finding in a sentence, for the chart's title. */
  readonly finding: string
  readonly plan: PlanReport | null
  /** The layouts that the run could have used, its own among them; empty where there is no choice or no run. */
  readonly layouts: readonly LayoutFigures[]
}
