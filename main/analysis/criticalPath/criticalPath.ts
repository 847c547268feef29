import type { CriticalPath } from '../../../preload/contract/analysis.ts'
import type { Communication } from '../../comm/comm.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { importedPart } from './criticalPathImport.ts'
import { WORK } from './criticalPathItems.ts'
import { lateLaunches } from './criticalPathLaunches.ts'
import { replayed } from './criticalPathReplay.ts'
import { type PathPart, runParts } from './criticalPathRuns.ts'
import { type Segment, type SegmentKind, walk } from './criticalPathWalk.ts'
import type { RingPass } from '../rings/ringPasses.ts'

const NS_PER_US = 1000
const MOST_SEGMENTS = 1000

/** Compute as it would be if every rank of a group computed the mean of it, by item. */
function levelled({ graph: { items }, groups }: PathPart): Float64Array {
  const { slot, work, group, startNs, endNs, span } = items.columns
  const means = groups.means()
  const levelledNs = new Float64Array(items.count)
  for (let item = 0; item < items.count; item++) {
    const of = work[item] === WORK.compute ? group[item] : -1
    const own = of < 0 ? 0 : groups.own(of, slot[item])
    const lengthNs = endNs[item] - startNs[item]
    levelledNs[item] = of >= 0 && span[item] < 0 ? means[of] : own === 0 ? lengthNs : lengthNs * means[of] / own
  }
  return levelledNs
}

/** The longest, in time order. */
function longest<T extends Segment>(segments: readonly T[]): readonly T[] {
  if (segments.length <= MOST_SEGMENTS) return segments
  return segments.toSorted((a, b) => b.endNs - b.startNs - (a.endNs - a.startNs)).slice(0, MOST_SEGMENTS).toSorted((a, b) => a.startNs - b.startNs)
}

/**
 * What the makespan over all ranks was made of: of a trace, from the first device span to the last one's end; of our own
 * runs and simulations, the windows of the complete measured iterations.
 *
 * The chain is followed back from the span that ended last. Before a span comes what ended last on its rank when it began,
 * and the gap between is a launch gap (its span is the host's launch, where that came after the device was out of work).
 * Of a communication kernel the part after all kernels that it needs had started is wire; from there the chain goes on at
 * the start of the one that started last. Bytes of our own runs begin when their sender had sent and their receiver had
 * asked for them, whichever was later. So a late rank is on the chain with what made it late, and waiting for it is not. How
 * much of the chain's compute is imbalance: what the rank computed in that ring step (without rings: between two operations
 * that all ranks take part in) beyond the mean over the ranks. Waiting for a rank whose trace is missing is imbalance too.
 * The parts add up to the makespan.
 *
 * The what-ifs run the recorded dependencies again with other durations, see PathGraph; run with the recorded ones they
 * give the recorded makespan.
 *
 * Near linear in the number of device spans: two sorts of what is nearly sorted, and a few passes.
 * @returns null where ranks share no clock, and where nothing was recorded.
 */
export function criticalPath(timeline: Timeline, communication: Communication, passes: readonly RingPass[]): CriticalPath | null {
  const imported = timeline.run === null ? importedPart(timeline, communication, passes) : null
  const parts = timeline.run === null ? (imported === null ? [] : [imported]) : runParts(timeline, timeline.run)
  const used = parts.filter(({ graph }) => graph.items.count > 0)
  if (used.length === 0) return null

  const totals: Record<SegmentKind, number> = { compute: 0, wire: 0, imbalance: 0, 'launch-gap': 0, memory: 0, other: 0 }
  const segments = used.flatMap((part) => walk(part).map((segment) => ({
    ...segment, rank: part.ranks[segment.slot], span: segment.item < 0 ? -1 : part.graph.items.columns.span[segment.item],
  })))
  for (const { kind, startNs, endNs } of segments) totals[kind] += endNs - startNs
  const makespanNs = used.reduce((sum, { graph }) => sum + graph.endNs - graph.originNs, 0)
  const shown = longest(segments)
  const launches = lateLaunches(timeline, shown)
  // Levelling makes some ranks compute longer; where that would cost more than it gives, nothing is there to win.
  const would = (change: (part: PathPart) => Parameters<typeof replayed>[1]): number =>
    Math.min(makespanNs, used.reduce((sum, part) => sum + replayed(part.graph, change(part)), 0)) / NS_PER_US
  return {
    makespanUs: makespanNs / NS_PER_US,
    computeUs: totals.compute / NS_PER_US,
    wireUs: totals.wire / NS_PER_US,
    imbalanceUs: totals.imbalance / NS_PER_US,
    launchGapUs: totals['launch-gap'] / NS_PER_US,
    memoryUs: totals.memory / NS_PER_US,
    otherUs: totals.other / NS_PER_US,
    segments: shown.map(({ rank, kind, startNs, endNs, span }, at) => {
      const spanIndex = kind === 'launch-gap' ? launches[at] : span
      return { rank, kind, startNs, endNs, spanIndex: spanIndex < 0 ? null : spanIndex }
    }),
    whatIf: {
      balancedLayoutUs: would((part) => ({ computeNs: levelled(part) })),
      fullOverlapUs: would(() => ({ fullOverlap: true })),
      infiniteLinkUs: would(() => ({ infiniteLink: true })),
    },
  }
}
