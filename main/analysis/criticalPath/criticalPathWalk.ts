import { causeOf, latestEnd, type PathGraph } from './criticalPathGraph.ts'
import { isWire, WORK } from './criticalPathItems.ts'
import { readyNs } from './criticalPathReplay.ts'
import type { PathPart } from './criticalPathRuns.ts'
import type { CriticalPath } from '../../../preload/contract/analysis.ts'

export type SegmentKind = CriticalPath['segments'][number]['kind']

/** A part of the chain that determined the makespan. */
export interface Segment {
  readonly slot: number
  readonly kind: SegmentKind
  readonly startNs: number
  readonly endNs: number
  /** The item that it is of; of a gap the one that begins after it. -1 for what a window has beyond its last item. */
  readonly item: number
}

const KIND_OF: Readonly<Record<number, SegmentKind>> = {
  [WORK.compute]: 'compute', [WORK.memory]: 'memory', [WORK.other]: 'other', [WORK.wire]: 'wire', [WORK.arrival]: 'wire',
}

/** The chain from the last end back to the origin, without gaps or overlaps, latest first. */
function chainOf(graph: PathGraph): Segment[] {
  const { items, originNs, endNs } = graph
  const { slot, work, startNs, endNs: endsNs, estimatedWaitNs } = items.columns
  const chain: Segment[] = []
  const push = (item: number, kind: SegmentKind, fromNs: number, toNs: number): void => {
    if (toNs > fromNs) chain.push({ slot: slot[item], kind, startNs: fromNs, endNs: toNs, item })
  }
  let item = latestEnd(items)
  push(item, 'other', endsNs[item], endNs)
  let from: 'end' | 'start' = 'end'
  while (item >= 0) {
    if (from === 'end') {
      const ready = readyNs(graph, item)
      const beginNs = isWire(work[item]) ? ready + estimatedWaitNs[item] : startNs[item]
      push(item, KIND_OF[work[item]], beginNs, endsNs[item])
      // Waiting for a rank whose trace is missing: where the chain went on there cannot be known.
      push(item, 'imbalance', ready, beginNs)
      if (ready > startNs[item]) item = (items.needs.get(item) ?? []).find((other) => startNs[other] === ready) ?? item
    }
    const cause = causeOf(graph, item)
    push(item, cause.by === 'start' && cause.item >= 0 ? 'wire' : 'launch-gap', Math.max(cause.timeNs, originNs), startNs[item])
    item = cause.item
    from = cause.by
  }
  return chain
}

/**
 * Divides compute on the chain: what a rank computed in a step or interval beyond the mean of all ranks there is imbalance,
 * in proportion to how much of that compute is on the chain. Adjacent parts of one rank and kind become one.
 */
function divided({ graph, groups }: PathPart, chain: readonly Segment[]): Segment[] {
  const { slot, group } = graph.items.columns
  const means = groups.means()
  const parts: Segment[] = []
  const push = (part: Segment): void => {
    const last = parts.at(-1)
    if (part.endNs <= part.startNs) return
    if (last?.slot === part.slot && last.kind === part.kind && last.endNs === part.startNs) {
      const longer = part.endNs - part.startNs > last.endNs - last.startNs ? part.item : last.item
      parts[parts.length - 1] = { ...last, endNs: part.endNs, item: longer }
    } else parts.push(part)
  }
  for (const part of chain.toReversed()) {
    const of = part.kind === 'compute' && part.item >= 0 ? group[part.item] : -1
    const own = of < 0 ? 0 : groups.own(of, slot[part.item])
    const share = own === 0 ? 1 : Math.min(1, means[of] / own)
    const evenNs = part.startNs + Math.round((part.endNs - part.startNs) * share)
    push({ ...part, endNs: evenNs })
    push({ ...part, startNs: evenNs, kind: 'imbalance' })
  }
  return parts
}

/** The chain of spans that determined a part's makespan, in time order; it covers the makespan exactly. */
export const walk = (part: PathPart): Segment[] => (part.graph.items.count === 0 ? [] : divided(part, chainOf(part.graph)))
