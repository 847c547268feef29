import type { RatesRequest } from './protocol.ts'

export type Level = 'l1' | 'l2' | 'l3' | 'memory'

/** What a level's bandwidth is measured on. */
export interface LevelBuffer {
  readonly level: Level
  readonly bytes: number
}

/** One round of the reading loop. */
const GRANULE = 128
/** Past this much a kernel's working set does not grow, and one tenant's share of a shared L3 is seldom more. */
const L3_BYTES_PER_L2 = 16
/** What no core's share of a cache holds, in units of the last level; and enough where that is huge. */
const MEMORY_PER_CACHE = 4
const MOST_MEMORY_BYTES = 2 ** 30
const LEAST_MEMORY_BYTES = 64 * 2 ** 20
/** Share of the free memory that may be taken for a moment. */
const FREE_SHARE = 0.25

const granules = (bytes: number): number => Math.floor(bytes / GRANULE) * GRANULE

/**
 * Buffers whose reading shows each level: half of a cache, since the rest holds whatever else is going on, of L3 at most 16
 * times the L2; for memory four times the last cache, at most 1 GiB and a quarter of what is free. A level is left out where its
 * size is unknown or where its buffer would fit the level before it.
 * @param freeBytes memory that is free now.
 */
export function levelBuffers({ l1d, l2, l3 }: RatesRequest['caches'], freeBytes: number): LevelBuffer[] {
  const buffers: LevelBuffer[] = []
  if (l1d !== null) buffers.push({ level: 'l1', bytes: granules(l1d / 2) })
  if (l2 !== null && l2 / 2 > (l1d ?? 0)) buffers.push({ level: 'l2', bytes: granules(l2 / 2) })
  if (l3 !== null && l2 !== null) {
    const bytes = granules(Math.min(l3 / 2, L3_BYTES_PER_L2 * l2))
    if (bytes > l2) buffers.push({ level: 'l3', bytes })
  }
  const last = l3 ?? l2 ?? l1d ?? 0
  const bytes = granules(Math.min(Math.max(MEMORY_PER_CACHE * last, LEAST_MEMORY_BYTES), MOST_MEMORY_BYTES, freeBytes * FREE_SHARE))
  if (bytes > last) buffers.push({ level: 'memory', bytes })
  return buffers
}
