import type { ClockEvidence } from './clockEvidence.ts'
import { type DifferenceBound, largestShare, tightest } from './differenceConstraints.ts'
import { SHARE_OF_FASTEST } from './neededKernels.ts'

/** Where clocks stand to clock 0, by clock. What to add to a clock's times; the truth is in [lowNs, highNs]. */
export interface ClockEstimate {
  readonly estimateNs: readonly number[]
  readonly lowNs: readonly number[]
  readonly highNs: readonly number[]
  /** How far apart the pieces of evidence are that the estimate rests on, summed on the way to clock 0; infinite where there is none. */
  readonly spreadNs: readonly number[]
  readonly sendsBind: boolean
}

/** A window of differences holds at least this many of them, and this share. */
const FEWEST_ALIKE = 3
const SHARE_ALIKE = 1 / 6

/** The closest-lying ones of the values in [low, high]: their middle and how far apart they are. Null for too few values. */
export function densest(values: readonly number[], low: number, high: number): { readonly middle: number; readonly width: number } | null {
  const sorted = values.filter((value) => value >= low && value <= high).sort((a, b) => a - b)
  const size = Math.max(FEWEST_ALIKE, Math.ceil(sorted.length * SHARE_ALIKE))
  if (sorted.length < size) return null
  let best = 0
  for (let at = 1; at + size <= sorted.length; at++) {
    if (sorted[at + size - 1] - sorted[at] < sorted[best + size - 1] - sorted[best]) best = at
  }
  return { middle: sorted[best + (size >> 1)], width: sorted[best + size - 1] - sorted[best] }
}

/** Sends bind only if that explains the kernels' times up to this share of the transfers. */
const GOOD_FIT = 0.15
/** And only if it explains them so much better than the opposite does it narrow what is possible. */
const MUCH_BETTER = 0.5

/** How far apart what should be one moment is on different ranks, where too few operations were seen to tell. */
const FEW_ENDS_NS = 500

/** The offset of clock b from clock a as one piece of evidence has it. */
interface Link {
  readonly a: number
  readonly b: number
  /** x[b] - x[a]. */
  readonly differenceNs: number
  readonly spreadNs: number
}

function linksOf(evidence: ClockEvidence, count: number, wide: Float64Array, narrow: Float64Array, slackNs: number, sendsBind: boolean): Link[] {
  const links: Link[] = []
  const consider = (differencesByPair: ReadonlyMap<string, readonly number[]>, sign: 1 | -1): void => {
    for (const [key, differences] of differencesByPair) {
      const [a, b] = key.split(' ').map(Number)
      const found = densest(differences.map((difference) => sign * difference), -wide[b * count + a], wide[a * count + b])
      if (found !== null) links.push({ a, b, differenceNs: found.middle, spreadNs: found.width })
    }
  }
  for (const [key, [first, ...more]] of evidence.collectiveEnds) {
    const [a, b] = key.split(' ').map(Number)
    if (more.length + 1 < FEWEST_ALIKE) links.push({ a, b, differenceNs: -first, spreadNs: FEW_ENDS_NS + Math.max(0, ...more.map((other) => Math.abs(other - first))) })
  }
  // Of ends that are one moment, x[b] - x[a] is minus what b's lies later on its own clock.
  consider(evidence.collectiveEnds, -1)
  if (sendsBind) consider(evidence.transferEnds, -1)
  for (const waits of sendsBind ? [evidence.sourceWaits, evidence.receiverWaits] : [evidence.sourceWaits]) {
    for (const [key, atMost] of waits) {
      const [a, b] = key.split(' ').map(Number)
      const lowest = atMost.filter((value) => value >= -wide[b * count + a] && value <= wide[a * count + b]).sort((x, y) => x - y).slice(0, FEWEST_ALIKE)
      // What few waited for is sure only where it can have been the source alone.
      if (lowest.length === FEWEST_ALIKE || (lowest.length > 0 && !sendsBind)) {
        links.push({ a, b, differenceNs: lowest[0], spreadNs: lowest[lowest.length - 1] - lowest[0] + (lowest.length < FEWEST_ALIKE ? FEW_ENDS_NS : 0) })
      }
    }
  }
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const [low, high] = [-narrow[b * count + a], narrow[a * count + b]]
      if (Number.isFinite(high - low)) links.push({ a, b, differenceNs: (low + high) / 2, spreadNs: high - low + slackNs })
    }
  }
  return links
}

