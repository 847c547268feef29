import { ArenaTooLargeError } from '../../kernels/backends/arena.ts'
import { BackendUnavailableError } from '../../kernels/backends/backend.ts'
import { InvalidInputError, quoteValue } from '../../kernels/config/problem.ts'
import type { BridgeError, ErrorCode } from '../../preload/contract/envelope.ts'
import { CalibrationCancelledError } from '../rates/errors.ts'
import { SweepCancelledError } from '../sweep/errors.ts'
import { TracePathError } from '../traces/open/traceFiles.ts'
import { TraceFormatError } from '../traces/traceFormatError.ts'
import type { Log } from './log.ts'

/** A request was refused for a reason the caller can do something about. */
export class RequestError extends Error {
  override readonly name: string = 'RequestError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** The request names something that is not there (any more). */
export class NotFoundError extends RequestError {
  override readonly name = 'NotFoundError'

  constructor(what: string, id: string, hint: string) {
    super('not-found', `no ${what} ${JSON.stringify(id)}: ${hint}`)
  }
}

/** The request cannot run beside what is going on. */
export class BusyError extends RequestError {
  override readonly name = 'BusyError'

  constructor(message: string) {
    super('busy', message)
  }
}

/** The caller may not ask this. */
export class ForbiddenError extends RequestError {
  override readonly name = 'ForbiddenError'

  constructor(message: string) {
    super('forbidden', message)
  }
}

/** What was asked for was stopped: by the user, or because what it was about is gone. */
export class CancelledError extends RequestError {
  override readonly name = 'CancelledError'

  constructor(message: string) {
    super('cancelled', message)
  }
}

/** An error of another thread, which has made it what crosses to the page already. */
export class ForwardedError extends Error {
  override readonly name = 'ForwardedError'
  readonly error: BridgeError

  constructor(error: BridgeError) {
    super(error.message)
    this.error = error
  }
}

/** What to say when memory did not suffice. @param doing what was under way. */
export const outOfMemory = (doing: string): string =>
  `${doing} took more memory than this machine or process can give: close other timelines, or open fewer files at once`

const FILE_ERRORS: Readonly<Record<string, { code: ErrorCode; reason: string }>> = {
  ENOENT: { code: 'not-found', reason: 'there is no such file' },
  EISDIR: { code: 'invalid-input', reason: 'this is a folder, not a file' },
  ENOTDIR: { code: 'not-found', reason: 'a part of the path is not a folder' },
  EACCES: { code: 'forbidden', reason: 'the system does not permit it' },
  EPERM: { code: 'forbidden', reason: 'the system does not permit it' },
  EROFS: { code: 'forbidden', reason: 'the file system is read-only' },
  ENOSPC: { code: 'internal', reason: 'the disk is full' },
}

function fileError(error: unknown): BridgeError | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  const known = FILE_ERRORS[error.code]
  if (known === undefined || !('path' in error) || typeof error.path !== 'string') return undefined
  return { code: known.code, message: `${error.path}: ${known.reason}` }
}

/** Errors whose cause is what the user gave, not us. */
function refusedInput(error: unknown): BridgeError | undefined {
  const code = 'invalid-input'
  if (error instanceof InvalidInputError) return { code, message: error.message, problems: error.problems }
  if (error instanceof BackendUnavailableError) {
    const problem = { path: 'backend', expected: 'a backend that works on this machine', given: quoteValue(error.backend) }
    return { code, message: error.message, problems: [problem] }
  }
  if (error instanceof TracePathError) return { code: 'not-found', message: error.message }
  if (error instanceof TraceFormatError || error instanceof ArenaTooLargeError) return { code, message: error.message }
  return undefined
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Turns anything thrown into what crosses to the page. A fault of ours is logged whole and crosses as its message.
 * @param doing what was under way, for the log.
 */
export function bridgeError(error: unknown, doing: string, log: Log): BridgeError {
  if (error instanceof RequestError) return { code: error.code, message: error.message }
  if (error instanceof ForwardedError) return error.error
  if (error instanceof SweepCancelledError || error instanceof CalibrationCancelledError) return { code: 'cancelled', message: error.message }
  const refused = refusedInput(error) ?? fileError(error)
  if (refused !== undefined) return refused
  log(doing, error)
  return { code: 'internal', message: `${doing}: ${messageOf(error)}` }
}
