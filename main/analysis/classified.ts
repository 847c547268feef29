import { SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import type { Classification } from '../../preload/contract/analysis.ts'
import type { Timeline } from '../timeline/timeline.ts'
import type { TraceContent } from '../timeline/traceContent.ts'
import { deviceLanes } from './traceRanks.ts'

const NS_PER_US = 1000
/** Names of unrecognised work that are listed. */
const MOST_NAMES = 100

const byTotal = (a: { readonly totalUs: number }, b: { readonly totalUs: number }): number => b.totalUs - a.totalUs

/** The position of a kind and category in {@link kindTotals}. */
const placeOf = (kind: number, category: number): number => kind * SPAN_CATEGORIES.length + category

/** Summed durations of what the classification recognised on devices, and how often: by kind and category. */
interface KindTotals {
  readonly count: Float64Array
  readonly totalNs: Float64Array
}

/**
 * What the device spans of an imported trace were recognised as, by slot. Kind 0 stands for what no rule knew.
 * @param slotOf the slot of a span, or -1.
 */
function kindTotals({ spans }: Timeline, { kind, kindNames }: TraceContent, device: Uint8Array, slots: number, slotOf: (span: number) => number): KindTotals[] {
  const totals = Array.from({ length: slots }, (): KindTotals => {
    const count = new Float64Array(kindNames.length * SPAN_CATEGORIES.length)
    return { count, totalNs: new Float64Array(count.length) }
  })
  for (let span = 0; span < spans.count; span++) {
    if (device[spans.lane[span]] === 0) continue
    const slot = slotOf(span)
    if (slot < 0) continue
    const at = placeOf(kind[span], spans.category[span])
    totals[slot].count[at]++
    totals[slot].totalNs[at] += spans.durationNs[span]
  }
  return totals
}

/** Totals of recognised kinds, without those of nothing. */
function namedKinds({ kindNames }: TraceContent, { count, totalNs }: KindTotals): Classification['kinds'] {
  return [...count.keys()].filter((at) => at >= SPAN_CATEGORIES.length && count[at] > 0).map((at) => ({
    kind: kindNames[Math.floor(at / SPAN_CATEGORIES.length)], category: SPAN_CATEGORIES[at % SPAN_CATEGORIES.length],
    count: count[at], totalUs: totalNs[at] / NS_PER_US,
  }))
}

/** The recognised kinds of every slot; none for runs of our own. @param slotOf the slot of a span, or -1. */
export function kindsBySlot(timeline: Timeline, slots: number, slotOf: (span: number) => number): Classification['kinds'][] {
  const { trace } = timeline
  if (trace === null) return Array.from({ length: slots }, () => [])
  return kindTotals(timeline, trace, deviceLanes(timeline), slots, slotOf).map((totals) => namedKinds(trace, totals))
}

/** How the device spans of an imported trace were classified, and the names that no rule knew; null for runs of our own. */
export function classificationOf(timeline: Timeline): Classification | null {
  const { spans, strings, trace } = timeline
  if (trace === null) return null
  const device = deviceLanes(timeline)
  const [totals] = kindTotals(timeline, trace, device, 1, () => 0)
  const otherCount = new Float64Array(strings.length)
  const otherNs = new Float64Array(strings.length)
  for (let span = 0; span < spans.count; span++) {
    if (device[spans.lane[span]] === 0 || trace.kind[span] !== 0) continue
    otherCount[spans.name[span]]++
    otherNs[spans.name[span]] += spans.durationNs[span]
  }
  const other: { name: string; count: number; totalUs: number }[] = []
  otherCount.forEach((times, name) => { if (times > 0) other.push({ name: strings[name], count: times, totalUs: otherNs[name] / NS_PER_US }) })
  return { overriddenBy: trace.rulesFrom, kinds: namedKinds(trace, totals).toSorted(byTotal), other: other.sort(byTotal).slice(0, MOST_NAMES) }
}
