import type { Timeline } from '../timeline/timeline.ts'
import type { CommKernel, CommMatch, Communication } from './comm.ts'
import { commKernels } from './commKernels.ts'
import { matchKernels } from './matchKernels.ts'
import { splitWaits } from './splitWaits.ts'

/** Of matches that only the order of kernels suggests, how many may contradict the clocks before none is believed. */
const FEW = 0.05

const NONE: Communication = { kernels: [], matches: [], splits: [], notes: [] }

/** All ranks of a trace, ascending. */
export const traceRanks = ({ lanes }: Timeline): number[] =>
  [...new Set(lanes.flatMap(({ rank }) => (rank === null ? [] : [rank])))].sort((a, b) => a - b)

/** Whether the times of two ranks may be compared, and how far they may be off. */
interface Clocks {
  comparable(a: number, b: number): boolean
  uncertaintyNs(a: number, b: number): number
}

function clocksOf({ trace }: Timeline): Clocks {
  const known = new Map(trace?.ranks.map((rank) => [rank.rank, rank]))
  return {
    comparable: (a, b) => {
      const [first, second] = [known.get(a), known.get(b)]
      if (first === undefined || second === undefined) return a === b
      return first.file === second.file || first.uncertaintyNs !== null && second.uncertaintyNs !== null
    },
    uncertaintyNs: (a, b) => {
      const [first, second] = [known.get(a), known.get(b)]
      return first?.file === second?.file ? 0 : (first?.uncertaintyNs ?? 0) + (second?.uncertaintyNs ?? 0)
    },
  }
}

/** Groups whose matches rest on order alone and would have kernels end before those that they need began. */
function disprovedGroups(kernels: readonly CommKernel[], matches: readonly CommMatch[], clocks: Clocks): Set<string> {
  const counts = new Map<string, { pairs: number; impossible: number }>()
  for (const { kind, evidence, kernels: positions, needs } of matches) {
    if (evidence !== 'order on a stream') continue
    for (const [at, position] of positions.entries()) {
      const { group, rank, endNs } = kernels[position]
      const count = counts.get(`${kind}\n${group}`) ?? { pairs: 0, impossible: 0 }
      counts.set(`${kind}\n${group}`, count)
      // A sender need not wait for its receiver: only the source's start is sure to come before the end.
      for (const other of kind === 'send-recv' ? needs[at].slice(0, 1) : needs[at]) {
        const peer = kernels[other]
        if (!clocks.comparable(rank, peer.rank)) continue
        count.pairs++
        if (endNs + clocks.uncertaintyNs(rank, peer.rank) < peer.startNs) count.impossible++
      }
    }
  }
  return new Set([...counts].filter(([, { pairs, impossible }]) => impossible > FEW * pairs).map(([key]) => key))
}

/** The kernels by which ranks of an imported trace communicate, which belong together, and how long each waited. */
export function communicationOf(timeline: Timeline): Communication {
  if (timeline.trace === null) return NONE
  const found = commKernels(timeline)
  const { kernels } = found
  const matched = matchKernels(found, traceRanks(timeline), timeline.trace.world)
  const clocks = clocksOf(timeline)
  const disproved = disprovedGroups(kernels, matched.matches, clocks)
  const matches = matched.matches.filter((match) => match.evidence !== 'order on a stream' || !disproved.has(`${match.kind}\n${kernels[match.kernels[0]].group}`))
  return {
    kernels, matches, splits: splitWaits(kernels, matches, (a, b) => clocks.comparable(a, b)),
    notes: [
      ...found.notes, ...matched.notes,
      ...[...disproved].map((key) => `${key.replace('\n', ' kernels of ')}: their order would have some end before those that they need began, so they belong to different groups; they stay unmatched.`),
    ],
  }
}
