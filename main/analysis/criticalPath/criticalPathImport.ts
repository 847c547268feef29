import { CATEGORY_CODE } from '../../../kernels/timeline/categories.ts'
import { ATTENTION, ATTENTION_BACKWARD } from '../../classify/kernelRules.ts'
import type { CommKernel, Communication } from '../../comm/comm.ts'
import { namesRanks, type Timeline } from '../../timeline/timeline.ts'
import { pathGraph } from './criticalPathGraph.ts'
import { BalanceGroups, Items, WORK } from './criticalPathItems.ts'
import type { PathPart } from './criticalPathRuns.ts'
import type { RingPass, RingStep } from '../rings/ringPasses.ts'
import { kernelsOf } from '../rings/traceSteps.ts'

const WORK_OF: Readonly<Record<number, number>> = {
  [CATEGORY_CODE.compute]: WORK.compute, [CATEGORY_CODE.memory]: WORK.memory, [CATEGORY_CODE.communication]: WORK.wire,
}

/** Ranks with GPU lanes that are on one clock, ascending; a trace that names no rank is one, rank 0. Empty where they are not on one. */
function ranksOnOneClock(timeline: Timeline): number[] {
  const { lanes, trace } = timeline
  const named = namesRanks(timeline)
  const ofLanes = new Set(lanes.filter(({ kind }) => kind === 'gpu').map(({ rank }) => (named ? rank : 0)))
  const present = [...ofLanes].filter((rank) => rank !== null).toSorted((a, b) => a - b)
  if (trace === null || trace.clock.aligned || present.length < 2) return present
  const related = new Set(trace.ranks.filter(({ uncertaintyNs }) => uncertaintyNs !== null).map(({ rank }) => rank))
  const shared = present.filter((rank) => related.has(rank))
  return shared.length < 2 ? [] : shared
}

/** A stretch of one rank that is compared with the same stretch of others. */
interface Stretch {
  readonly startNs: number
  readonly endNs: number
  readonly group: number
  /** From when on the rank would compute here what it is spared. */
  readonly spareNs: number
}

/** By slot, ascending. */
type Stretches = readonly (readonly Stretch[])[]

/** When the step's exchange is under way on the rank at a position: where sending and receiving are kernels of their own, both. */
function exchangeNs({ startNs, kernels: firstOf, further }: RingStep, position: number, kernels: readonly CommKernel[]): number {
  const [first, second] = [firstOf[position], further[position].at(0)]
  if (first === null || second === undefined) return startNs[position]
  const isHalf = kernels[first].destination === null && kernels[second].source === null && kernels[second].destination !== null
  return isHalf ? Math.max(startNs[position], kernels[second].startNs) : startNs[position]
}

function ringStretches(passes: readonly RingPass[], { kernels }: Communication, slotOf: ReadonlyMap<number, number>, groups: BalanceGroups): Stretches {
  const stretches = Array.from({ length: slotOf.size }, (): Stretch[] => [])
  for (const { ranks, steps } of passes) {
    const members = ranks.map((rank) => slotOf.get(rank) ?? -1)
    for (const step of steps) {
      const { startNs, endNs } = step
      const group = groups.open(members.filter((slot) => slot >= 0))
      members.forEach((slot, at) => {
        if (slot >= 0) stretches[slot].push({ startNs: startNs[at], endNs: endNs[at], group, spareNs: exchangeNs(step, at, kernels) })
      })
    }
  }
  return stretches.map((list) => list.toSorted((a, b) => a.startNs - b.startNs))
}

/** Without rings: what lies between the starts of the operations that all ranks take part in, in an order that all agree on. */
function matchStretches({ kernels, matches }: Communication, slotOf: ReadonlyMap<number, number>, groups: BalanceGroups): Stretches {
  const world = slotOf.size
  const common: Float64Array[] = []
  for (const match of matches) {
    const starts = new Float64Array(world).fill(Number.NaN)
    for (const position of match.kernels) {
      const slot = slotOf.get(kernels[position].rank)
      if (slot !== undefined) starts[slot] = kernels[position].startNs
    }
    if (!starts.some(Number.isNaN)) common.push(starts)
  }
  common.sort((a, b) => a[0] - b[0])
  const agreed: Float64Array[] = []
  for (const starts of common) {
    const previous = agreed.at(-1)
    if (previous === undefined || starts.every((startNs, slot) => startNs > previous[slot])) agreed.push(starts)
  }
  const everyone = Array.from({ length: world }, (_, slot) => slot)
  if (world < 2 || agreed.length === 0) return everyone.map(() => [])
  const groupAt = [null, ...agreed].map(() => groups.open(everyone))
  return everyone.map((slot) => groupAt.map((group, at): Stretch => ({
    startNs: at === 0 ? Number.NEGATIVE_INFINITY : agreed[at - 1][slot],
    endNs: at === agreed.length ? Number.POSITIVE_INFINITY : agreed[at][slot], group,
    spareNs: at === 0 ? Number.NEGATIVE_INFINITY : agreed[at - 1][slot],
  })))
}

