import { BackendUnavailableError, type ConcreteBackendId } from '../../kernels/backends/backend.ts'
import type { Plan } from '../../kernels/plan/plan.ts'
import type { FromRank } from '../../kernels/rank/protocol.ts'
import type { RunFailure, RunPhase } from '../../preload/contract/run.ts'
import type { Evidence } from './blame.ts'
import type { RankExit } from './rankHost.ts'
import type { RankPeer } from './rankPeer.ts'
import type { StallWatch } from './stallWatch.ts'

type Failed = Extract<FromRank, { type: 'failed' }>

/** What the finder sees of the run it watches. */
export interface WatchedRun {
  plan(): Plan
  peers(): readonly RankPeer[]
  phase(): RunPhase
  /** Null before it is resolved. */
  backend(): ConcreteBackendId | null
  /** Name of the last thing that a rank is known to have done. */
  lastSpan(rank: number): string | null
  report(evidence: Evidence, failure: RunFailure, cause?: Error): void
}

/** Turns what is noticed of a rank that fails (its word, its end, its silence) into a report of what happened where. */
export class FaultFinder {
  readonly #run: WatchedRun

  constructor(run: WatchedRun) {
    this.#run = run
  }

  garbled(peer: RankPeer, error: Error): void {
    this.#blame('reported', peer, 'crashed', error.message)
  }

  failed(peer: RankPeer, message: Failed): void {
    if (message.iteration >= 0) {
      peer.progress = { rank: peer.rank, iteration: message.iteration, step: Math.max(0, message.step), state: 'failed' }
    }
    const backend = this.#run.backend()
    if (message.errorName === 'BackendUnavailableError' && backend !== null) {
      const reason = message.message.replace(`backend "${backend}" is not available: `, '')
      this.#blame('reported', peer, 'refused', message.message, new BackendUnavailableError(backend, reason))
    } else if (message.reason === 'peer-lost') {
      const { lostPeer, iteration, step } = message
      if (iteration >= 0 && lostPeer !== null) {
        this.#run.peers().at(lostPeer)?.reached(iteration, stepKnownOf(this.#run.plan(), lostPeer, peer.rank, step))
      }
      this.#blame('lost-peer', peer, 'crashed', message.message)
    } else {
      this.#blame('reported', peer, message.reason === 'refused' ? 'refused' : 'crashed', message.message)
    }
  }

  exited(peer: RankPeer, { code, signal }: RankExit): void {
    const how = signal !== null ? `was ended by ${signal}`
      : code !== null ? `ended with exit code ${code}` : 'could not be started'
    const words = signal === null ? peer.lastWords : null
    this.#blame('exited', peer, 'crashed', words === null ? `its process ${how}` : `its process ${how}: ${words}`)
  }

  look(watch: StallWatch): void {
    const stall = watch.look(this.#run.peers(), performance.now())
    if (stall === null) return
    const seconds = (stall.silentMs / 1000).toFixed(1)
    this.#blame('silent', this.#run.peers()[stall.rank], 'timed-out', stall.stopped
      ? `its process is stopped (by a signal or a debugger) and has said nothing for ${seconds} s`
      : `nothing was heard of it for ${seconds} s`)
  }

  startedTooLate(started: ReadonlySet<number>, limitMs: number): void {
    const late = this.#run.peers().find((peer) => !started.has(peer.rank))
    if (late !== undefined) this.#blame('silent', late, 'timed-out', `it was not ready ${(limitMs / 1000).toFixed(1)} s after the start`)
  }

  /**
   * Says where and after what, once everybody was heard: the last spans of the rank, and what others know of
   * where it was, come after the first sign of its failure.
   */
  completed({ failure, evidence }: { readonly failure: RunFailure; readonly evidence: Evidence }): RunFailure {
    if (failure.rank === null) return failure
    const peer = this.#run.peers()[failure.rank]
    const { iteration, step } = peer.progress
    peer.progress = { ...peer.progress, state: 'failed' }
    const running = failure.iteration !== null
    // A rank says where it is only now and then: without its own word the step is the last that is known.
    const where = running ? ` in iteration ${iteration}, ${evidence === 'reported' ? '' : 'last known at '}step ${step}`
      : this.#run.phase() === 'starting' ? ' at the start' : ''
    return {
      ...failure,
      iteration: running ? iteration : null,
      step: running ? step : null,
      lastSpan: this.#run.lastSpan(failure.rank),
      message: `rank ${failure.rank} failed${where}: ${failure.message}`,
    }
  }

  #blame(evidence: Evidence, peer: RankPeer, kind: RunFailure['kind'], what: string, cause?: Error): void {
    const phase = this.#run.phase()
    const running = phase === 'warm-up' || phase === 'measuring'
    const { iteration, step } = peer.progress
    this.#run.report(evidence, {
      kind, rank: peer.rank, iteration: running ? iteration : null, step: running ? step : null, lastSpan: null, message: what,
    }, cause)
  }
}

/**
 * The step that rank `lost` had begun for certain when `witness` was at `step`: a move between the two that was settled by
 * then was posted by both, each at the same step.
 */
function stepKnownOf({ ranks }: Plan, lost: number, witness: number, step: number): number {
  const known = ranks[witness].steps.filter(({ sends, recvs }) =>
    [...sends, ...recvs].some((move) => move.peer === lost && move.settleStep < step))
  return known.at(-1)?.step ?? 0
}
