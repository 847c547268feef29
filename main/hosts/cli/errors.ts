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

/** A result could not be written where it was asked for. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}
