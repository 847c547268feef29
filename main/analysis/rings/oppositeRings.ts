import type { RingCycle } from './ringCycles.ts'
import type { RankSequence } from './ringSequences.ts'

const sameCircle = (cycle: readonly number[], other: readonly number[]): boolean => cycle.length === other.length && cycle.every((rank, at) => rank === other[at])

/** A cycle walked the other way, from the same rank. */
const reversed = ([first, ...others]: readonly number[]): number[] => [first, ...others.reverse()]

/** Rings whose ranks also send the other way round. Of two ranks both ways are one. */
export function ringsBothWays(cycles: readonly RingCycle[]): ReadonlySet<RingCycle> {
  return new Set(cycles.filter(({ cycle }) => cycle.length > 2 && cycles.some((other) => sameCircle(other.cycle, reversed(cycle)))))
}

/** Whether most hops of a rank are followed by an attention kernel of a backward pass. */
function carriesBackward(ring: RingCycle, rank: number, { units }: RankSequence): boolean {
  const next = (ring.hops.get(rank) ?? []).flatMap(({ startNs }) => units.find((unit) => unit.startNs >= startNs) ?? [])
  return 2 * next.filter(({ backward }) => backward).length > next.length
}

/**
 * What of the ranks' attention a ring is beside that goes one way round while its twin goes the other: schedules that walk a
 * forward pass back (Transformer Engine, MindSpeed, Ringscope) send the two passes in opposite directions. It takes the
 * kernels of its own pass, and those of the other separate its passes. Unchanged where no kernel's name says backward.
 * @param lead rank by which the pass is decided
 */
export function sequencesOfOneWay(ring: RingCycle, lead: number, sequences: ReadonlyMap<number, RankSequence>): ReadonlyMap<number, RankSequence> {
  const leading = sequences.get(lead)
  if (leading === undefined || !leading.units.some(({ backward }) => backward) || leading.units.every(({ backward }) => backward)) return sequences
  const ownPass = carriesBackward(ring, lead, leading)
  return new Map([...sequences].map(([rank, { units, separatorNs }]) => [rank, {
    units: units.filter(({ backward }) => backward === ownPass),
    separatorNs: [...separatorNs, ...units.filter(({ backward }) => backward !== ownPass).map(({ startNs }) => startNs)].sort((a, b) => a - b),
  }]))
}
