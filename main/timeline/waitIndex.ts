import { sharedFloat64 } from './columns.ts'
import { placeOfSpan, type SpanRows } from './spanRows.ts'
import type { SpanWaits } from './spanWaits.ts'
import type { SpanColumns } from './timeline.ts'

/** How much of the time of neighbouring spans is waiting, for any stretch of a row at once. */
export interface WaitIndex {
  /** By row: where its sums begin; -1 for a row in which nothing waits. */
  readonly rowSums: Int32Array
  /** Sums over the spans of a row that precede each position: a row of n spans has n + 1 of them. */
  readonly spanNs: Float64Array
  readonly waitNs: Float64Array
  /** The part of `waitNs` that is an estimate. */
  readonly estimatedNs: Float64Array
}

/** What part of a drawn span is waiting, 0..1, and whether most of that is an estimate. */
export interface WaitShare {
  readonly share: number
  readonly estimated: boolean
}

/** Sums up waits in rows. Rows in which nothing waits, most of them, take no room. @returns null where nothing waits at all. */
export function indexWaits(spans: SpanColumns, rows: SpanRows, waits: SpanWaits): WaitIndex | null {
  const waiting = [...waits.span.keys()].filter((at) => waits.waitNs[at] > 0)
  if (waiting.length === 0) return null
  const places = waiting.map((at) => placeOfSpan(rows, spans, waits.span[at]))
  const rowSums = new Int32Array(rows.rowCategory.length).fill(-1)
  let sums = 0
  for (const { row } of places) {
    if (rowSums[row] >= 0) continue
    rowSums[row] = sums
    sums += rows.rowFrom[row + 1] - rows.rowFrom[row] + 1
  }
  const [spanNs, waitNs, estimatedNs] = [sharedFloat64(sums), sharedFloat64(sums), sharedFloat64(sums)]
  for (const [which, { row, at }] of places.entries()) {
    const after = rowSums[row] + at - rows.rowFrom[row] + 1
    waitNs[after] = waits.waitNs[waiting[which]]
    estimatedNs[after] = waits.estimated[waiting[which]] * waitNs[after]
  }
  for (let row = 0; row < rowSums.length; row++) {
    if (rowSums[row] < 0) continue
    for (let at = rows.rowFrom[row], into = rowSums[row] + 1; at < rows.rowFrom[row + 1]; at++, into++) {
      spanNs[into] = spanNs[into - 1] + rows.endNs[at] - rows.startNs[at]
      waitNs[into] += waitNs[into - 1]
      estimatedNs[into] += estimatedNs[into - 1]
    }
  }
  return { rowSums, spanNs, waitNs, estimatedNs }
}

/** Of the spans from one sum of a row to another. */
export function waitShare({ spanNs, waitNs, estimatedNs }: WaitIndex, from: number, to: number): WaitShare {
  const waited = waitNs[to] - waitNs[from]
  if (waited <= 0) return { share: 0, estimated: false }
  return { share: waited / (spanNs[to] - spanNs[from]), estimated: 2 * (estimatedNs[to] - estimatedNs[from]) > waited }
}
