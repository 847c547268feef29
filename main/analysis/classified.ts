import { SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import type { Classification } from '../../preload/contract/analysis.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { deviceLanes } from './traceRanks.ts'

const NS_PER_US = 1000
/** Names of unrecognised work that are listed. */
const MOST_NAMES = 100

const byTotal = (a: { readonly totalUs: number }, b: { readonly totalUs: number }): number => b.totalUs - a.totalUs

/** How the device spans of an imported trace were classified, and the names that no rule knew; null for runs of our own. */
export function classificationOf(timeline: Timeline): Classification | null {
  const { spans, strings, trace } = timeline
  if (trace === null) return null
  const device = deviceLanes(timeline)
  const categories = SPAN_CATEGORIES.length
  const count = new Float64Array(trace.kindNames.length * categories)
  const totalNs = new Float64Array(count.length)
  const otherCount = new Float64Array(strings.length)
  const otherNs = new Float64Array(strings.length)
  for (let span = 0; span < spans.count; span++) {
    if (device[spans.lane[span]] === 0) continue
    const kind = trace.kind[span]
    if (kind === 0) {
      otherCount[spans.name[span]]++
      otherNs[spans.name[span]] += spans.durationNs[span]
    } else {
      const at = kind * categories + spans.category[span]
      count[at]++
      totalNs[at] += spans.durationNs[span]
    }
  }
  const kinds = [...count.keys()].filter((at) => count[at] > 0).map((at) => ({
    kind: trace.kindNames[Math.floor(at / categories)], category: SPAN_CATEGORIES[at % categories],
    count: count[at], totalUs: totalNs[at] / NS_PER_US,
  }))
  const other: { name: string; count: number; totalUs: number }[] = []
  otherCount.forEach((times, name) => { if (times > 0) other.push({ name: strings[name], count: times, totalUs: otherNs[name] / NS_PER_US }) })
  return { overriddenBy: trace.rulesFrom, kinds: kinds.sort(byTotal), other: other.sort(byTotal).slice(0, MOST_NAMES) }
}
