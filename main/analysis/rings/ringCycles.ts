import type { CommKernel, Communication } from '../../comm/comm.ts'
import type { RingOrderSource } from './ringPasses.ts'

/** One exchange of a rank with its neighbours: a kernel that sends and receives, or one of each. Positions in Communication.kernels. */
export interface Hop {
  /** The one that receives, where they are two. */
  readonly kernel: number
  readonly further: readonly number[]
  readonly startNs: number
  readonly endNs: number
}

/** Ranks that send to each other in a circle. */
export interface RingCycle {
  /** In ring order, those without a trace too. */
  readonly cycle: readonly number[]
  readonly orderFrom: RingOrderSource
  readonly group: string
  /** By rank, in order of their starts. */
  readonly hops: ReadonlyMap<number, readonly Hop[]>
}

interface Found {
  readonly cycle: readonly number[]
  readonly orderFrom: RingOrderSource
}

/** A cycle begins with its lowest rank. */
function rotated(cycle: readonly number[]): number[] {
  const at = cycle.indexOf(Math.min(...cycle))
  return [...cycle.slice(at), ...cycle.slice(0, at)]
}

/** The circle that one rank's neighbour implies when every member of the group has the same place relative to its own. */
function withinGroup({ rank, source, destination, members }: CommKernel): readonly number[] | null {
  const own = members?.indexOf(rank) ?? -1
  if (members === null || own < 0) return null
  const count = members.length
  const shiftTo = (other: number | null, sign: number): number | null => {
    const at = other === null ? -1 : members.indexOf(other)
    return at < 0 ? null : (sign * (at - own) + count) % count
  }
  const forward = shiftTo(destination, 1)
  const back = shiftTo(source, -1)
  const shift = forward ?? back
  if (shift === null || shift === 0 || (forward !== null && back !== null && forward !== back)) return null
  const cycle: number[] = []
  for (let at = own; cycle.length === 0 || at !== own; at = (at + shift) % count) cycle.push(members[at])
  return rotated(cycle)
}

/** Whom each rank sends to, and receives from, as a group's kernels say. */
class Edges {
  readonly onward = new Map<number, Set<number>>()
  readonly #back = new Map<number, Set<number>>()

  add(from: number, to: number): void {
    this.onward.set(from, (this.onward.get(from) ?? new Set<number>()).add(to))
    this.#back.set(to, (this.#back.get(to) ?? new Set<number>()).add(from))
  }

