import { unlikeness } from './neededKernels.ts'

/** What aligning looks at: kernels of one rank, by start. */
export interface SequenceEntry {
  readonly order: number
  readonly startNs: number
  readonly endNs: number
}

/** How many kernels a shift is judged by, and how much further than their difference in number windows may be apart. */
const PROBE = 200
const REACH = 64
/** Shifts whose disagreement is up to this many times the least are rivals: of them the one with the longest overlap counts. */
const CLEARLY = 3
/** A shift is judged by so many at least, and by half of those that could meet. */
const FEWEST = 8

/** Where orders are sequence numbers, the same on both sides: at least half of the shorter list is found in the other. */
function byOrder(a: readonly SequenceEntry[], b: readonly SequenceEntry[]): (number | null)[] | null {
  const at = new Map(b.map(({ order }, index) => [order, index]))
  const found = a.map(({ order }) => at.get(order) ?? null)
  return found.filter((index) => index !== null).length * 2 >= Math.min(a.length, b.length) ? found : null
}

/**
 * How unlike the two are when a[i] meets b[i + shift]: the mean distance of their end differences from the median one.
 * It does not depend on the offset of their clocks, and pauses that do not meet weigh heavily. Infinite where too few meet.
 */
function disagreement(a: readonly SequenceEntry[], b: readonly SequenceEntry[], shift: number, from: number, to: number): number {
  const differences: number[] = []
  for (let i = Math.max(from, -shift); i < Math.min(to, b.length - shift); i++) differences.push(a[i].endNs - b[i + shift].endNs)
  if (differences.length < FEWEST || differences.length * 2 < Math.min(to - from, b.length)) return Number.POSITIVE_INFINITY
  return unlikeness(differences)
}

/**
 * Which kernel of `b` is the same operation as each of `a`: by position if there are equally many and sequence numbers do
 * not make their ends more alike. If not, windows were cut differently: sequence numbers tell, else they are shifted until
 * ends keep the same distance.
 * @param numbered whether orders are sequence numbers
 * @returns index into `b` by index into `a`, null where there is none; null altogether where no shift stands out.
 */
export function alignSequences(a: readonly SequenceEntry[], b: readonly SequenceEntry[], numbered: boolean): (number | null)[] | null {
  const shifted = (shift: number): (number | null)[] => a.map((_, i) => (b[i + shift] === undefined ? null : i + shift))
  const ordered = numbered ? byOrder(a, b) : null
  if (a.length === b.length) {
    const unlikeOf = (met: readonly (number | null)[]): number => unlikeness(met.flatMap((index, i) => (index === null ? [] : [a[i].endNs - b[index].endNs])))
    // Sends and receives are not always numbered alike.
    return ordered !== null && unlikeOf(ordered) < unlikeOf(shifted(0)) ? ordered : shifted(0)
  }
  if (ordered !== null) return ordered
  const from = Math.max(0, (a.length - PROBE) >> 1)
  const to = Math.min(a.length, from + PROBE)
  const reach = Math.abs(b.length - a.length) + REACH
  const costs = new Map<number, number>()
  for (let shift = -reach; shift <= reach; shift++) costs.set(shift, disagreement(a, b, shift, from, to))
  const least = Math.min(...costs.values())
  if (least === Number.POSITIVE_INFINITY) return null
  const overlap = (shift: number): number => Math.min(a.length, b.length - shift) - Math.max(0, -shift)
  const [best, rival] = [...costs].filter(([, cost]) => cost <= least * CLEARLY).map(([shift]) => shift).sort((x, y) => overlap(y) - overlap(x))
  return rival === undefined || overlap(rival) < overlap(best) ? shifted(best) : null
}
