import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { Channel, Payload } from '../../kernels/timeline/categories.ts'
import type { PlanReport } from './plan.ts'

/** One iteration's window on the timeline's clock. */
export interface IterationWindow {
  /** 0-based over warm-up and measured iterations together. */
  readonly iteration: number
  readonly warmup: boolean
  readonly startNs: number
  /** Latest end of any rank's last span of the iteration. */
  readonly endNs: number
}

export interface IterationFigures {
  readonly iteration: number
  readonly makespanMs: number
  readonly overlapRatio: number | null
  readonly idleFraction: number
}

/** Totals of one rank over the measured iterations. */
export interface RankFigures {
  readonly rank: number
  readonly computeMs: number
  readonly commMs: number
  readonly overlapMs: number
  readonly exposedMs: number
  readonly waitPeerMs: number
  readonly waitLinkMs: number
  /** Iteration windows minus compute. */
  readonly idleMs: number
  readonly flops: number
  readonly gflops: number
}

export interface Verification {
  /** Rows of the output and, with a backward pass, of dQ, dK and dV. */
  readonly checkedRows: number
  readonly checkedGradRows: number
  readonly maxAbsError: number
  /** Null where no gradient was computed or none could be checked. */
  readonly maxAbsGradError: number | null
  readonly tolerance: number
  /** Null without a backward pass. */
  readonly gradTolerance: number | null
  readonly passed: boolean
}

/** Transfers of one kind, per rank and iteration: what was counted from the receives beside what the plan says. */
export interface TrafficFigures {
  readonly channel: Channel
  readonly payload: Payload
  readonly pass: 'forward' | 'backward'
  readonly hops: number
  readonly bytesPerHop: number
  /** Of the rank that sends most. */
  readonly theory: { readonly hops: number; readonly bytesPerHop: number }
}

/** A child's clock against the supervisor's, from a ping-pong at start and at end. */
export interface ClockAnchor {
  readonly rank: number
  readonly startOffsetNs: number
  readonly startUncertaintyNs: number
  readonly endOffsetNs: number | null
  readonly endUncertaintyNs: number | null
}

/** Why a run ended early. */
export interface RunFailure {
  readonly kind: 'crashed' | 'timed-out' | 'cancelled' | 'refused'
  readonly rank: number | null
  readonly iteration: number | null
  readonly step: number | null
  /** Last span the rank had reported, in words. */
  readonly lastSpan: string | null
  readonly message: string
}

/** What is known of a run beside its spans. Stored whole in an exported trace. */
export interface RunRecord {
  readonly config: RunConfig
  readonly backend: string
  readonly device: string
  readonly transport: 'socket' | 'shared-memory'
  /** True where arithmetic was replaced by a wait: never to be shown as a measurement of the machine. */
  readonly modelled: boolean
  readonly warnings: readonly string[]
  readonly iterations: readonly IterationWindow[]
  readonly clocks: readonly ClockAnchor[]
  /** Measured cost of recording one span, in ns. */
  readonly recorderOverheadNs: number
  /** Hops that broke causality (a receive that ended before its send began). */
  readonly causalityViolations: number
  readonly verification: Verification | null
  /**
   * Sum of all outputs, each weighted by a fixed function of (batch, head, position, dim): the same for every
   * algorithm, layout and world size up to rounding. Null where nothing was computed.
   */
  readonly outputChecksum: number | null
  readonly failure: RunFailure | null
  /** Unix time of the origin, for display. */
  readonly startedAt: string
}

/** `ringscope run --json`. */
export interface RunResult {
  readonly config: RunConfig
  readonly plan: PlanReport['plan']
  readonly backend: string
  readonly device: string
  readonly transport: string
  readonly modelled: boolean
  readonly warnings: readonly string[]
  readonly iterations: readonly IterationFigures[]
  readonly makespanMs: number
  readonly overlapRatio: number | null
  readonly idleFraction: number
  readonly theory: {
    readonly idleFraction: number
    readonly hops: number
    readonly bytesPerHop: number
    readonly speedupOverContiguous: number
  }
  /** K/V transfers of a forward pass; all-to-all messages where there is no ring. */
  readonly hops: number
  readonly bytesPerHop: number
  readonly traffic: readonly TrafficFigures[]
  readonly ranks: readonly RankFigures[]
  readonly verification: Verification | null
  readonly outputChecksum: number | null
  readonly failure: RunFailure | null
  readonly tracePath: string | null
}

export type RunPhase = 'starting' | 'warm-up' | 'measuring' | 'verifying' | 'finished' | 'failed' | 'cancelled'

export interface RankProgress {
  readonly rank: number
  readonly iteration: number
  readonly step: number
  readonly state: 'starting' | 'computing' | 'waiting' | 'done' | 'failed'
}

/** Sent while a run goes on, at most ten times a second. */
export interface RunProgress {
  readonly runId: string
  /** The live timeline that fills while the run goes on. */
  readonly timelineId: string
  readonly phase: RunPhase
  readonly iterations: number
  readonly ranks: readonly RankProgress[]
}

/** As pages get it. */
export interface RunProgressEvent extends RunProgress {
  /** Steps of an iteration, those of the backward pass included. */
  readonly steps: number
}
