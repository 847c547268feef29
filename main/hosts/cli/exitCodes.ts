import { ArenaTooLargeError } from '../../../kernels/backends/arena.ts'
import { BackendUnavailableError } from '../../../kernels/backends/backend.ts'
import { InvalidInputError } from '../../../kernels/config/problem.ts'
import type { RunResult } from '../../../preload/contract/run.ts'
import type { AnySweepReport } from '../../../preload/contract/sweep.ts'
import { ConditionError } from '../../compare/conditions.ts'
import { CalibrationCancelledError, CalibrationFailedError } from '../../rates/errors.ts'
import { SweepCancelledError, SweepFailedError } from '../../sweep/errors.ts'
import { TracePathError } from '../../traces/open/traceFiles.ts'
import { TraceFormatError } from '../../traces/traceFormatError.ts'
import { CancelledError, isSystemError, OutputError, UsageError } from './errors.ts'

export const EXIT = {
  done: 0,
  internal: 1,
  badInput: 2,
  runFailed: 3,
  verificationFailed: 4,
  comparisonFailed: 5,
  cancelled: 130,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** What a finished run means for the exit code. A run that ended early counts as that, whatever was verified. */
export function exitCodeOfRun(result: Pick<RunResult, 'failure' | 'verification'>): ExitCode {
  if (result.failure !== null) return result.failure.kind === 'cancelled' ? EXIT.cancelled : EXIT.runFailed
  return result.verification?.passed === false ? EXIT.verificationFailed : EXIT.done
}

/** @param cancelled whether the report is of what was measured until then. */
export function exitCodeOfSweep({ cells }: { readonly cells: readonly Pick<AnySweepReport['cells'][number], 'passed'>[] }, cancelled: boolean): ExitCode {
  if (cancelled) return EXIT.cancelled
  return cells.every((cell) => cell.passed !== false) ? EXIT.done : EXIT.verificationFailed
}

/** What an error means for the exit code; `internal` for one that nobody foresaw. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof CancelledError || error instanceof SweepCancelledError || error instanceof CalibrationCancelledError) return EXIT.cancelled
  if (error instanceof UsageError || error instanceof InvalidInputError || error instanceof TraceFormatError) return EXIT.badInput
  if (error instanceof TracePathError || error instanceof ArenaTooLargeError || error instanceof ConditionError) return EXIT.badInput
  if (error instanceof BackendUnavailableError || error instanceof SweepFailedError || error instanceof OutputError) return EXIT.runFailed
  if (error instanceof CalibrationFailedError) return EXIT.runFailed
  // Bad paths in the input are refused where they are read; what is left is the machine's: no temporary folder, no space.
  if (isSystemError(error)) return EXIT.runFailed
  return EXIT.internal
}
