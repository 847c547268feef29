import type { RunFailure } from '../../preload/contract/run.ts'
import type { FailureReport } from './blame.ts'

/** Ends a supervisor's normal course: the run failed or was cancelled, and why. */
export class RunEndedError extends Error {
  override readonly name = 'RunEndedError'
  readonly failure: RunFailure
  /** The error that the caller is to get instead of a timeline, where nothing was started. */
  readonly original: Error | undefined

  constructor({ failure, cause }: FailureReport) {
    super(failure.message)
    this.failure = failure
    this.original = cause
  }
}
