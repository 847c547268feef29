import { groupRows } from './columns/groupRows.ts'
import { TripleTable } from './columns/tripleTable.ts'
import { NONE } from './fileRows.ts'
import type { MarkColumns, MarkHandlers } from './markColumns.ts'

export interface AsyncHandlers extends MarkHandlers {
  /** An end that is earlier than its beginning: some tools write 0 for a time they do not know. */
  onEndBeforeBegin(begin: number, end: number): void
}

/** In place of a name or a thread: any. Names and threads are numbered from 0. */
const ANY = 0xffff_ffff
/** Each beginning is on the stacks of its name and thread, of its name, of its thread, and of all. */
const STACKS = 4

/** The open beginnings of one id, as stacks that are linked through the rows; what is closed is passed over later. */
class OpenBegins {
  readonly #marks: MarkColumns
  readonly #stacks = new TripleTable()
  /** Topmost row of each stack and, by row, the next one below on each of its stacks; NONE for none. */
  readonly #top: number[] = []
  readonly #below: Uint32Array
  readonly #isOpen: Uint8Array

  constructor(marks: MarkColumns) {
    this.#marks = marks
    this.#below = new Uint32Array(STACKS * marks.count)
    this.#isOpen = new Uint8Array(marks.count)
  }

  isOpen(row: number): boolean {
    return this.#isOpen[row] === 1
  }

  open(row: number): void {
    const name = this.#marks.name[row]
    const thread = this.#marks.thread[row]
    this.#isOpen[row] = 1
    this.#push(row, 0, name, thread)
    this.#push(row, 1, name, ANY)
    this.#push(row, 2, ANY, thread)
    this.#push(row, 3, ANY, ANY)
  }

  /**
   * Closes the beginning that an end belongs to. An id may be in use on several threads and for several things at once
   * (NCCL's profiler plugin counts them by thread), so name and thread go before nesting.
   * @returns its row; NONE where there is none
   */
  closeBy(end: number): number {
    const thread = this.#marks.thread[end]
    const name = this.#marks.name[end] === 0 ? ANY : this.#marks.name[end]
    let begin = this.#innermost(name === ANY ? 2 : 0, name, thread)
    if (begin === NONE) begin = this.#innermost(name === ANY ? 3 : 1, name, ANY)
    if (begin !== NONE) this.#isOpen[begin] = 0
    return begin
  }

  close(row: number): void {
    this.#isOpen[row] = 0
  }

  #stack(name: number, thread: number): number {
    const stack = this.#stacks.indexOf(name, thread, 0)
    if (stack === this.#top.length) this.#top.push(NONE)
    return stack
  }

  #push(row: number, which: number, name: number, thread: number): void {
    const stack = this.#stack(name, thread)
    this.#below[STACKS * row + which] = this.#top[stack]
    this.#top[stack] = row
  }

  #innermost(which: number, name: number, thread: number): number {
    const stack = this.#stack(name, thread)
    let row = this.#top[stack]
    while (row !== NONE && this.#isOpen[row] === 0) row = this.#below[STACKS * row + which]
    this.#top[stack] = row
    return row
  }
}

/**
 * Pairs the begins and ends of asynchronous spans (b, e and the older S, F) that share a process, category and id.
 * They may come in any order; of equal times file order holds.
 * @param keys number of groups.
 * @param lastNs when spans end that never do.
 */
export function matchAsync(marks: MarkColumns, keys: number, lastNs: number, handlers: AsyncHandlers): void {
  const { span, timeNs } = marks
  const { rows, from } = groupRows(marks.group, keys, timeNs)
  const begins = new OpenBegins(marks)
  const early: number[] = []
  for (let key = 0; key < keys; key++) {
    for (let at = from[key]; at < from[key + 1]; at++) {
      const row = rows[at]
      if (span[row] !== NONE) begins.open(row)
      else {
        const begin = begins.closeBy(row)
        if (begin === NONE) early.push(row)
        else handlers.onSpan(begin, row)
      }
    }
    for (const end of early) {
      const begin = begins.closeBy(end)
      if (begin === NONE) handlers.onUnmatchedEnd(end)
      else handlers.onEndBeforeBegin(begin, end)
    }
    early.length = 0
    for (let at = from[key]; at < from[key + 1]; at++) {
      const row = rows[at]
      if (!begins.isOpen(row)) continue
      begins.close(row)
      handlers.onUnfinished(row, Math.max(timeNs[row], lastNs))
    }
  }
}
