/** The sweep was cancelled before anything was measured; nothing of it is left running. */
export class SweepCancelledError extends Error {
  override readonly name = 'SweepCancelledError'
  constructor() {
    super('the sweep was cancelled before anything was measured')
  }
}

/** What measures ended before it was done. */
export class SweepFailedError extends Error {
  override readonly name = 'SweepFailedError'
  /** The cell it was last heard of, in words; null before the first. */
  readonly lastCell: string | null
  constructor(reason: string, lastCell: string | null) {
    super(`the sweep failed ${lastCell === null ? 'before the first cell' : `after a measurement of ${lastCell}`}: ${reason}`)
    this.lastCell = lastCell
  }
}
