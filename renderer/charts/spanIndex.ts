import type { Viewport } from '../../preload/contract/timeline.ts'
import { WAIT_CATEGORY, type WaitBatch, waitBatches } from './waitBatches.ts'

/** The drawn spans of one lane, category and depth: one graphic element. Starts ascend. */
export interface SpanBatch {
  readonly lane: number
  readonly category: number
  readonly depth: number
  readonly startNs: Float64Array
  readonly endNs: Float64Array
}

/** A viewport's columns, cut up for drawing and for finding what is under the pointer. */
export interface SpanIndex {
  readonly viewport: Viewport
  readonly batches: readonly SpanBatch[]
  readonly waits: readonly WaitBatch[]
  /** Half-open range of each lane's spans in the viewport's columns. */
  readonly laneRange: ReadonlyMap<number, readonly [number, number]>
  /** Latest end of the lane's spans up to and including each column entry: bounds the search to the left. */
  readonly latestEndNs: Float64Array
}

/** Of categories and of depths: both are bytes. */
const CODES = 256

/** @param viewport columns sorted by lane, then start */
export function indexSpans(viewport: Viewport): SpanIndex {
  const { lane, category, depth, spanStartNs, spanEndNs } = viewport
  const keyOf = (at: number): number => (lane[at] * CODES + category[at]) * CODES + depth[at]
  const laneRange = new Map<number, [number, number]>()
  const latestEndNs = new Float64Array(lane.length)
  const sizes = new Map<number, number>()
  for (let at = 0; at < lane.length; at++) {
    const range = laneRange.get(lane[at])
    if (range === undefined) laneRange.set(lane[at], [at, at + 1])
    else range[1] = at + 1
    latestEndNs[at] = range === undefined ? spanEndNs[at] : Math.max(latestEndNs[at - 1], spanEndNs[at])
    const key = keyOf(at)
    sizes.set(key, (sizes.get(key) ?? 0) + 1)
  }
  const filled = new Map<number, { batch: SpanBatch; used: number }>()
  for (const [key, size] of sizes) {
    filled.set(key, {
      used: 0,
      batch: {
        lane: Math.floor(key / (CODES * CODES)), category: Math.floor(key / CODES) % CODES, depth: key % CODES,
        startNs: new Float64Array(size), endNs: new Float64Array(size),
      },
    })
  }
  for (let at = 0; at < lane.length; at++) {
    const entry = filled.get(keyOf(at))
    if (entry === undefined) continue
    entry.batch.startNs[entry.used] = spanStartNs[at]
    entry.batch.endNs[entry.used] = spanEndNs[at]
    entry.used++
  }
  return { viewport, batches: [...filled.values()].map(({ batch }) => batch), waits: waitBatches(viewport), laneRange, latestEndNs }
}

/** Codes of the categories whose looks are drawn. */
export function drawnCategories({ batches, waits }: Pick<SpanIndex, 'batches' | 'waits'>): ReadonlySet<number> {
  const drawn = new Set(batches.map(({ category }) => category))
  return waits.length === 0 ? drawn : drawn.add(WAIT_CATEGORY)
}

const ALL_DEPTHS = [0, Number.POSITIVE_INFINITY] as const

/** First index in [from, to) whose value is above the limit; values ascend. */
function firstAbove(values: Float64Array, limit: number, from: number, to: number): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle] <= limit) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The drawn span at a time of a lane: of those that contain it the shortest (the innermost), else the nearest within
 * the tolerance, so that a span of one pixel can be pointed at.
 * @param depths half-open range of the depths to look in
 * @returns its place in the viewport's columns, null when there is none
 */
export function spanAt(
  index: SpanIndex, lane: number, timeNs: number, toleranceNs: number, depths: readonly [number, number] = ALL_DEPTHS,
): number | null {
  const range = index.laneRange.get(lane)
  if (range === undefined) return null
  const { spanStartNs, spanEndNs, depth } = index.viewport
  let best: number | null = null
  let bestDistance = Number.POSITIVE_INFINITY
  let bestDuration = Number.POSITIVE_INFINITY
  for (let at = firstAbove(spanStartNs, timeNs + toleranceNs, ...range) - 1; at >= range[0]; at--) {
    if (index.latestEndNs[at] < timeNs - toleranceNs) break
    const distance = Math.max(0, spanStartNs[at] - timeNs, timeNs - spanEndNs[at])
    const duration = spanEndNs[at] - spanStartNs[at]
    if (distance > toleranceNs || depth[at] < depths[0] || depth[at] >= depths[1]) continue
    if (distance < bestDistance || (distance === bestDistance && duration < bestDuration)) {
      best = at
      bestDistance = distance
      bestDuration = duration
    }
  }
  return best
}
