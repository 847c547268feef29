import { alignSequences, type SequenceEntry } from '../../comm/alignSequences.ts'
import type { Communication } from '../../comm/comm.ts'
import type { Hop, RingCycle } from './ringCycles.ts'

/** The most frequent of some numbers, by how often each was seen. */
const mostFrequent = (votes: ReadonlyMap<number, number>): number =>
  [...votes].reduce((best, vote) => (vote[1] > best[1] ? vote : best))[0]

const asEntry = ({ startNs, endNs }: Hop, order: number): SequenceEntry => ({ order, startNs, endNs })

/**
 * Which hop of each rank goes with each hop of the leading one: by rank, for every hop of `lead` the index of the rank's,
 * or null where its trace does not hold it. Ranks do the same hops in the same order, so it is a shift: the one that most
 * matched kernels speak for. Ranks that no match relates to the leading one (not all neighbours' traces are open) go by the
 * order and the rhythm of their hops; what does not fit is left out.
 */
export function sameHops(communication: Communication, ring: RingCycle, lead: number): Map<number, (number | null)[]> {
  const hopOf = new Map<number, { readonly rank: number; readonly index: number }>()
  for (const [rank, hops] of ring.hops) {
    hops.forEach(({ kernel, further }, index) => { for (const at of [kernel, ...further]) hopOf.set(at, { rank, index }) })
  }
  const shifts = new Map<number, Map<number, Map<number, number>>>()
  const vote = (from: number, to: number, shift: number): void => {
    const others = shifts.get(from) ?? new Map<number, Map<number, number>>()
    shifts.set(from, others)
    const votes = others.get(to) ?? new Map<number, number>()
    others.set(to, votes)
    votes.set(shift, (votes.get(shift) ?? 0) + 1)
  }
  for (const match of communication.matches) {
    const own = match.kernels.flatMap((at) => hopOf.get(at) ?? [])
    own.forEach((hop, at) => {
      // With its neighbour and with the first: as good as all pairs, which would be too many in a large ring.
      for (const other of new Set([own[0], own[at === 0 ? 0 : at - 1]])) {
        if (other.rank === hop.rank) continue
        vote(other.rank, hop.rank, hop.index - other.index)
        vote(hop.rank, other.rank, other.index - hop.index)
      }
    })
  }
  const shiftOf = new Map([[lead, 0]])
  for (const [rank, shift] of shiftOf) {
    for (const [other, votes] of shifts.get(rank) ?? []) {
      if (!shiftOf.has(other)) shiftOf.set(other, shift + mostFrequent(votes))
    }
  }
  const leading = ring.hops.get(lead) ?? []
  const same = new Map<number, (number | null)[]>()
  const named = ring.orderFrom === 'source and destination'
  for (const [rank, hops] of ring.hops) {
    const shift = shiftOf.get(rank)
    // Kernels that name nobody and differ in number are no hops of one ring.
    if (shift === undefined && !named && hops.length !== leading.length) continue
    const indices = shift === undefined
      ? alignSequences(leading.map(asEntry), hops.map(asEntry), false)
      : leading.map((_, index) => (index + shift >= 0 && index + shift < hops.length ? index + shift : null))
    if (indices !== null) same.set(rank, indices)
  }
  return same
}