/** Goes from clock 0 along the closest evidence to every other (Prim's minimum spanning tree). */
function followLinks(links: readonly Link[], count: number): { readonly estimateNs: number[]; readonly spreadNs: number[] } {
  const estimateNs = Array.from({ length: count }, () => 0)
  const spreadNs = Array.from({ length: count }, (_, clock) => (clock === 0 ? 0 : Number.POSITIVE_INFINITY))
  const reached = new Set([0])
  const byClock = Array.from({ length: count }, (): Link[] => [])
  for (const link of links) {
    byClock[link.a].push(link)
    byClock[link.b].push(link)
  }
  const open = new Set(byClock[0])
  while (reached.size < count) {
    let next: Link | null = null
    for (const link of open) {
      if (reached.has(link.a) && reached.has(link.b)) open.delete(link)
      else if (next === null || link.spreadNs < next.spreadNs) next = link
    }
    if (next === null) break
    const [known, found, sign] = reached.has(next.a) ? [next.a, next.b, 1] : [next.b, next.a, -1]
    estimateNs[found] = estimateNs[known] + sign * next.differenceNs
    spreadNs[found] = spreadNs[known] + next.spreadNs
    reached.add(found)
    for (const link of byClock[found]) open.add(link)
  }
  return { estimateNs, spreadNs }
}

function estimateUnder(evidence: ClockEvidence, bounds: readonly DifferenceBound[], count: number, sendsBind: boolean): ClockEstimate | null {
  const share = largestShare(bounds, count)
  if (share === null) return null
  // A transfer faster than the fastest seen may have been hidden behind a wait everywhere. How much of the fastest had to
  // be given up for the bounds to hold says how far they can be trusted: as much is given up once more.
  const trusted = Math.max(0, Math.min(SHARE_OF_FASTEST, 2 * share - 1))
  const wide = tightest(bounds, count, trusted)
  const narrow = tightest(bounds, count, share)
  const largestNs = bounds.reduce((largest, { transferNs }) => Math.max(largest, transferNs), 0)
  const links = linksOf(evidence, count, wide, narrow, (1 - share) * largestNs, sendsBind)
  const { estimateNs, spreadNs } = followLinks(links, count)
  const lowNs = Array.from({ length: count }, (_, clock) => -wide[clock * count])
  const highNs = Array.from({ length: count }, (_, clock) => wide[clock])
  return {
    estimateNs: estimateNs.map((estimate, clock) => Math.round(Math.min(highNs[clock], Math.max(lowNs[clock], estimate)))),
    lowNs, highNs, spreadNs, sendsBind,
  }
}

/**
 * The offsets of clocks that matched kernels allow, and the likeliest among them. That a kernel cannot end before its
 * receiver has entered is true only where sends are not buffered: the likeliest offsets rest on it if it contradicts
 * nothing and explains the kernels' times better than without, and the bounds if it does so by far.
 * @returns null where the evidence contradicts itself either way
 */
export function estimateClocks(evidence: ClockEvidence, count: number): ClockEstimate | null {
  const without = estimateUnder(evidence, evidence.always, count, false)
  const withSends = estimateUnder(evidence, [...evidence.always, ...evidence.ifSendsBind], count, true)
  if (without === null || withSends === null) return without
  const unlike = evidence.misfit(withSends.estimateNs, true)
  const unlikeWithout = evidence.misfit(without.estimateNs, false)
  if (unlike > GOOD_FIT || unlike > unlikeWithout) return without
  return unlike <= MUCH_BETTER * unlikeWithout ? withSends : { ...withSends, lowNs: without.lowNs, highNs: without.highNs }
}
