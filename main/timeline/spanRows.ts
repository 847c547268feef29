import { lowerBound } from './sortByKey.ts'
import type { SpanColumns } from './timeline.ts'

/**
 * Spans sorted into rows. A row holds the spans of one lane, nesting depth and category: disjoint, so that starts and
 * ends ascend together. Rows are sorted by lane, depth, category. Row r has the positions `rowFrom[r]` to `rowFrom[r + 1]`.
 */
export interface SpanRows {
  /** Rows of lane l: `laneRows[l]` to `laneRows[l + 1]`. */
  readonly laneRows: Uint32Array
  readonly rowCategory: Uint8Array
  readonly rowDepth: Uint32Array
  readonly rowFrom: Uint32Array
  /** By position. Copied out of the timeline's columns in order, so that a query reads memory front to back. */
  readonly startNs: Float64Array
  readonly endNs: Float64Array
  /** Index of the span in the timeline's columns. */
  readonly span: Uint32Array
}

/** The row and the position of a span. @throws RangeError where the rows are of other spans. */
export function placeOfSpan(rows: SpanRows, { lane, startNs }: Pick<SpanColumns, 'lane' | 'startNs'>, span: number): { readonly row: number; readonly at: number } {
  for (let row = rows.laneRows[lane[span]]; row < rows.laneRows[lane[span] + 1]; row++) {
    const to = rows.rowFrom[row + 1]
    for (let at = lowerBound(rows.startNs, startNs[span], rows.rowFrom[row], to); at < to && rows.startNs[at] === startNs[span]; at++) {
      if (rows.span[at] === span) return { row, at }
    }
  }
  throw new RangeError(`span index: span ${span} is in no row of lane ${lane[span]}`)
}
