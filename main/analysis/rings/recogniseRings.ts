import type { Communication } from '../../comm/comm.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { IntervalList, totalLength, union } from '../intervals.ts'
import { ringsBothWays, sequencesOfOneWay } from './oppositeRings.ts'
import { type Hop, type RingCycle, ringCycles } from './ringCycles.ts'
import { sameHops } from './ringHops.ts'
import type { RingPass, RingStep } from './ringPasses.ts'
import { countUpTo, type CutPass, cutPasses } from './ringRuns.ts'
import { type AttentionUnit, type RankSequence, rankSequences } from './ringSequences.ts'

/** Below this share of explained stretches, hops beside attention are something else. */
const LEAST_EXPLAINED = 0.5
/** Rounding of recorded times: a kernel that ended this much after its successor began had still ended before it. */
const ROUNDING_NS = 1000

/** One pass on one rank, by step. */
interface RankPass {
  readonly hops: readonly (readonly Hop[])[]
  readonly units: readonly AttentionUnit[][]
}

/** The step that each of a pass's hops belongs to: as many to each, the last of an odd number alone. */
function stepOfHop({ hops, steps }: CutPass): number[] {
  const perStep = hops.length <= steps ? 1 : Math.round(hops.length / steps)
  return hops.map((_, order) => Math.min(Math.floor(order / perStep), steps - 1))
}

/**
 * Units of passes that follow each other directly, where a rank has fewer than there are steps: a step's compute needs the
 * hop before it, so it belongs to the first step whose own hop had not ended when it began.
 */
function assignByTime(units: readonly AttentionUnit[], passes: readonly RankPass[]): void {
  for (const unit of units) {
    let pass = 0
    let step = 0
    for (;;) {
      const hop = passes[pass].hops[step].at(0)
      const ended = hop !== undefined && hop.endNs <= unit.startNs + Math.min(ROUNDING_NS, (hop.endNs - hop.startNs) / 2)
      const last = passes[pass].hops.length - 1
      if (!ended || step === last) break
      // All hops are over: of a rank that computes in some steps only, this is the next pass's own block.
      if (step === last - 1 && pass < passes.length - 1) {
        pass++
        step = 0
      } else step++
    }
    passes[pass].units[step].push(unit)
  }
}

/** Distributes a rank's attention over the steps of its passes. */
function assignUnits({ units, separatorNs }: RankSequence, cut: readonly CutPass[], passes: readonly RankPass[]): void {
  const stretchOf = (time: number): number => countUpTo(separatorNs, time)
  const keyOf = (backward: boolean, time: number): string => `${backward} ${stretchOf(time)}`
  const passesBy = Map.groupBy(passes.keys(), (at) => keyOf(cut[at].backward, passes[at].hops[0][0].startNs))
  const unitsBy = Map.groupBy(units, (unit) => keyOf(unit.backward, unit.startNs))
  for (const [key, positions] of passesBy) {
    const own = unitsBy.get(key) ?? []
    const places = positions.flatMap((at) => passes[at].units)
    if (own.length % places.length === 0) {
      const each = own.length / places.length
      own.forEach((unit, order) => { places[Math.floor(order / each)].push(unit) })
    } else assignByTime(own, positions.map((at) => passes[at]))
  }
}

interface StepTimes {
  readonly startNs: number[]
  readonly endNs: number[]
  readonly computeNs: number[]
  readonly computeEndNs: number[]
}

function timesOf({ spans }: Timeline, { hops, units }: RankPass): StepTimes {
  const times: StepTimes = { startNs: [], endNs: [], computeNs: [], computeEndNs: [] }
  let reachedNs = Number.NEGATIVE_INFINITY
  let leftNs = Number.NEGATIVE_INFINITY
  for (const [step, own] of units.entries()) {
    const firstNs = Math.min(hops[step].at(0)?.startNs ?? Number.POSITIVE_INFINITY, own.at(0)?.startNs ?? Number.POSITIVE_INFINITY)
    // Nothing happens in the step: the rank is in it from when it was through with the one before.
    const startNs = Math.max(reachedNs, Number.isFinite(firstNs) ? firstNs : leftNs)
    const compute = new IntervalList()
    for (const span of own.flatMap((unit) => unit.spans)) compute.add(spans.startNs[span], spans.startNs[span] + spans.durationNs[span])
    const computeEndNs = own.reduce((latest, unit) => Math.max(latest, unit.endNs), startNs)
    times.startNs.push(startNs)
    if (step > 0) times.endNs.push(startNs)
    times.computeNs.push(totalLength(union(compute.raw())))
    times.computeEndNs.push(computeEndNs)
    reachedNs = startNs
    leftNs = hops[step].reduce((latest, hop) => Math.max(latest, hop.endNs), Math.max(leftNs, computeEndNs))
  }
  times.endNs.push(leftNs)
  return times
}

