/**
 * Sets of instants as sorted, disjoint, non-touching intervals [starts[i], ends[i]). Integer ns in, integer ns out,
 * so that lengths are exact.
 */
export interface Intervals {
  readonly starts: readonly number[]
  readonly ends: readonly number[]
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

  get lastEnd(): number {
    return this.#ends.at(-1) ?? Number.NEGATIVE_INFINITY
  }

  /** The intervals as they were added: any order, overlaps allowed. Shares its arrays with the list. */
  raw(): Intervals {
    return { starts: this.#starts, ends: this.#ends }
  }
}

const isSorted = (values: readonly number[]): boolean => {
  for (let index = 1; index < values.length; index++) if (values[index] < values[index - 1]) return false
  return true
}

/**
 * The union. Touching intervals merge, as in HTA's `merge_kernel_intervals`; empty ones vanish.
 * @param raw intervals in any order, overlaps allowed.
 */
export function union(raw: Intervals): Intervals {
  const { starts, ends } = raw
  if (starts.length === 0) return NO_INTERVALS
  const order = isSorted(starts)
    ? null
    : Uint32Array.from({ length: starts.length }, (_, index) => index).sort((a, b) => starts[a] - starts[b])
  const merged = new IntervalList()
  for (let position = 0; position < starts.length; position++) {
    const index = order === null ? position : order[position]
    const start = starts[index]
    const end = ends[index]
    if (end <= start) continue
    if (start > merged.lastEnd) merged.add(start, end)
    else if (end > merged.lastEnd) merged.extendLast(end)
  }
  return merged.raw()
}

/** U(a ∪ b). */
export function unite(a: Intervals, b: Intervals): Intervals {
  if (a.starts.length === 0) return b
  if (b.starts.length === 0) return a
  const all = new IntervalList()
  for (const part of [a, b]) for (let index = 0; index < part.starts.length; index++) all.add(part.starts[index], part.ends[index])
  return union(all.raw())
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