/** Whether a span's work is what a layout divides: attention, where rings were recognised by it; else all compute. */
function levelledSpans({ trace }: Timeline, hasRings: boolean): (span: number) => boolean {
  if (trace === null || !hasRings) return () => true
  const isAttention = trace.kindNames.map((name) => name === ATTENTION || name === ATTENTION_BACKWARD)
  return (span) => isAttention[trace.kind[span]]
}

/** The group of what a rank begins at a time; -1 outside all. */
function groupAt(stretches: readonly Stretch[], timeNs: number): number {
  let low = 0
  let high = stretches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (stretches[middle].startNs <= timeNs) low = middle + 1
    else high = middle
  }
  const found = stretches.at(low - 1)
  return low > 0 && found !== undefined && timeNs < found.endNs ? found.group : -1
}

/** Which kernels each one waited for: of those that it needs, the ones that its waiting covers. What that leaves is an estimate. */
function addNeeds(items: Items, { kernels, matches, splits }: Communication, itemOf: ReadonlyMap<number, number>): void {
  const { startNs, endNs, estimatedWaitNs } = items.columns
  const itemOfKernel = (position: number): number => itemOf.get(kernels[position].span) ?? -1
  const waitOf = new Float64Array(kernels.length)
  for (const { kernel, waitNs } of splits) waitOf[kernel] = waitNs
  for (const match of matches) {
    match.kernels.forEach((position, at) => {
      const item = itemOfKernel(position)
      if (item < 0) return
      const needs = match.needs[at].map(itemOfKernel).filter((other) =>
        other >= 0 && other !== item && startNs[other] <= startNs[item] + waitOf[position] && startNs[other] < endNs[item])
      if (needs.length > 0) items.needs.set(item, needs)
    })
  }
  kernels.forEach((_, position) => {
    const item = itemOfKernel(position)
    if (item < 0) return
    let knownNs = startNs[item]
    for (const other of items.needs.get(item) ?? []) knownNs = Math.max(knownNs, startNs[other])
    estimatedWaitNs[item] = Math.max(0, startNs[item] + waitOf[position] - knownNs)
  })
}

/**
 * K/V that a ring sends on is there when a pass begins, gradients are when the step's compute is over; of other
 * communication beside rings nothing says that it could be earlier than it was.
 */
function addMade({ columns: { startNs, madeNs } }: Items, { kernels }: Communication, passes: readonly RingPass[], itemOf: ReadonlyMap<number, number>): void {
  if (passes.length === 0) return
  for (const item of itemOf.values()) madeNs[item] = startNs[item]
  for (const { ranks, steps } of passes) {
    for (const step of steps) {
      ranks.forEach((_, position) => {
        const exchangedNs = exchangeNs(step, position, kernels)
        kernelsOf(step, position).forEach((kernel, at) => {
          const item = itemOf.get(kernels[kernel].span)
          if (item === undefined) return
          const isFirst = at === 0 || kernels[kernel].startNs <= exchangedNs
          madeNs[item] = isFirst ? steps[0].startNs[position] : Math.min(startNs[item], step.computeEndNs[position])
        })
      })
    }
  }
}

/**
 * The device spans of an imported trace. @returns null where its ranks share no clock, or where it has no device spans.
 */
export function importedPart(timeline: Timeline, communication: Communication, passes: readonly RingPass[]): PathPart | null {
  const ranks = ranksOnOneClock(timeline)
  const slotOf = new Map(ranks.map((rank, slot) => [rank, slot]))
  const { spans, lanes } = timeline
  const named = namesRanks(timeline)
  const slotOfLane = lanes.map(({ kind, rank }) => (kind === 'gpu' ? slotOf.get(named ? rank ?? -1 : 0) ?? -1 : -1))
  const groups = new BalanceGroups(ranks.length)
  const stretches = passes.length > 0 ? ringStretches(passes, communication, slotOf, groups) : matchStretches(communication, slotOf, groups)
  const isLevelled = levelledSpans(timeline, passes.length > 0)
  const items = new Items(spans.count)
  const itemOf = new Map<number, number>()
  let firstNs = Number.POSITIVE_INFINITY
  for (let index = 0; index < spans.count; index++) {
    const slot = slotOfLane[spans.lane[index]]
    if (slot < 0) continue
    const work = WORK_OF[spans.category[index]] ?? WORK.other
    const startNs = spans.startNs[index]
    const group = work === WORK.compute && isLevelled(index) ? groupAt(stretches[slot], startNs) : -1
    if (group >= 0) groups.add(group, slot, spans.durationNs[index])
    const item = items.add({ slot, work, startNs, endNs: startNs + spans.durationNs[index], span: index, group })
    if (work === WORK.wire) itemOf.set(index, item)
    firstNs = Math.min(firstNs, startNs)
  }
  if (items.count === 0) return null
  addNeeds(items, communication, itemOf)
  addMade(items, communication, passes, itemOf)
  stretches.forEach((list, slot) => {
    for (const { group, spareNs } of list) {
      const spared = groups.own(group, slot) === 0 && groups.members(group).some((other) => groups.own(group, other) > 0)
      const atNs = Math.max(spareNs, firstNs)
      if (spared) items.add({ slot, work: WORK.compute, startNs: atNs, endNs: atNs, span: -1, group })
    }
  })
  return { graph: pathGraph(items, ranks.length), groups, ranks }
}
