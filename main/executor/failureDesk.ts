import type { RunFailure } from '../../preload/contract/run.ts'
import { bestExplanation, type Evidence, type FailureReport } from './blame.ts'
import { RunEndedError } from './errors.ts'

/** How long reports are gathered before one is blamed. */
const GATHER_MS = 200
/** How long a rank that only lost another is not blamed: the other's own end may be heard late. */
const GATHER_FROM_OTHERS_MS = 1000

/** Takes in what went wrong in a run and decides, once, why it ended. */
export class FailureDesk {
  readonly #ended = Promise.withResolvers<never>()
  readonly #reports: FailureReport[] = []
  readonly #complete: (report: FailureReport) => RunFailure
  /** A report of the rank at fault itself is there, and the others have their moment. */
  #gathering = false
  #concluded = false
  #closed = false

  /** @param complete adds to a failure what is known only when the run is over. */
  constructor(complete: (report: FailureReport) => RunFailure) {
    this.#complete = complete
    this.#ended.promise.catch(() => undefined)
  }

  /** Rejects with RunEndedError when the run ends early; never resolves. */
  get ended(): Promise<never> {
    return this.#ended.promise
  }

  /** From here on nothing counts as a failure: the ranks are told to end. */
  close(): void {
    this.#closed = true
  }

  /** @param cause the error that the caller of the run is to get, where nothing could be started. */
  report(evidence: Evidence, failure: RunFailure, cause?: Error): void {
    if (this.#closed) return
    this.#reports.push(cause === undefined ? { evidence, failure } : { evidence, failure, cause })
    if (evidence === 'cancelled') {
      this.#conclude()
    } else if (!this.#gathering && (evidence !== 'lost-peer' || this.#reports.length === 1)) {
      this.#gathering = evidence !== 'lost-peer'
      setTimeout(() => this.#conclude(), this.#gathering ? GATHER_MS : GATHER_FROM_OTHERS_MS)
    }
  }

  #conclude(): void {
    if (this.#concluded) return
    this.#concluded = true
    const [first, ...others] = this.#reports
    const report = bestExplanation([first, ...others])
    this.#ended.reject(new RunEndedError({ ...report, failure: this.#complete(report) }))
  }
}
