import { SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import { type ArrowIndex, indexArrows } from './arrowIndex.ts'
import { orderByLane } from './laneOrder.ts'
import { sharedFloat64, sharedUint32 } from './columns.ts'
import { type CellIndex, CellsBuilder } from './spanCells.ts'
import type { SpanRows } from './spanRows.ts'
import type { SpanWaits } from './spanWaits.ts'
import type { SpanColumns, Timeline } from './timeline.ts'
import { indexWaits, type WaitIndex } from './waitIndex.ts'

export { indexHops } from './arrowIndex.ts'

/** Spans sorted for queries, as plain typed arrays on shared memory: one thread may build it and another adopt it. */
export interface SpanIndex extends SpanRows {
  /** Number of spans. */
  readonly count: number
  readonly cells: CellIndex
  readonly arrows: ArrowIndex
  /** Null where nothing is known to wait inside its spans. */
  readonly waits: WaitIndex | null
}

const CATEGORIES = SPAN_CATEGORIES.length

/** The nesting of one lane's spans: of each in order its depth and category as one number, `depth * CATEGORIES + category`. */
class Nesting {
  /** Valid up to the last lane's length. */
  keys = new Uint32Array(0)
  /** Spans by key; valid up to the lane's `keyCount`. */
  sizes = new Uint32Array(CATEGORIES * 16)
  keyCount = 0
  #openEnds = new Float64Array(16)

  read({ startNs, durationNs, category }: SpanColumns, order: Uint32Array): void {
    if (this.keys.length < order.length) this.keys = new Uint32Array(order.length)
    this.sizes.fill(0, 0, this.keyCount)
    let deepest = 0
    let depth = 0
    for (let at = 0; at < order.length; at++) {
      const index = order[at]
      const start = startNs[index]
      // A span without length that starts where another ends is beside it, not in it.
      while (depth > 0 && this.#openEnds[depth - 1] <= start) depth--
      if (depth === this.#openEnds.length) this.#deepen()
      const key = depth * CATEGORIES + category[index]
      this.#openEnds[depth++] = start + durationNs[index]
      this.keys[at] = key
      this.sizes[key]++
      if (depth > deepest) deepest = depth
    }
    this.keyCount = deepest * CATEGORIES
  }

  #deepen(): void {
    const ends = new Float64Array(this.#openEnds.length * 2)
    ends.set(this.#openEnds)
    this.#openEnds = ends
    const sizes = new Uint32Array(this.sizes.length * 2)
    sizes.set(this.sizes)
    this.sizes = sizes
  }
}

/**
 * Sorts a timeline's spans for queries. O(n) where lanes were recorded nearly in order, else O(n log n).
 * About 20 bytes a span and, for rows that are dense, some more for what is drawn from afar, and 24 bytes a span for
 * rows in which spans wait.
 * @param waits how communication kernels divide, so that their waiting is told when they are drawn.
 */
export function buildSpanIndex(timeline: Timeline, waits: SpanWaits | null = null): SpanIndex {
  const { spans, lanes } = timeline
  const startNs = sharedFloat64(spans.count)
  const endNs = sharedFloat64(spans.count)
  const span = sharedUint32(spans.count)
  const laneRows = sharedUint32(lanes.length + 1)
  const rows: { category: number; depth: number; from: number }[] = []
  const nesting = new Nesting()
  let filled = 0
  for (const [lane, order] of orderByLane(spans, lanes.length).entries()) {
    nesting.read(spans, order)
    const next = new Uint32Array(nesting.keyCount)
    for (let key = 0; key < nesting.keyCount; key++) {
      const size = nesting.sizes[key]
      if (size === 0) continue
      rows.push({ category: key % CATEGORIES, depth: Math.floor(key / CATEGORIES), from: filled })
      next[key] = filled
      filled += size
    }
    for (let at = 0; at < order.length; at++) {
      const index = order[at]
      const to = next[nesting.keys[at]]++
      const start = spans.startNs[index]
      startNs[to] = start
      endNs[to] = start + spans.durationNs[index]
      span[to] = index
    }
    laneRows[lane + 1] = rows.length
  }
  const rowFrom = sharedUint32(rows.length + 1)
  rowFrom.set(rows.map(({ from }) => from))
  rowFrom[rows.length] = filled
  const cells = new CellsBuilder()
  for (let row = 0; row < rows.length; row++) cells.addRow(startNs, endNs, span, rowFrom[row], rowFrom[row + 1])
  const sorted: SpanRows = {
    laneRows, rowCategory: Uint8Array.from(rows, ({ category }) => category), rowDepth: Uint32Array.from(rows, ({ depth }) => depth),
    rowFrom, startNs, endNs, span,
  }
  return {
    ...sorted, count: spans.count, cells: cells.finish(), arrows: indexArrows(timeline),
    waits: waits === null ? null : indexWaits(spans, sorted, waits),
  }
}