  /** Whether nothing says that a rank sends to, or receives from, others only: the stages of a pipeline close no circle. */
  allow(cycle: readonly number[]): boolean {
    return cycle.every((from, at) => {
      const to = cycle[(at + 1) % cycle.length]
      return (this.onward.get(from)?.has(to) ?? true) && (this.#back.get(to)?.has(from) ?? true)
    })
  }
}

/** Walks from kernel to kernel along sources and destinations; null where that leads to no circle. */
function byWalking(start: CommKernel, edges: ReadonlyMap<number, ReadonlySet<number>>): readonly number[] | null {
  const cycle = [start.rank]
  let next = start.destination
  let from = start.rank
  while (next !== null && next !== start.rank) {
    if (cycle.includes(next)) return null
    cycle.push(next)
    const onward: ReadonlySet<number> = edges.get(next) ?? new Set<number>()
    // Towards where it came from a rank sends in a ring of two, and in the pass that goes the other way round.
    const ahead = [...onward].filter((rank) => rank !== from)
    from = next
    next = ahead.length === 1 ? ahead[0] : onward.size === 1 ? [...onward][0] : null
  }
  if (next !== start.rank || cycle.length < 2) return null
  // Two that also send to others are neighbours in a pipeline.
  return cycle.length === 2 && cycle.some((rank) => edges.get(rank)?.size !== 1) ? null : rotated(cycle)
}

/** Kernels that send and kernels that receive, put together in order; what is left over at one end is a window that was cut. */
function pairedHops(kernels: readonly CommKernel[], members: readonly number[]): Hop[] {
  const hop = (kernel: number, further: readonly number[]): Hop => {
    const all = [kernel, ...further].map((at) => kernels[at])
    return { kernel, further, startNs: Math.min(...all.map(({ startNs }) => startNs)), endNs: Math.max(...all.map(({ endNs }) => endNs)) }
  }
  const oneSided = (at: number): boolean => (kernels[at].source === null) !== (kernels[at].destination === null)
  const sends = members.filter((at) => oneSided(at) && kernels[at].source === null)
  const receives = members.filter((at) => oneSided(at) && kernels[at].source !== null)
  const extra = receives.length - sends.length
  const distance = (shift: number): number => sends.slice(0, Math.min(sends.length, receives.length))
    .reduce((sum, at, order) => sum + Math.abs(kernels[at].startNs - (kernels[receives.at(order + shift) ?? at].startNs)), 0)
  const shift = extra > 0 && distance(extra) < distance(0) ? extra : 0
  const pairs = receives.map((at, order) => {
    const send = sends.at(order - shift)
    return hop(at, order < shift || send === undefined || order - shift >= sends.length ? [] : [send])
  })
  const both = members.filter((at) => !oneSided(at)).map((at) => hop(at, []))
  return [...both, ...pairs].sort((a, b) => a.startNs - b.startNs)
}

/** How far the ranks of kernels that name nobody are known to belong together: by group. */
function unnamedCycles(communication: Communication, unnamed: ReadonlySet<number>): Map<number, Found> {
  const { kernels, matches } = communication
  const ranksOf = new Map<string, Set<number>>()
  const note = (group: string, ranks: readonly number[]): void => {
    const known = ranksOf.get(group) ?? new Set<number>()
    for (const rank of ranks) known.add(rank)
    ranksOf.set(group, known)
  }
  for (const match of matches) {
    const named = match.kernels.filter((at) => unnamed.has(at))
    if (named.length > 1) note(kernels[named[0]].group, named.map((at) => kernels[at].rank))
  }
  for (const at of unnamed) note(kernels[at].group, [kernels[at].rank, ...kernels[at].members ?? []])
  return new Map([...unnamed].map((at): [number, Found] => {
    const { group, members } = kernels[at]
    return [at, { cycle: rotated(members ?? [...ranksOf.get(group) ?? []].sort((a, b) => a - b)), orderFrom: members === null ? 'rank numbers' : 'process group' }]
  }))
}

/** The circles of ranks that point-to-point kernels form, and each rank's hops in them. A circle has at least two ranks, or one whose peers have no trace. */
export function ringCycles(communication: Communication): RingCycle[] {
  const { kernels } = communication
  const pointToPoint = kernels.flatMap(({ kind }, at) => (kind === 'send-recv' ? [at] : []))
  const edgesOf = new Map<string, Edges>()
  for (const at of pointToPoint) {
    const { rank, source, destination, group } = kernels[at]
    const edges = edgesOf.get(group) ?? new Edges()
    edgesOf.set(group, edges)
    if (destination !== null) edges.add(rank, destination)
    if (source !== null) edges.add(source, rank)
  }
  const found = new Map<string, readonly number[] | null>()
  const stated = (kernel: CommKernel): readonly number[] | null => {
    const key = `${kernel.group}\n${kernel.rank} ${kernel.source} ${kernel.destination}`
    let cycle = found.get(key)
    if (cycle === undefined) {
      const edges = edgesOf.get(kernel.group) ?? new Edges()
      const start = kernel.destination === null && kernel.source !== null ? { ...kernel, rank: kernel.source, destination: kernel.rank } : kernel
      const implied = withinGroup(kernel)
      found.set(key, cycle = implied !== null && edges.allow(implied) ? implied : byWalking(start, edges.onward))
    }
    return cycle
  }
  const unnamed = new Set(pointToPoint.filter((at) => kernels[at].source === null && kernels[at].destination === null))
  const fallback = unnamedCycles(communication, unnamed)
  const byCycle = new Map<string, { found: Found; group: string; byRank: Map<number, number[]> }>()
  for (const at of pointToPoint) {
    const kernel = kernels[at]
    const cycle = unnamed.has(at) ? null : stated(kernel)
    const circle: Found | undefined = cycle === null ? fallback.get(at) : { cycle, orderFrom: 'source and destination' }
    if (circle === undefined || circle.cycle.length === 0) continue
    const key = `${circle.orderFrom} ${circle.cycle.join(' ')}`
    let ring = byCycle.get(key)
    if (ring === undefined) byCycle.set(key, ring = { found: circle, group: kernel.group, byRank: new Map() })
    const own = ring.byRank.get(kernel.rank)
    if (own === undefined) ring.byRank.set(kernel.rank, [at])
    else own.push(at)
  }
  return [...byCycle.values()].map(({ found, group, byRank }): RingCycle => ({
    ...found, group, hops: new Map([...byRank].map(([rank, own]) => [rank, pairedHops(kernels, own)])),
  }))
}
