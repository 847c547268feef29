/** Shorter runs are made this long by insertion before any are merged. */
const SHORTEST_RUN = 32

/** First position in `values[from..to)` (ascending) that is not below `limit`. Gallops: near answers are found fast. */
export function lowerBound(values: Float64Array, limit: number, from = 0, to = values.length): number {
  let low = from
  let step = 1
  while (low + step < to && values[low + step] < limit) {
    low += step
    step *= 2
  }
  let high = Math.min(to, low + step)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle] < limit) low = middle + 1
    else high = middle
  }
  return low
}

/** First position in `values[from..to)` (ascending) that is above `limit`. */
export function upperBound(values: Float64Array, limit: number, from = 0, to = values.length): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle] <= limit) low = middle + 1
    else high = middle
  }
  return low
}

function insertFrom(keys: Float64Array, values: Uint32Array, from: number, sortedTo: number, to: number): void {
  for (let at = sortedTo; at < to; at++) {
    const key = keys[at]
    const value = values[at]
    let hole = at
    for (; hole > from && keys[hole - 1] > key; hole--) {
      keys[hole] = keys[hole - 1]
      values[hole] = values[hole - 1]
    }
    keys[hole] = key
    values[hole] = value
  }
}

/** Where sorted runs begin, and the end; runs that came short are sorted to {@link SHORTEST_RUN}. */
function findRuns(keys: Float64Array, values: Uint32Array, from: number, to: number): number[] {
  const starts = [from]
  for (let at = from; at < to;) {
    let end = at + 1
    while (end < to && keys[end - 1] <= keys[end]) end++
    if (end - at < SHORTEST_RUN && end < to) {
      const longer = Math.min(at + SHORTEST_RUN, to)
      insertFrom(keys, values, at, end, longer)
      end = longer
    }
    starts.push(end)
    at = end
  }
  return starts
}

/** Room for the left of two runs while they are merged. */
class Merger {
  #keys = new Float64Array(0)
  #values = new Uint32Array(0)

  /** Merges neighbouring sorted runs; of equal keys the left comes first. Touches only where the two overlap. */
  merge(keys: Float64Array, values: Uint32Array, runFrom: number, middle: number, runTo: number): void {
    if (keys[middle - 1] <= keys[middle]) return
    const from = upperBound(keys, keys[middle], runFrom, middle)
    const to = lowerBound(keys, keys[middle - 1], middle, runTo)
    const length = middle - from
    if (this.#keys.length < length) {
      this.#keys = new Float64Array(length * 2)
      this.#values = new Uint32Array(length * 2)
    }
    const leftKeys = this.#keys
    const leftValues = this.#values
    leftKeys.set(keys.subarray(from, middle))
    leftValues.set(values.subarray(from, middle))
    let left = 0
    let right = middle
    let into = from
    while (left < length && right < to) {
      if (keys[right] < leftKeys[left]) {
        keys[into] = keys[right]
        values[into++] = values[right++]
      } else {
        keys[into] = leftKeys[left]
        values[into++] = leftValues[left++]
      }
    }
    keys.set(leftKeys.subarray(left, length), into)
    values.set(leftValues.subarray(left, length), into)
  }
}

/**
 * Sorts `keys[from..to)` ascending and takes `values` along; stable. A natural merge sort: O(n) where in order, little
 * more where runs are out of place by little, as in recorded traces, and O(n log n) at worst. Keys must not be NaN.
 * @returns whether anything moved.
 */
export function sortByKey(keys: Float64Array, values: Uint32Array, from = 0, to = keys.length): boolean {
  let sortedTo = from + 1
  while (sortedTo < to && keys[sortedTo - 1] <= keys[sortedTo]) sortedTo++
  if (sortedTo >= to) return false
  const merger = new Merger()
  let runs = findRuns(keys, values, from, to)
  while (runs.length > 2) {
    const merged: number[] = []
    let run = 0
    for (; run + 2 < runs.length; run += 2) {
      merger.merge(keys, values, runs[run], runs[run + 1], runs[run + 2])
      merged.push(runs[run])
    }
    if (run + 1 < runs.length) merged.push(runs[run])
    merged.push(to)
    runs = merged
  }
  return true
}
