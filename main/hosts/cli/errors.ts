/** The command line asks for something that cannot be done. The message says what would have been accepted. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The user stopped the command before there was anything to report. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError'
  constructor() {
    super('cancelled')
  }
}

/** An error's message, whatever was thrown. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** True for what the operating system refused: no such folder, no permission, no space. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && typeof error.syscall === 'string' && 'errno' in error
}

/** A result could not be written where it was asked for. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}
