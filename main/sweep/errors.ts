import type { Tile } from '../../kernels/sweep/protocol.ts'

/** The sweep was cancelled; nothing of it is left running. */
export class SweepCancelledError extends Error {
  override readonly name = 'SweepCancelledError'
  constructor() {
    super('the sweep was cancelled')
  }
}

/** The measuring process ended before it was done. */
export class SweepFailedError extends Error {
  override readonly name = 'SweepFailedError'
  /** The tile it was last heard of, null before the first. */
  readonly lastTile: Tile | null
  constructor(reason: string, lastTile: Tile | null) {
    super(`the sweep failed ${lastTile === null ? 'before the first tile' : `after a measurement of tile ${lastTile.blockQ} x ${lastTile.blockK}`}: ${reason}`)
    this.lastTile = lastTile
  }
}
