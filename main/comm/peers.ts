import type { CommFacts } from './commFacts.ts'

/** The ends of a kernel's transfers, as global ranks. */
export interface Peers {
  readonly source: number | null
  readonly destination: number | null
}

type Numbering = 'global' | 'local'

/** A kernel's peers under a numbering; null where the numbers cannot be meant so. The rank itself is no peer of its own. */
function resolve({ source, destination, members, rank }: CommFacts, numbering: Numbering): Peers | null {
  const resolved: (number | null)[] = []
  for (const written of [source, destination]) {
    // -1 stands for none.
    if (written === null || written < 0) resolved.push(null)
    else if (numbering === 'local') {
      if (members === null || written >= members.length) return null
      resolved.push(members[written])
    } else {
      if (members !== null && !members.includes(written)) return null
      resolved.push(written)
    }
  }
  const [from, to] = resolved.map((peer) => (peer === rank ? null : peer))
  return { source: from, destination: to }
}

/** How well a numbering explains a group's kernels: each send that some rank receives, each kernel that names a peer. */
function plausibility(facts: readonly CommFacts[], numbering: Numbering): number {
  const sends = new Set<string>()
  const receives = new Set<string>()
  let sensible = 0
  for (const each of facts) {
    const peers = resolve(each, numbering)
    if (peers === null) return Number.NEGATIVE_INFINITY
    if (peers.destination !== null) sends.add(`${each.rank} ${peers.destination}`)
    if (peers.source !== null) receives.add(`${peers.source} ${each.rank}`)
    if (peers.source !== null || peers.destination !== null) sensible++
  }
  const met = [...sends].filter((pair) => receives.has(pair)).length
  return met * facts.length + sensible
}

/** What an annotation says that a kernel does, where it does one of the two only. */
function roleOf(annotated: string | null): 'send' | 'receive' | null {
  if (annotated === null) return null
  const [sends, receives] = [/(?:^|[^a-z])i?send(?:[^a-z]|$)/i.test(annotated), /(?:^|[^a-z])(?:i?recv|receive)(?:[^a-z]|$)/i.test(annotated)]
  return sends === receives ? null : sends ? 'send' : 'receive'
}

/**
 * Kernels that both send and receive, of which the trace names one end only: the other end is the rank that names this one.
 * Left as they are where several do.
 */
function completedEnds(facts: readonly CommFacts[], peers: readonly Peers[]): readonly Peers[] {
  const named = [...peers.keys()].filter((at) => peers[at].source !== null || peers[at].destination !== null)
  const lacks = (end: 'source' | 'destination'): boolean =>
    named.length > 0 && named.every((at) => facts[at][end] === null && roleOf(facts[at].annotated) === null)
  const [missing, known] = lacks('destination') ? ['destination', 'source'] as const : lacks('source') ? ['source', 'destination'] as const : []
  if (missing === undefined) return peers
  const naming = new Map<number, Set<number>>()
  for (const at of named) {
    const peer = peers[at][known]
    if (peer !== null) naming.set(peer, (naming.get(peer) ?? new Set<number>()).add(facts[at].rank))
  }
  return peers.map((own, at) => {
    const [other, ...more] = naming.get(facts[at].rank) ?? []
    return own[known] === null || other === undefined || more.length > 0 ? own : { ...own, [missing]: other }
  })
}

/**
 * Sends and receives that are kernels of their own and name nobody: of ranks that all send as often as they receive each is
 * taken to send to the group's next. Null where they are none.
 */
function neighboursByRole(facts: readonly CommFacts[]): readonly Peers[] | null {
  const members = facts.at(0)?.members ?? null
  const roles = facts.map(({ annotated }) => roleOf(annotated))
  if (members === null || members.length < 2 || roles.includes(null)) return null
  const count = (rank: number, role: 'send' | 'receive'): number => facts.filter((each, at) => each.rank === rank && roles[at] === role).length
  const each = count(members[0], 'send')
  if (members.some((rank) => count(rank, 'send') !== each || count(rank, 'receive') !== each)) return null
  return facts.map(({ rank }, at): Peers => {
    const own = members.indexOf(rank)
    return roles[at] === 'send'
      ? { source: null, destination: members[(own + 1) % members.length] }
      : { source: members[(own + members.length - 1) % members.length], destination: null }
  })
}

/**
 * The global ranks that the kernels of one group name. `Src Rank` and `Dst Rank` are global in some versions of PyTorch and
 * count within the process group in others (pytorch/pytorch#153819), and nothing in a trace says which: the numbering
 * under which sends and receives meet is taken, the global one where both do.
 * @param facts kernels of one group, of all ranks
 */
export function peersOfGroup(facts: readonly CommFacts[]): { readonly peers: readonly Peers[]; readonly from: Numbering | 'roles' } {
  const named = facts.filter(({ source, destination }) => source !== null || destination !== null)
  if (named.length === 0) {
    const assumed = neighboursByRole(facts)
    if (assumed !== null) return { peers: assumed, from: 'roles' }
  }
  const from = named.length > 0 && plausibility(named, 'local') > plausibility(named, 'global') ? 'local' : 'global'
  return { peers: completedEnds(facts, facts.map((each) => resolve(each, from) ?? { source: null, destination: null })), from }
}
