import type { ConcreteBackendId, RankShape } from '../backends/backend.ts'
import type { KeyRanges } from '../plan/keyRanges.ts'

/** Bytes that a kernel reads or writes again and again, out of a set of bytes that it goes through in turn. */
export interface Stream {
  readonly bytes: number
  /** What is touched between two visits: the cache that holds this much serves the stream. */
  readonly setBytes: number
  /** Whether the reads go on beside arithmetic, in the same loop; else they are operations of their own. */
  readonly overlapped: boolean
}

/** What a kernel does in one measurement of a tile, counted. */
export interface TileWork {
  /**
   * Things with a cost of their own, whatever they compute: register tiles of the fused kernel (loading and storing their
   * accumulators, entering and leaving the loop), operations of the generic one.
   */
  readonly units: number
  /** Rows of tiles that operations go through one by one, each with a beginning and an end of its own. */
  readonly rows: number
  /** Floating point operations, those on masked pairs of tiles that are computed whole included. */
  readonly flops: number
  readonly streams: readonly Stream[]
}

/** One measurement of a sweep: a block, its mask and a tile. */
export interface TiledBlock {
  readonly backend: ConcreteBackendId
  readonly shape: RankShape
  /** One entry for all batch items, or one for each. */
  readonly ranges: readonly KeyRanges[]
  readonly backward: boolean
}