function ringPass(timeline: Timeline, ranks: readonly number[], passOf: (rank: number) => RankPass, steps: number): RingStep[] {
  const passes = ranks.map(passOf)
  const times = passes.map((pass) => timesOf(timeline, pass))
  return Array.from({ length: steps }, (_, step): RingStep => ({
    kernels: passes.map(({ hops }) => hops[step].at(0)?.kernel ?? null),
    further: passes.map(({ hops }) => hops[step].flatMap((hop, at) => (at === 0 ? hop.further : [hop.kernel, ...hop.further]))),
    startNs: times.map(({ startNs }) => startNs[step]),
    endNs: times.map(({ endNs }) => endNs[step]),
    computeNs: times.map(({ computeNs }) => computeNs[step]),
    computeEndNs: times.map(({ computeEndNs }) => computeEndNs[step]),
    spans: passes.map(({ units }) => units[step].flatMap((unit) => unit.spans)),
  }))
}

/** Where no kernel's name says backward, passes with about twice the hops of the others carry gradients as well. */
function backwardByHops(passes: readonly CutPass[], size: number): ReadonlySet<CutPass> {
  if (passes.some(({ backward }) => backward)) return new Set()
  const few = passes.filter(({ hops }) => hops.length <= size)
  const many = passes.filter(({ hops }) => hops.length >= 2 * size - 2 && hops.length > size)
  return new Set(few.length > 0 && many.length > 0 && few.length + many.length === passes.length ? many : [])
}

/** @param bothWays whether the same ranks also send the other way round. */
function passesOfCycle(
  timeline: Timeline, communication: Communication, ring: RingCycle, all: ReadonlyMap<number, RankSequence>, bothWays: boolean,
): RingPass[] {
  const present = ring.cycle.filter((rank) => ring.hops.has(rank))
  const unitsOf = (rank: number): number => all.get(rank)?.units.length ?? 0
  // The rank that computes in the most steps: under a causal mask others have nothing to do in some of them.
  const lead = present.reduce((best, rank) => (unitsOf(rank) > unitsOf(best) ? rank : best))
  const sequences = bothWays ? sequencesOfOneWay(ring, lead, all) : all
  const sequence = sequences.get(lead)
  if (sequence === undefined) return []
  const { size, passes: cut, stretches, explained } = cutPasses(ring.hops.get(lead) ?? [], sequence, ring.cycle.length, ring.orderFrom)
  if (explained < LEAST_EXPLAINED * stretches) return []
  const hopsOn = sameHops(communication, ring, lead)
  const ranks = present.filter((rank) => hopsOn.has(rank))
  // Where nobody is named, it is a ring because all do the same.
  if (ring.orderFrom !== 'source and destination' && ranks.length < present.length) return []
  // Passes at the edges of the trace, which some rank's file does not hold.
  const whole = cut.filter((pass) => ranks.every((rank) => pass.hops.every((hop) => hopsOn.get(rank)?.[hop] !== null)))
  const byRank = new Map(ranks.map((rank): [number, RankPass[]] => {
    const own = ring.hops.get(rank) ?? []
    const mine = hopsOn.get(rank) ?? []
    const passes = whole.map((pass): RankPass => {
      const hops: Hop[][] = Array.from({ length: pass.steps }, () => [])
      const stepOf = stepOfHop(pass)
      pass.hops.forEach((hop, order) => { hops[stepOf[order]].push(own[mine[hop] ?? 0]) })
      return { hops, units: hops.map(() => []) }
    })
    const ownSequence = sequences.get(rank)
    if (ownSequence !== undefined) assignUnits(ownSequence, whole, passes)
    return [rank, passes]
  }))
  const moreHops = backwardByHops(whole, size)
  return whole.map((pass, at): RingPass => ({
    ranks, cycle: ring.cycle, size, orderFrom: ring.orderFrom, group: ring.group,
    pass: pass.backward || moreHops.has(pass) ? 'backward' : 'forward',
    passFrom: moreHops.size > 0 ? 'number of hops' : 'kernel names',
    steps: ringPass(timeline, ranks, (rank) => (byRank.get(rank) ?? [])[at], pass.steps),
  }))
}

/**
 * The ring passes of an imported trace, by start: point-to-point kernels whose ranks form a circle, with attention kernels
 * beside them, as many as a ring of that size has. Which rank a kernel's neighbours are comes from source and destination
 * where the trace has them, else from the process group or the ranks that match. All-to-alls and the sends of a pipeline
 * are none: those have no attention right beside them. Empty for runs of our own, whose spans name their steps.
 */
export function recogniseRings(timeline: Timeline, communication: Communication): RingPass[] {
  if (timeline.trace === null || !communication.kernels.some(({ kind }) => kind === 'send-recv')) return []
  const cycles = ringCycles(communication)
  const sequences = rankSequences(timeline, new Set(cycles.flatMap(({ hops }) => [...hops.keys()])))
  const bothWays = ringsBothWays(cycles)
  return cycles.flatMap((ring) => passesOfCycle(timeline, communication, ring, sequences, bothWays.has(ring)))
    .sort((a, b) => a.steps[0].startNs[0] - b.steps[0].startNs[0])
}
