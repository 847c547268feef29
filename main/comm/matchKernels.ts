import { alignSequences } from './alignSequences.ts'
import type { CommKernel, CommMatch } from './comm.ts'
import type { CommKernels } from './commKernels.ts'
import { commKind } from './commNames.ts'

export interface MatchedKernels {
  readonly matches: readonly CommMatch[]
  /** What could not be matched and why, in sentences. */
  readonly notes: readonly string[]
}

/** Kernels of one group and kind: positions by rank, each rank's by start. */
interface Group {
  readonly kernels: readonly CommKernel[]
  readonly byRank: ReadonlyMap<number, readonly number[]>
  readonly name: string
  /** All ranks that take part, where known. */
  readonly members: readonly number[] | null
  /** Whether all of them are there; `stated`: the trace says who takes part. */
  readonly complete: boolean
  readonly stated: boolean
  /** Orders are sequence numbers, the same on all ranks. */
  readonly numbered: boolean
}

const noted = (group: Group, text: string): string => `${group.kernels[[...group.byRank.values()][0][0]].kind} kernels of ${group.name}: ${text}`

/** Joins positions that belong together. */
class Joined {
  readonly #parent = new Map<number, number>()

  find(position: number): number {
    let root = position
    for (let next = this.#parent.get(root); next !== undefined; next = this.#parent.get(root)) root = next
    if (root !== position) this.#parent.set(position, root)
    return root
  }

  join(a: number, b: number): void {
    const [rootA, rootB] = [this.find(a), this.find(b)]
    if (rootA !== rootB) this.#parent.set(rootB, rootA)
  }
}

function matchOf(kernels: readonly CommKernel[], positions: readonly number[], needsOf: (position: number) => readonly number[], complete: boolean, evidence: CommMatch['evidence']): CommMatch {
  const sorted = [...positions].sort((a, b) => kernels[a].rank - kernels[b].rank)
  return { kind: kernels[sorted[0]].kind, kernels: sorted, complete, needs: sorted.map(needsOf), evidence }
}

/** Sends of one rank meet the receives of another in order. */
function matchStatedPeers(group: Group, notes: string[]): CommMatch[] {
  const { kernels, byRank, numbered } = group
  const sends = new Map<string, number[]>()
  const receives = new Map<string, number[]>()
  const push = (map: Map<string, number[]>, key: string, position: number): void => {
    const list = map.get(key)
    if (list === undefined) map.set(key, [position])
    else list.push(position)
  }
  for (const position of [...byRank.values()].flat()) {
    const { rank, source, destination } = kernels[position]
    if (destination !== null) push(sends, `${rank} ${destination}`, position)
    if (source !== null) push(receives, `${source} ${rank}`, position)
  }
  const sourceOf = new Map<number, number>()
  const destinationOf = new Map<number, number>()
  const joined = new Joined()
  for (const [pair, sent] of sends) {
    const received = receives.get(pair)
    if (received === undefined) continue
    const met = alignSequences(sent.map((position) => kernels[position]), received.map((position) => kernels[position]), numbered)
    if (met === null) {
      const [from, to] = pair.split(' ')
      notes.push(noted(group, `rank ${from} sends ${sent.length} times, rank ${to} receives ${received.length} times from it, and no shift makes them agree; they stay unmatched.`))
      continue
    }
    for (const [at, position] of sent.entries()) {
      const index = met[at]
      if (index === null) continue
      sourceOf.set(received[index], position)
      destinationOf.set(position, received[index])
      joined.join(position, received[index])
    }
  }
  const together = new Map<number, number[]>()
  for (const position of new Set([...sourceOf.keys(), ...destinationOf.keys()])) {
    const root = joined.find(position)
    const list = together.get(root)
    if (list === undefined) together.set(root, [position])
    else list.push(position)
  }
  const wholeOf = (position: number): boolean => {
    const { source, destination } = kernels[position]
    return (source === null || sourceOf.has(position)) && (destination === null || destinationOf.has(position))
  }
  return [...together.values()].map((positions) => matchOf(kernels, positions, (position) => {
    const [source, destination] = [sourceOf.get(position), destinationOf.get(position)]
    return [...new Set([source, destination])].filter((each) => each !== undefined)
  }, positions.every(wholeOf), 'source and destination'))
}

/** Kernels of all ranks that are one operation each, in order. Null where their sequences cannot be aligned. */
function operations(group: Group, notes: string[]): number[][] | null {
  const { kernels, byRank, numbered } = group
  const lists = [...byRank.values()].sort((a, b) => b.length - a.length)
  const [longest, ...others] = lists
  const rows = longest.map((position) => [position])
  for (const list of others) {
    const met = alignSequences(list.map((position) => kernels[position]), longest.map((position) => kernels[position]), numbered)
    if (met === null) {
      notes.push(noted(group, `rank ${kernels[list[0]].rank} has ${list.length}, rank ${kernels[longest[0]].rank} ${longest.length}, and no shift makes them agree; they stay unmatched.`))
      return null
    }
    for (const [at, index] of met.entries()) if (index !== null) rows[index].push(list[at])
  }
  return rows.filter((row) => row.length > 1)
}

function matchCollectives(group: Group, notes: string[]): CommMatch[] {
  const { kernels, byRank, complete, stated } = group
  return (operations(group, notes) ?? []).map((row) => matchOf(
    kernels, row, (position) => row.filter((other) => other !== position),
    complete && row.length === byRank.size, stated ? 'process group' : 'order on a stream',
  ))
}

/** Ranks of a ring make the same hops; windows that were cut differently hold this share of the most at least. */
const SAME_HOPS = 2 / 3

/** Without peers: all ranks of the group are one ring in their order, if each has as many kernels and nothing says otherwise. */
function matchRingByPattern(group: Group, annotated: readonly (string | null)[], notes: string[]): CommMatch[] {
  const { kernels, byRank, members, stated, complete } = group
  const said = new Set([...byRank.values()].flat().map((position) => annotated[position]))
  const pointToPoint = [...said].every((text) => text === null || commKind(text) === 'send-recv')
  if (!pointToPoint || !complete) {
    notes.push(noted(group, 'nothing says whom they exchange with, and not all ranks are there; they stay unmatched.'))
    return []
  }
  const counts = [...byRank.values()].map((own) => own.length)
  if (Math.min(...counts) < SAME_HOPS * Math.max(...counts)) {
    notes.push(noted(group, `nothing says whom they exchange with, and some ranks have ${Math.min(...counts)}, others ${Math.max(...counts)}, as the stages of a pipeline; they stay unmatched.`))
    return []
  }
  const ring = members ?? [...byRank.keys()].sort((a, b) => a - b)
  const rows = operations(group, notes) ?? []
  return rows.filter((row) => row.length === ring.length).map((row) => {
    const at = new Map(row.map((position) => [kernels[position].rank, position]))
    const neighbour = (position: number, distance: number): number =>
      at.get(ring[(ring.indexOf(kernels[position].rank) + distance + ring.length) % ring.length]) ?? position
    return matchOf(kernels, row, (position) => [...new Set([neighbour(position, -1), neighbour(position, 1)])],
      true, stated ? 'process group' : 'order on a stream')
  })
}

/**
 * Which kernels of different ranks are one operation. Collectives go by process group and order; transfers by who says to
 * send to whom and receive from whom, else by the ranks' order in a group that is complete.
 * @param ranks all ranks of the trace
 * @param world as the files say, null where they do not
 */
export function matchKernels(found: CommKernels, ranks: readonly number[], world: number | null): MatchedKernels {
  const { kernels, annotated, groupSize, numbered } = found
  const groups = new Map<string, number[]>()
  for (const [position, { kind, group }] of kernels.entries()) {
    const key = `${kind}\n${group}`
    const list = groups.get(key)
    if (list === undefined) groups.set(key, [position])
    else list.push(position)
  }
  const wholeWorld = world === null ? ranks.every((rank, at) => rank === at) : ranks.length === world
  const notes: string[] = []
  const matches: CommMatch[] = []
  for (const positions of groups.values()) {
    const byRank = new Map<number, number[]>()
    for (const position of positions) {
      const own = byRank.get(kernels[position].rank)
      if (own === undefined) byRank.set(kernels[position].rank, [position])
      else own.push(position)
    }
    if (byRank.size < 2) continue
    const [first] = positions
    const { members, kind, group: name } = kernels[first]
    const size = groupSize[first]
    const stated = members !== null || name.startsWith('group ')
    const complete = members !== null ? members.every((rank) => byRank.has(rank))
      : size !== null ? byRank.size === size : wholeWorld && byRank.size === ranks.length
    const group: Group = { kernels, byRank, name, members, complete, stated, numbered: numbered[first] }
    if (kind !== 'send-recv') matches.push(...matchCollectives(group, notes))
    else if (positions.some((position) => kernels[position].source !== null || kernels[position].destination !== null)) {
      matches.push(...matchStatedPeers(group, notes))
    } else matches.push(...matchRingByPattern(group, annotated, notes))
  }
  matches.sort((a, b) => kernels[a.kernels[0]].startNs - kernels[b.kernels[0]].startNs)
  return { matches, notes }
}
