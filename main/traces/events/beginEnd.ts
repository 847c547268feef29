import { groupRows } from './columns/groupRows.ts'
import { NONE } from './fileRows.ts'
import type { MarkColumns, MarkHandlers } from './markColumns.ts'

/** The open beginnings of one thread, innermost last, and how many there are of each name: most ends that close none are known by that. */
class OpenStack {
  readonly #names: Uint32Array
  readonly #rows: number[] = []
  readonly #ofName = new Map<number, number>()

  constructor(names: Uint32Array) {
    this.#names = names
  }

  push(row: number): void {
    this.#rows.push(row)
    this.#count(row, 1)
  }

  /** Takes the innermost; NONE where there is none. */
  pop(): number {
    const row = this.#rows.pop()
    if (row === undefined) return NONE
    this.#count(row, -1)
    return row
  }

  /** How many are inside the innermost that an end of this name closes, itself counted; 0 where there is none. */
  depthOf(name: number): number {
    const rows = this.#rows
    if (name === 0) return Math.min(1, rows.length)
    if (this.#open(name) + this.#open(0) === 0) return 0
    const closes = rows.findLastIndex((begin) => this.#names[begin] === name || this.#names[begin] === 0)
    return rows.length - closes
  }

  #open(name: number): number {
    return this.#ofName.get(name) ?? 0
  }

  #count(row: number, change: number): void {
    const name = this.#names[row]
    this.#ofName.set(name, this.#open(name) + change)
  }
}

/**
 * Pairs the begins and ends (B, E) of each thread. They may come in any order; of equal times file order holds. An end
 * with a name closes the innermost open span of that name (and, unfinished, those inside it); one without closes the
 * innermost.
 * @param threads number of groups.
 * @param lastNs when spans end that never do.
 */
export function matchBeginEnd(marks: MarkColumns, threads: number, lastNs: number, handlers: MarkHandlers): void {
  const { name, span, timeNs } = marks
  const { rows, from } = groupRows(marks.group, threads, timeNs)
  const open = new OpenStack(name)
  for (let thread = 0; thread < threads; thread++) {
    for (let at = from[thread]; at < from[thread + 1]; at++) {
      const row = rows[at]
      if (span[row] !== NONE) {
        open.push(row)
        continue
      }
      const depth = open.depthOf(name[row])
      if (depth === 0) {
        handlers.onUnmatchedEnd(row)
        continue
      }
      for (let inside = 1; inside < depth; inside++) handlers.onUnfinished(open.pop(), timeNs[row])
      handlers.onSpan(open.pop(), row)
    }
    for (let begin = open.pop(); begin !== NONE; begin = open.pop()) handlers.onUnfinished(begin, Math.max(timeNs[begin], lastNs))
  }
}
