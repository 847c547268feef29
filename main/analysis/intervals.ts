/**
 * Sets of instants as sorted, disjoint, non-touching intervals [starts[i], ends[i]). Integer ns in, integer ns out,
 * so that lengths are exact.
 */
export interface Intervals {
  readonly starts: ArrayLike<number>
  readonly ends: ArrayLike<number>
}

export const NO_INTERVALS: Intervals = { starts: [], ends: [] }

/**
 * Gathers intervals. Plain arrays: an analysis makes many thousand short lists, and a typed array costs more to make
 * than the few numbers it would hold.
 */
export class IntervalList {
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  get count(): number {
    return this.#starts.length
  }

  add(start: number, end: number): void {
    this.#starts.push(start)
    this.#ends.push(end)
  }

  /** Replaces the end of the last interval. */
  extendLast(end: number): void {
    this.#ends[this.#ends.length - 1] = end
  }

  /** The intervals as they were added: any order, overlaps allowed. Shares its arrays with the list. */
  raw(): Intervals {
    return { starts: this.#starts, ends: this.#ends }
  }
}

/** Copies of the starts and of the ends of those that are not empty, each sorted by itself. */
function sortedBounds({ starts, ends }: Intervals): { readonly starts: Float64Array; readonly ends: Float64Array } {
  let kept = 0
  const from = new Float64Array(starts.length)
  const to = new Float64Array(starts.length)
  for (let index = 0; index < starts.length; index++) {
    if (ends[index] <= starts[index]) continue
    from[kept] = starts[index]
    to[kept++] = ends[index]
  }
  return { starts: from.subarray(0, kept).sort(), ends: to.subarray(0, kept).sort() }
}

const isSorted = (values: ArrayLike<number>): boolean => {
  for (let index = 1; index < values.length; index++) if (values[index] < values[index - 1]) return false
  return true
}

function unionInOrder({ starts, ends }: Intervals): Intervals {
  const merged = new IntervalList()
  let openNs = Number.NEGATIVE_INFINITY
  for (let index = 0; index < starts.length; index++) {
    const start = starts[index]
    const end = ends[index]
    if (end <= start || end <= openNs) continue
    if (start > openNs) merged.add(start, end)
    else merged.extendLast(end)
    openNs = end
  }
  return merged.raw()
}

/**
 * The union. Touching intervals merge, as in HTA's `merge_kernel_intervals`; empty ones vanish.
 * @param raw intervals in any order, overlaps allowed.
 */
export function union(raw: Intervals): Intervals {
  if (raw.starts.length === 0) return NO_INTERVALS
  if (isSorted(raw.starts)) return unionInOrder(raw)
  // Which end belongs to which start does not matter: something is open as long as more have started than ended. Sorting
  // bare numbers takes a tenth of the time that sorting indices by them does.
  const { starts, ends } = sortedBounds(raw)
  const merged = new IntervalList()
  let first = 0
  for (let started = 1; started <= starts.length; started++) {
    // All that had started before this one had ended before it.
    if (started < starts.length && ends[started - 1] >= starts[started]) continue
    merged.add(starts[first], ends[started - 1])
    first = started
  }
  return merged.raw()
}

/** U(a ∪ b), of unions. */
export function unite(a: Intervals, b: Intervals): Intervals {
  if (a.starts.length === 0) return b
  if (b.starts.length === 0) return a
  const merged = new IntervalList()
  let openNs = Number.NEGATIVE_INFINITY
  for (let i = 0, j = 0; i < a.starts.length || j < b.starts.length;) {
    const fromA = j === b.starts.length || (i < a.starts.length && a.starts[i] <= b.starts[j])
    const start = fromA ? a.starts[i] : b.starts[j]
    const end = fromA ? a.ends[i++] : b.ends[j++]
    if (end <= openNs) continue
    if (start > openNs) merged.add(start, end)
    else merged.extendLast(end)
    openNs = end
  }
  return merged.raw()
}

/** a ∩ b, of unions. */
export function intersect(a: Intervals, b: Intervals): Intervals {
  if (a.starts.length === 0 || b.starts.length === 0) return NO_INTERVALS
  const both = new IntervalList()
  let i = 0
  let j = 0
  while (i < a.starts.length && j < b.starts.length) {
    const start = Math.max(a.starts[i], b.starts[j])
    const end = Math.min(a.ends[i], b.ends[j])
    if (end > start) both.add(start, end)
    if (a.ends[i] < b.ends[j]) i++
    else j++
  }
  return both.raw()
}

/** a \ b, of unions. */
export function subtract(a: Intervals, b: Intervals): Intervals {
  const rest = new IntervalList()
  let j = 0
  for (let i = 0; i < a.starts.length; i++) {
    let from = a.starts[i]
    const end = a.ends[i]
    while (j < b.starts.length && b.ends[j] <= from) j++
    for (let k = j; k < b.starts.length && b.starts[k] < end; k++) {
      if (b.starts[k] > from) rest.add(from, b.starts[k])
      from = Math.max(from, b.ends[k])
    }
    if (from < end) rest.add(from, end)
  }
  return rest.raw()
}

/** U: the summed length of a union. */
export function totalLength(intervals: Intervals): number {
  let total = 0
  for (let index = 0; index < intervals.starts.length; index++) total += intervals.ends[index] - intervals.starts[index]
  return total
}

/** The one interval [start, end), or none where it is empty. */
export function interval(start: number, end: number): Intervals {
  return end > start ? { starts: [start], ends: [end] } : NO_INTERVALS
}
