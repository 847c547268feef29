/** The start or the end of a span, as B and E events give them. */
export interface Mark {
  readonly begins: boolean
  /** Empty for an end without a name, which ends whatever is open. */
  readonly name: string
  readonly timeNs: number
  readonly offset: number
}

export interface MatchHandlers<M extends Mark> {
  onSpan(begin: M, endNs: number): void
  /** A begin without an end: the span is closed at `endNs`. */
  onUnfinished(begin: M, endNs: number): void
  onUnmatchedEnd(end: M): void
}

/**
 * Pairs the begins and ends of one track. Marks may come in any order; of equal times file order holds. An end with a
 * name closes the innermost open span of that name (and, unfinished, those inside it); one without closes the innermost.
 * @param lastNs when spans end that never do.
 */
export function matchBeginEnd<M extends Mark>(marks: readonly M[], lastNs: number, handlers: MatchHandlers<M>): void {
  const open: M[] = []
  for (const mark of marks.toSorted((a, b) => a.timeNs - b.timeNs)) {
    if (mark.begins) {
      open.push(mark)
      continue
    }
    const at = mark.name === '' ? open.length - 1 : open.findLastIndex(({ name }) => name === mark.name || name === '')
    if (at < 0) {
      handlers.onUnmatchedEnd(mark)
      continue
    }
    for (const inner of open.splice(at + 1)) handlers.onUnfinished(inner, mark.timeNs)
    for (const begin of open.splice(at)) handlers.onSpan(begin, mark.timeNs)
  }
  for (const begin of open) handlers.onUnfinished(begin, Math.max(begin.timeNs, lastNs))
}
