import type { MarkRows } from './fileRows.ts'

/** Beginnings and ends of a file, as columns. */
export interface MarkColumns {
  readonly count: number
  /** Only marks of one group match. */
  readonly group: Uint32Array
  readonly thread: Uint32Array
  /** Number of a text; 0 for none. */
  readonly name: Uint32Array
  readonly timeNs: Float64Array
  /** The span in the file that a beginning opened; NONE for an end. */
  readonly span: Uint32Array
  readonly template: Uint32Array
  readonly digitsAt: Uint32Array
  readonly offset: Float64Array
}

/** Takes the rows, which are empty afterwards. */
export const takeMarks = (rows: MarkRows): MarkColumns => ({
  count: rows.count, group: rows.take('group'), thread: rows.take('thread'), name: rows.take('name'), timeNs: rows.take('timeNs'),
  span: rows.take('span'), template: rows.take('template'), digitsAt: rows.take('digitsAt'), offset: rows.take('offset'),
})

/** What becomes of marks. All arguments are rows. */
export interface MarkHandlers {
  onSpan(begin: number, end: number): void
  /** A beginning without an end: its span is closed at `endNs`. */
  onUnfinished(begin: number, endNs: number): void
  onUnmatchedEnd(end: number): void
}
