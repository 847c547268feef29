/**
 * Bounds on differences of unknowns: x[to] - x[from] <= slackNs - share * transferNs, for a share of the fastest transfer
 * that one believes in.
 */
export interface DifferenceBound {
  readonly from: number
  readonly to: number
  readonly slackNs: number
  readonly transferNs: number
}

/** Times are whole ns, and some tools round them once more. */
const TOLERANCE_NS = 1
const SEARCH_STEPS = 24

const weightOf = ({ slackNs, transferNs }: DifferenceBound, share: number): number => slackNs - share * transferNs

/** Whether any values satisfy all bounds. Bellman-Ford from a point that is 0 from everywhere: no negative cycle. */
export function isFeasible(bounds: readonly DifferenceBound[], count: number, share: number): boolean {
  const distance = new Float64Array(count)
  for (let round = 0; round <= count; round++) {
    let changed = false
    for (const bound of bounds) {
      const through = distance[bound.from] + weightOf(bound, share) + TOLERANCE_NS
      if (through < distance[bound.to]) {
        distance[bound.to] = through
        changed = true
      }
    }
    if (!changed) return true
  }
  return false
}

/** The largest share of the fastest transfer, at most 1, under which the bounds hold together; null where even 0 is too much. */
export function largestShare(bounds: readonly DifferenceBound[], count: number): number | null {
  if (isFeasible(bounds, count, 1)) return 1
  if (!isFeasible(bounds, count, 0)) return null
  let [low, high] = [0, 1]
  for (let step = 0; step < SEARCH_STEPS; step++) {
    const middle = (low + high) / 2
    if (isFeasible(bounds, count, middle)) low = middle
    else high = middle
  }
  return low
}

/**
 * What the bounds together say of every pair: x[b] - x[a] <= result[a * count + b], infinite where nothing does.
 * Floyd-Warshall; the bounds are feasible.
 */
export function tightest(bounds: readonly DifferenceBound[], count: number, share: number): Float64Array {
  const distance = new Float64Array(count * count).fill(Number.POSITIVE_INFINITY)
  for (let at = 0; at < count; at++) distance[at * count + at] = 0
  for (const bound of bounds) {
    const at = bound.from * count + bound.to
    distance[at] = Math.min(distance[at], weightOf(bound, share) + TOLERANCE_NS)
  }
  for (let via = 0; via < count; via++) {
    for (let a = 0; a < count; a++) {
      const first = distance[a * count + via]
      if (first === Number.POSITIVE_INFINITY) continue
      for (let b = 0; b < count; b++) {
        const through = first + distance[via * count + b]
        if (through < distance[a * count + b]) distance[a * count + b] = through
      }
    }
  }
  return distance
}
