import { CATEGORY_CODE } from '../../../kernels/timeline/categories.ts'
import type { IterationWindow, RunRecord } from '../../../preload/contract/run.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { type PathGraph, pathGraph } from './criticalPathGraph.ts'
import { BalanceGroups, isWire, Items, WORK } from './criticalPathItems.ts'
import { completeIterations } from '../ringFigures.ts'

/** A part of a job whose ranks all began together: all of an imported trace, an iteration of a run. */
export interface PathPart {
  readonly graph: PathGraph
  readonly groups: BalanceGroups
  /** Ranks by slot. */
  readonly ranks: readonly number[]
}

const WORK_OF: Readonly<Record<number, number>> = {
  [CATEGORY_CODE.compute]: WORK.compute, [CATEGORY_CODE.merge]: WORK.compute,
  [CATEGORY_CODE.h2d]: WORK.memory, [CATEGORY_CODE.d2h]: WORK.memory,
  [CATEGORY_CODE.send]: WORK.wire, [CATEGORY_CODE.recv]: WORK.arrival,
}
/** Of spans of one step that begin together, what is a condition of another comes first. */
const PHASES = [CATEGORY_CODE.compute, CATEGORY_CODE.merge, CATEGORY_CODE.h2d, CATEGORY_CODE.d2h, CATEGORY_CODE.send, CATEGORY_CODE.recv]

/**
 * When each rank began each step, and was done with its compute there, by slot * steps + step. A step in which a rank does
 * nothing begins with the end of those before.
 */
function stepTimes({ spans, lanes }: Timeline, indices: readonly number[], world: number, steps: number, windowStartNs: number): {
  readonly beganNs: Float64Array
  readonly computedNs: Float64Array
} {
  const beganNs = new Float64Array(world * steps).fill(Number.POSITIVE_INFINITY)
  const computedNs = new Float64Array(world * steps).fill(Number.NEGATIVE_INFINITY)
  const overNs = new Float64Array(world * steps).fill(Number.NEGATIVE_INFINITY)
  for (const index of indices) {
    const { rank } = lanes[spans.lane[index]]
    const step = spans.step[index]
    if (rank === null || rank >= world || step < 0) continue
    const at = rank * steps + step
    const endNs = spans.startNs[index] + spans.durationNs[index]
    beganNs[at] = Math.min(beganNs[at], spans.startNs[index])
    overNs[at] = Math.max(overNs[at], endNs)
    if (spans.category[index] === CATEGORY_CODE.compute) computedNs[at] = Math.max(computedNs[at], endNs)
  }
  for (let rank = 0; rank < world; rank++) {
    let reachedNs = windowStartNs
    for (let step = 0; step < steps; step++) {
      const at = rank * steps + step
      if (!Number.isFinite(beganNs[at])) beganNs[at] = reachedNs
      computedNs[at] = Math.max(beganNs[at], computedNs[at])
      reachedNs = Math.max(reachedNs, overNs[at])
    }
  }
  return { beganNs, computedNs }
}

/** Compute of every step, levelled over all ranks; ranks without any in a step where others have some get a stand-in. */
function levelSteps(timeline: Timeline, ofStep: readonly (readonly number[])[], world: number): { groups: BalanceGroups; groupOf: number[] } {
  const { spans, lanes } = timeline
  const groups = new BalanceGroups(world)
  const everyone = Array.from({ length: world }, (_, rank) => rank)
  const groupOf = ofStep.map((indices) => {
    const computed = indices.filter((index) => spans.category[index] === CATEGORY_CODE.compute)
    if (computed.length === 0) return -1
    const group = groups.open(everyone)
    for (const index of computed) groups.add(group, lanes[spans.lane[index]].rank ?? 0, spans.durationNs[index])
    return group
  })
  return { groups, groupOf }
}

function iterationPart(timeline: Timeline, { config: { world, overlap } }: RunRecord, { startNs, endNs }: IterationWindow, indices: readonly number[]): PathPart {
  const { spans, lanes } = timeline
  const steps = indices.reduce((most, index) => Math.max(most, spans.step[index]), 0) + 1
  const { beganNs, computedNs } = stepTimes(timeline, indices, world, steps, startNs)
  const ofStep = Array.from({ length: steps }, (): number[] => [])
  for (const index of indices) {
    const { rank } = lanes[spans.lane[index]]
    if (spans.category[index] in WORK_OF && rank !== null && rank < world) ofStep[Math.max(0, spans.step[index])].push(index)
  }
  const { groups, groupOf } = levelSteps(timeline, ofStep, world)
  const items = new Items()
  const sends = new Map<number, number>()
  const receives = new Map<number, number>()
  ofStep.forEach((ofThis, step) => {
    const group = groupOf[step]
    const standIns = new Int32Array(world).fill(-1)
    for (let slot = 0; group >= 0 && slot < world; slot++) {
      const atNs = beganNs[slot * steps + step]
      if (groups.own(group, slot) === 0) standIns[slot] = items.add({ slot, work: WORK.compute, startNs: atNs, endNs: atNs, span: -1, group })
    }
    for (const index of ofThis.toSorted((a, b) => PHASES.indexOf(spans.category[a]) - PHASES.indexOf(spans.category[b]))) {
      const category = spans.category[index]
      const slot = lanes[spans.lane[index]].rank ?? 0
      const work = WORK_OF[category]
      const item = items.add({
        slot, work, startNs: spans.startNs[index], endNs: spans.startNs[index] + spans.durationNs[index], span: index,
        group: category === CATEGORY_CODE.compute ? group : -1,
        // With overlap a step asks for its transfers as it begins, else when its compute is over.
        ...(isWire(work) && { postedNs: (overlap ? beganNs : computedNs)[slot * steps + step] }),
        ...(isWire(work) && overlap && { beside: standIns[slot] }),
      })
      if (isWire(work) && spans.hop[index] >= 0) (category === CATEGORY_CODE.send ? sends : receives).set(spans.hop[index], item)
    }
  })
  const { columns } = items
  for (const [hop, receive] of receives) {
    const send = sends.get(hop)
    // Where the clocks say that bytes arrived before they left, nothing can be said of what they waited for.
    if (send !== undefined && columns.startNs[send] <= columns.startNs[receive]) items.join(send, receive)
  }
  const firstNs = columns.startNs.subarray(0, items.count).reduce((least, value) => Math.min(least, value), startNs)
  const lastNs = columns.endNs.subarray(0, items.count).reduce((most, value) => Math.max(most, value), endNs)
  return {
    graph: pathGraph(items, world, { startNs: firstNs, endNs: lastNs }), groups,
    ranks: Array.from({ length: world }, (_, rank) => rank),
  }
}

/** The complete measured iterations of a run or simulation of our own, each for itself. */
export function runParts(timeline: Timeline, run: RunRecord): PathPart[] {
  const windows = completeIterations(run)
  const slotOf = new Map(windows.map(({ iteration }, slot) => [iteration, slot]))
  const indices = windows.map((): number[] => [])
  for (let index = 0; index < timeline.spans.count; index++) {
    const slot = slotOf.get(timeline.spans.iteration[index])
    if (slot !== undefined) indices[slot].push(index)
  }
  return windows.map((window, at) => iterationPart(timeline, run, window, indices[at]))
}
