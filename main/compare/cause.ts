import type { CriticalPath } from '../../preload/contract/analysis.ts'
import { median } from '../analysis/statistics.ts'
import { sampleOfMetric } from './deltas.ts'
import type { TimelineMeasure } from './measure.ts'
import { metricOf } from './metrics.ts'
import { percentText, significantText } from './words.ts'

/** What the makespan of a timeline was made of; null where its ranks share no clock. */
export type MakespanParts = Pick<CriticalPath, 'makespanUs' | 'computeUs' | 'wireUs' | 'imbalanceUs' | 'launchGapUs' | 'memoryUs' | 'otherUs'> | null

/** A timeline as verdicts see it. */
export interface Judged {
  readonly measure: TimelineMeasure
  readonly path: MakespanParts
}

const KINDS = [
  { of: 'computeUs', words: 'compute' },
  { of: 'imbalanceUs', words: 'waiting for a late rank' },
  { of: 'wireUs', words: 'waiting for the wire' },
  { of: 'launchGapUs', words: 'gaps in which nothing ran' },
  { of: 'memoryUs', words: 'memory copies' },
  { of: 'otherUs', words: 'other work' },
] as const

/** From this share of a difference on, one cause has most of it. */
const MOST = 0.5
/** From this share of the makespan on, a rank is said to compute more than the others. */
const NOTABLE = 0.02

const MAKESPAN = metricOf('makespan')

/** The rank that computes most, and by how many ms more than the mean; null where none stands out. */
function latestRank({ windows, ranks }: TimelineMeasure, makespanMs: number): { readonly rank: number; readonly excessMs: number } | null {
  if (ranks.length < 2 || windows.length === 0) return null
  const compute = ranks.map((rank, at) => ({ rank, ms: median(windows.map((window) => window.ranks[at].computeNs)) / 1e6 }))
  const mean = compute.reduce((sum, { ms }) => sum + ms, 0) / compute.length
  const most = compute.reduce((best, each) => (each.ms > best.ms ? each : best))
  return most.ms - mean < NOTABLE * makespanMs ? null : { rank: most.rank, excessMs: most.ms - mean }
}

/** The rank whose compute changed most in the direction of the difference; null with one rank, or where the ranks are others. */
function changedRank(own: TimelineMeasure, base: TimelineMeasure, sign: number): number | null {
  if (own.ranks.length < 2 || own.ranks.join() !== base.ranks.join()) return null
  const computeNs = ({ windows }: TimelineMeasure, at: number): number => median(windows.map(({ ranks }) => ranks[at].computeNs))
  const changes = own.ranks.map((rank, at) => ({ rank, change: sign * (computeNs(own, at) - computeNs(base, at)) }))
  const [first, second] = changes.toSorted((a, b) => b.change - a.change)
  // Where all ranks change alike none is to be named.
  return first.change > 2 * Math.max(0, second.change) ? first.rank : null
}

/**
 * Where most of a difference of makespans comes from, by the chains of spans that determined them (critical paths), each
 * scaled to the median window; null where one has none.
 */
export function causeOf(own: Judged, base: Judged): string | null {
  const [ownMs, baseMs] = [sampleOfMetric(own.measure, MAKESPAN)?.median, sampleOfMetric(base.measure, MAKESPAN)?.median]
  if (ownMs === undefined || baseMs === undefined || own.path === null || base.path === null || own.path.makespanUs === 0 || base.path.makespanUs === 0) return null
  const [ownPath, basePath] = [own.path, base.path]
  const deltaMs = ownMs - baseMs
  const causes = KINDS.map(({ of, words }) => ({ of, words, deltaMs: ownPath[of] / ownPath.makespanUs * ownMs - basePath[of] / basePath.makespanUs * baseMs }))
  const largest = causes.reduce((best, each) => (each.deltaMs / deltaMs > best.deltaMs / deltaMs ? each : best))
  const share = largest.deltaMs / deltaMs
  if (share <= 0) return null
  const slower = deltaMs > 0
  const words = `${share >= MOST ? 'most of it is' : `the largest part (${percentText(share)} of it) is`} ${slower ? 'more' : 'less'} ${largest.words}`
  if (largest.of === 'computeUs') {
    const rank = changedRank(own.measure, base.measure, Math.sign(deltaMs))
    return rank === null ? words : `${words}, on rank ${rank}`
  }
  if (largest.of !== 'imbalanceUs') return words
  const late = latestRank((slower ? own : base).measure, slower ? ownMs : baseMs)
  return late === null ? words : `${words}: rank ${late.rank} ${slower ? 'computes' : 'computed'} ${significantText(late.excessMs)} ms more than the mean rank`
}
