import type { Hop } from './ringCycles.ts'
import type { RingOrderSource } from './ringPasses.ts'
import type { AttentionUnit, RankSequence } from './ringSequences.ts'

/** A ring pass on the rank that it was found on. */
export interface CutPass {
  readonly backward: boolean
  /** Indices of the rank's hops, in order. */
  readonly hops: readonly number[]
  readonly steps: number
}

export interface CutRing {
  /** Number of ranks that the hops and attention kernels of a pass imply. */
  readonly size: number
  readonly passes: readonly CutPass[]
  /** Stretches with hops and attention, and how many of them are whole passes. */
  readonly stretches: number
  readonly explained: number
}

/** What lies between two separators: hops and attention, as in a layer's ring. */
interface Stretch {
  readonly hops: readonly number[]
  readonly units: readonly AttentionUnit[]
}

/** How many of the ascending `times` are at or before `time`. */
export function countUpTo(times: readonly number[], time: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle] <= time) low = middle + 1
    else high = middle
  }
  return low
}

function stretchesOf(hops: readonly Hop[], { units, separatorNs }: RankSequence): Stretch[] {
  const stretches = new Map<number, { hops: number[]; units: AttentionUnit[] }>()
  const at = (time: number) => {
    const run = countUpTo(separatorNs, time)
    const known = stretches.get(run)
    if (known !== undefined) return known
    const made = { hops: [], units: [] }
    stretches.set(run, made)
    return made
  }
  hops.forEach((hop, index) => { at(hop.startNs).hops.push(index) })
  for (const unit of units) at(unit.startNs).units.push(unit)
  return [...stretches.values()].filter((stretch) => stretch.hops.length > 0 && stretch.units.length > 0)
}

/**
 * Hops that a pass of a ring of `size` can have, by what the known implementations do: N-1 or N of K/V, as many again for
 * gradients, and twice that where K and V, or sending and receiving, are kernels of their own.
 */
function hopCounts(size: number): number[] {
  const n = size
  return [n - 1, n, 2 * n - 1, 2 * n - 2, 2 * n, 3 * n - 3, 3 * n - 2, 3 * n, 4 * n - 2, 4 * n - 4, 4 * n].filter((count) => count > 0)
}

interface Solution {
  readonly passes: number
  readonly hops: number
  readonly steps: number
}

/** How many passes of a ring a stretch in one direction is; null where it is none, or part of one. */
function solveOne(hops: number, units: number, size: number, named: boolean): Solution | null {
  const allowed = hopCounts(size)
  for (const calls of [1, 2, 3, 4]) {
    const passes = units / (size * calls)
    if (Number.isInteger(passes) && allowed.includes(hops / passes)) return { passes, hops: hops / passes, steps: size }
  }
  // A rank that has nothing to compute in some steps still takes part in every hop. One block and some kernels beside it may
  // be anything: an all-to-all before and after attention, a stage of a pipeline.
  if (units < size && (units > 1 || named && hops > 1) && allowed.includes(hops)) return { passes: 1, hops, steps: size }
  // Under a lookback window a ring makes only the hops that it needs.
  return units > 1 && units < size && hops === units - 1 ? { passes: 1, hops, steps: units } : null
}

/** Forward and backward passes with nothing between them: the pair of hop counts that explains all hops. */
function solveBoth(phases: readonly { backward: boolean; units: number }[], hops: number, size: number): Map<boolean, Solution> | null {
  const passesOf = (backward: boolean): number => phases.filter((phase) => phase.backward === backward).reduce((sum, { units }) => sum + units, 0) / size
  if (phases.some(({ units }) => !Number.isInteger(units / size))) return null
  for (const forward of [size - 1, size]) {
    for (const backward of [2 * size - 1, 2 * size - 2, size, size - 1, 2 * size]) {
      if (forward > 0 && backward > 0 && passesOf(false) * forward + passesOf(true) * backward === hops) {
        return new Map([[false, { passes: 0, hops: forward, steps: size }], [true, { passes: 0, hops: backward, steps: size }]])
      }
    }
  }
  return null
}

function cutStretch({ hops, units }: Stretch, size: number, named: boolean): CutPass[] {
  const phases: { backward: boolean; units: number }[] = []
  for (const { backward } of units) {
    const last = phases.at(-1)
    if (last?.backward === backward) last.units++
    else phases.push({ backward, units: 1 })
  }
  const solution = phases.length === 1 ? solveOne(hops.length, units.length, size, named) : null
  const both = phases.length > 1 ? solveBoth(phases, hops.length, size) : null
  const passes: CutPass[] = []
  let at = 0
  for (const phase of phases) {
    const solved = solution ?? both?.get(phase.backward)
    if (solved === undefined) return []
    const count = solution?.passes ?? phase.units / size
    for (let pass = 0; pass < count; pass++) {
      passes.push({ backward: phase.backward, hops: hops.slice(at, at + solved.hops), steps: solved.steps })
      at += solved.hops
    }
  }
  return passes
}

/** The ring size that most stretches speak for: one more attention kernel than hops, or as many. */
function impliedSize(stretches: readonly Stretch[]): number | null {
  const votes = new Map<number, number>()
  for (const { hops, units } of stretches) {
    if (units.length > 1 && (hops.length === units.length - 1 || hops.length === units.length)) votes.set(units.length, (votes.get(units.length) ?? 0) + 1)
  }
  return [...votes].reduce<readonly [number | null, number]>((best, vote) => (vote[1] > best[1] ? vote : best), [null, 0])[0]
}

/**
 * Finds the ring passes of one rank: stretches of hops and attention between other work, divided where several passes
 * follow each other directly. Stretches that are no whole number of passes (the trace began or ended in them) are left out.
 * @param size number of ranks that are known to be in the ring. @param orderFrom what that is known from. Of rank
 *   numbers it is only a guess: then the size that the pattern implies is taken where it explains more stretches.
 */
export function cutPasses(hops: readonly Hop[], sequence: RankSequence, size: number, orderFrom: RingOrderSource): CutRing {
  const stretches = stretchesOf(hops, sequence)
  const named = orderFrom !== 'rank numbers'
  const implied = named ? null : impliedSize(stretches)
  const cut = (tried: number): CutRing => {
    const found = stretches.map((stretch) => cutStretch(stretch, tried, named))
    return { size: tried, passes: found.flat(), stretches: stretches.length, explained: found.filter((each) => each.length > 0).length }
  }
  const asGiven = size > 1 ? cut(size) : null
  const asImplied = implied === null || implied === size ? null : cut(implied)
  if (asGiven === null) return asImplied ?? { size, passes: [], stretches: stretches.length, explained: 0 }
  return asImplied !== null && asImplied.explained > asGiven.explained ? asImplied : asGiven
}
