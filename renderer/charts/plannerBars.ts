import type { CandidateAnswer, LayoutAnswer } from '../../preload/contract/planner.ts'
import { formatMs, formatPercent, formatRatio } from '../format/quantity.ts'
import { CATEGORY_LOOKS, IDLE_LOOK } from '../theme/categories.ts'
import type { StackedBarsPicture } from './stackedBars.ts'

const COMPUTE = CATEGORY_LOOKS.compute.colour

export const LAYOUT_LEGEND = [
  { label: 'compute', colour: COMPUTE, meaning: 'Mean of the ranks, communication free' },
  { label: 'idle', colour: null, meaning: 'Ranks that have no block to compute while others have: imbalance' },
] as const

/** One bar a layout and way of counting: as long as the iteration takes against contiguous counted the same way, its idle part hatched. */
export function layoutsPicture(layouts: readonly LayoutAnswer[]): StackedBarsPicture {
  const bar = (label: string, idleFraction: number, speedup: number): StackedBarsPicture['bars'][number] => ({
    label, tick: null, note: `${formatPercent(idleFraction)} idle, ${formatRatio(speedup)}`,
    parts: [{ length: (1 - idleFraction) / speedup, colour: COMPUTE }, { length: idleFraction / speedup, colour: null }],
  })
  return {
    left: 76, right: 132, format: (share) => `${Math.round(share * 100)} %`,
    bars: layouts.flatMap(({ layout, idleFraction, tileIdleFraction, speedupOverContiguous, tileSpeedupOverContiguous }) => [
      bar(layout, idleFraction, speedupOverContiguous),
      ...(tileIdleFraction === null || tileSpeedupOverContiguous === null ? [] : [bar('in tiles', tileIdleFraction, tileSpeedupOverContiguous)]),
    ]),
  }
}

export const CANDIDATE_LEGEND = [
  { label: 'compute', colour: COMPUTE, meaning: 'Mean of the ranks, of what the simulated iteration takes' },
  { label: 'no compute', colour: null, meaning: `${IDLE_LOOK.label}, late peers and the wire: mean of the ranks` },
] as const

const MOST_BARS = 16

/** The arrangements that are drawn: the fastest, and the contiguous ring that all are held against. */
export function drawnCandidates(candidates: readonly CandidateAnswer[]): CandidateAnswer[] {
  const fastest = candidates.slice(0, MOST_BARS)
  const base = candidates.find(isContiguousRing)
  return base === undefined || fastest.includes(base) ? fastest : [...fastest.slice(0, MOST_BARS - 1), base]
}

export const isContiguousRing = ({ config }: CandidateAnswer): boolean => config.algorithm === 'ring' && config.layout === 'contiguous'

/** Pixels of a letter of a label, at least. */
const GLYPH = 6.2

/** A bar of makespan an arrangement. */
export function candidatesPicture(candidates: readonly CandidateAnswer[]): StackedBarsPicture {
  return {
    left: 14 + Math.ceil(GLYPH * candidates.reduce((most, { label }) => Math.max(most, label.length), 0)), right: 52, format: formatMs,
    bars: candidates.map(({ label, makespanMs, idleFraction, speedupOverContiguous }) => ({
      label, tick: null, note: formatRatio(speedupOverContiguous),
      parts: [{ length: makespanMs * (1 - idleFraction), colour: COMPUTE }, { length: makespanMs * idleFraction, colour: null }],
    })),
  }
}
