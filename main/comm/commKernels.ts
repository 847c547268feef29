import type { Timeline } from '../timeline/timeline.ts'
import type { CommKernel, CommKind } from './comm.ts'
import { type CommFacts, commFacts } from './commFacts.ts'
import { kernelKind } from './commNames.ts'
import { type Peers, peersOfGroup } from './peers.ts'

export interface CommKernels {
  /** By rank, then start. */
  readonly kernels: readonly CommKernel[]
  /** By position: what was said of the launch ("nccl:coalesced", "allreduce"), null where nothing was. */
  readonly annotated: readonly (string | null)[]
  /** By position: whether `order` is a sequence number, the same on all ranks. */
  readonly numbered: readonly boolean[]
  /** Number of ranks in each kernel's group, where the trace says. */
  readonly groupSize: readonly (number | null)[]
  /** What had to be assumed, in sentences. */
  readonly notes: readonly string[]
}

/**
 * A key that is the same on all ranks of a group. Two groups of the same ranks differ by name; a name counts only where
 * all ranks of these members use the same ones, since names need not agree between processes.
 */
function groupKeys(facts: readonly CommFacts[]): string[] {
  const membersText = (each: CommFacts): string | null => each.members?.join(',') ?? null
  const namesByRank = new Map<string, Map<number, Set<string>>>()
  for (const each of facts) {
    const members = membersText(each)
    if (members === null) continue
    const ofMembers = namesByRank.get(members) ?? new Map<number, Set<string>>()
    namesByRank.set(members, ofMembers)
    ofMembers.set(each.rank, (ofMembers.get(each.rank) ?? new Set<string>()).add(each.groupName ?? ''))
  }
  const namesAgree = new Map([...namesByRank].map(([members, byRank]) => {
    const [first, ...others] = [...byRank.values()].map((names) => [...names].sort().join('\n'))
    return [members, others.every((names) => names === first)] as const
  }))
  return facts.map((each) => {
    const members = membersText(each)
    if (members !== null) return namesAgree.get(members) && each.groupName !== null ? `group ${each.groupName} of ranks ${members}` : `ranks ${members}`
    return each.groupName === null ? `stream ${each.stream}` : `group ${each.groupName}`
  })
}

/** Sequence numbers, where every kernel of a group has one and they ascend on each rank; else positions. */
function ordersOf(facts: readonly CommFacts[]): { readonly orders: readonly number[]; readonly numbered: boolean } {
  const last = new Map<number, number>()
  const numbered = facts.every(({ rank, sequence }) => {
    const ascends = sequence !== null && sequence > (last.get(rank) ?? Number.NEGATIVE_INFINITY)
    if (sequence !== null) last.set(rank, sequence)
    return ascends
  })
  if (numbered) return { orders: facts.map(({ sequence }) => sequence ?? 0), numbered }
  const counts = new Map<number, number>()
  return {
    numbered,
    orders: facts.map(({ rank }) => {
      const order = counts.get(rank) ?? 0
      counts.set(rank, order + 1)
      return order
    }),
  }
}

/**
 * Where no group is named, sends and receives may be on streams of their own: streams that only send and streams that only
 * receive have one key.
 */
function joinStreams(facts: readonly CommFacts[], kinds: readonly CommKind[], keys: string[]): void {
  const directions = new Map<string, { sends: boolean; receives: boolean }>()
  for (const [at, { source, destination, rank, members, groupName }] of facts.entries()) {
    if (kinds[at] !== 'send-recv' || members !== null || groupName !== null) continue
    const known = directions.get(keys[at]) ?? { sends: false, receives: false }
    directions.set(keys[at], {
      sends: known.sends || (destination !== null && destination !== rank), receives: known.receives || (source !== null && source !== rank),
    })
  }
  const oneWay = [...directions].filter(([, { sends, receives }]) => sends !== receives)
  if (!oneWay.some(([, { sends }]) => sends) || !oneWay.some(([, { receives }]) => receives)) return
  const joined = oneWay.map(([key]) => key)
  for (const [at, key] of keys.entries()) if (kinds[at] === 'send-recv' && joined.includes(key)) keys[at] = joined.join(' and ')
}

/** The peers of a group's kernels that send or receive; says in `notes` what had to be assumed. */
function namedPeers(facts: readonly CommFacts[], key: string, notes: string[]): readonly Peers[] {
  const { peers, from } = peersOfGroup(facts)
  if (from === 'local') notes.push(`Source and destination ranks of ${key} count within the group: only so do its sends and receives meet.`)
  if (from === 'roles') notes.push(`Sends and receives of ${key} name no peers: each rank is taken to send to the group's next.`)
  return peers
}

/** The communication kernels of all ranks of an imported trace; none for runs of our own, whose spans say more. */
export function commKernels(timeline: Timeline): CommKernels {
  const facts = commFacts(timeline)
  const keys = groupKeys(facts)
  const kinds = facts.map(({ name, annotated }) => kernelKind(name, annotated))
  joinStreams(facts, kinds, keys)
  const groups = new Map<string, number[]>()
  for (const at of facts.keys()) {
    const key = `${kinds[at]}\n${keys[at]}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [at])
    else group.push(at)
  }
  const kernels: CommKernel[] = []
  const numberedAt: boolean[] = []
  const notes: string[] = []
  for (const positions of groups.values()) {
    const ofGroup = positions.map((at) => facts[at])
    const { orders, numbered } = ordersOf(ofGroup)
    const transfers = kinds[positions[0]] === 'send-recv'
    const peers = transfers ? namedPeers(ofGroup, keys[positions[0]], notes) : []
    for (const [index, at] of positions.entries()) {
      const { span, rank, members, bytes } = facts[at]
      numberedAt[at] = numbered
      kernels[at] = {
        span, rank, kind: kinds[at], group: keys[at], order: orders[index],
        startNs: timeline.spans.startNs[span], endNs: timeline.spans.startNs[span] + timeline.spans.durationNs[span],
        ...(transfers ? peers[index] : { source: null, destination: null }), members, bytes,
      }
    }
  }
  return {
    kernels, notes, numbered: numberedAt, annotated: facts.map(({ annotated }) => annotated),
    groupSize: facts.map(({ members, groupSize }) => members?.length ?? groupSize),
  }
}
