import type { Timeline } from '../timeline/timeline.ts'
import { clockEvidence } from './clockEvidence.ts'
import { type ClockEstimate, estimateClocks } from './clockEstimate.ts'
import type { CommKernel, CommMatch } from './comm.ts'
import { commKernels } from './commKernels.ts'
import { traceRanks } from './communication.ts'
import { matchKernels } from './matchKernels.ts'

export interface ClockAlignment {
  /** In words, for people. */
  readonly method: string
  /** Whether every rank is on the common clock. */
  readonly aligned: boolean
  /**
   * Ascending by rank. `offsetNs` is what is to be added to the rank's times in the given timeline; the lowest rank's is 0.
   * `uncertaintyNs`: the truth is at most so far away. 0 for the lowest rank and those of its file; null for ranks that
   * nothing relates to it, whose offset is 0.
   */
  readonly ranks: readonly { readonly rank: number; readonly offsetNs: number; readonly uncertaintyNs: number | null }[]
}

export interface ClockFacts {
  /** Ranks whose times in the timeline count from one common moment, because their files say when their clocks' 0 was. */
  readonly sharedBase: readonly number[]
}

/** Clocks kept by NTP agree about so well: evidence that says less than this does not overrule the files' own times. */
const NTP_NS = 1_000_000
/** What clocks of a fleet are assumed to differ by at most where only the files' own times relate them. */
const FLEET_NS = 50_000_000
/** Evidence that agrees with itself this well is believed however wide the bounds are. */
const CLOSE_NS = 20_000

/** From so few matches no refinement of a base that they agree with. */
const FEW_MATCHES = 8

interface PlacedClock {
  readonly offsetNs: number
  readonly uncertaintyNs: number | null
  readonly by: 'reference' | 'evidence' | 'base' | 'nothing'
}

const counted = (count: number, what: string): string => `${count} matched ${what}${count === 1 ? '' : 's'}`

function describe(matches: readonly CommMatch[]): string {
  const transfers = matches.filter(({ kind }) => kind === 'send-recv').length
  const collectives = matches.length - transfers
  return [...(transfers > 0 ? [counted(transfers, 'transfer')] : []), ...(collectives > 0 ? [counted(collectives, 'collective')] : [])].join(' and ')
}

/** Partners that are stated, or that must be each other's because everyone is there. */
const isEvidence = ({ evidence, complete }: CommMatch): boolean => evidence !== 'order on a stream' || complete

/** The clock of each rank: ranks of one file share theirs. @returns numbers from 0, that of the lowest rank. */
function clocksByRank({ trace }: Timeline, ranks: readonly number[]): Map<number, number> {
  const fileOf = new Map(trace?.ranks.map(({ rank, file }) => [rank, file]))
  const numbers = new Map<string, number>()
  return new Map(ranks.map((rank) => {
    const file = fileOf.get(rank)
    const key = file === undefined ? `rank ${rank}` : `file ${file}`
    const known = numbers.get(key) ?? numbers.size
    numbers.set(key, known)
    return [rank, known]
  }))
}

/** @param matches how many matches the clock is part of. */
function place(estimate: ClockEstimate | null, clock: number, onBase: boolean, matches: number): PlacedClock {
  if (clock === 0) return { offsetNs: 0, uncertaintyNs: 0, by: 'reference' }
  const base = (uncertaintyNs: number): PlacedClock => ({ offsetNs: 0, uncertaintyNs, by: 'base' })
  if (estimate === null) return onBase ? base(FLEET_NS) : { offsetNs: 0, uncertaintyNs: null, by: 'nothing' }
  const [low, high] = [estimate.lowNs[clock], estimate.highNs[clock]]
  const bounded = Number.isFinite(low) && Number.isFinite(high)
  const weak = !bounded || matches < FEW_MATCHES || high - low > NTP_NS && estimate.spreadNs[clock] > CLOSE_NS
  if (onBase && weak && low <= 0 && high >= 0) return base(bounded ? Math.max(-low, high) : FLEET_NS)
  if (!bounded) {
    // One-sided evidence that the base contradicts: the least correction that it asks for.
    if (onBase) return { offsetNs: Math.round(low > 0 ? low : high), uncertaintyNs: FLEET_NS, by: 'evidence' }
    return { offsetNs: 0, uncertaintyNs: null, by: 'nothing' }
  }
  const offsetNs = estimate.estimateNs[clock]
  return { offsetNs, uncertaintyNs: Math.ceil(Math.max(high - offsetNs, offsetNs - low)), by: 'evidence' }
}

/**
 * What the matches say of the clocks. Where all of them together contradict themselves, some kernels were taken for one
 * operation that are not: those whose partners are not stated are left out, then transfers, whose order is less sure.
 */
function weigh(kernels: readonly CommKernel[], matches: readonly CommMatch[], clockOf: (rank: number) => number, count: number) {
  const all = matches.filter(isEvidence)
  const stated = all.filter(({ evidence }) => evidence !== 'order on a stream')
  const collectives = all.filter(({ kind }) => kind !== 'send-recv')
  for (const believed of [all, stated, collectives]) {
    if (believed.length === 0) continue
    const estimate = estimateClocks(clockEvidence(kernels, believed, clockOf), count)
    if (estimate !== null) return { believed, estimate, contradicts: believed.length < all.length }
  }
  return { believed: [], estimate: null, contradicts: all.length > 0 }
}

/**
 * Puts the ranks of several files on the lowest rank's clock. The files' own times are the start where they say when their
 * clocks began; matched communication kernels then bound each clock's offset, since none can end before a kernel that it
 * needs has started and a transfer has passed, and give the likeliest value, since what is one operation mostly ends at one
 * moment. Clocks are taken to run at one rate. The timeline is not changed.
 * @param timeline each rank on its file's clock, the base added where it is known
 * @param facts by default all ranks share a base if the timeline says when its 0 was
 */
export function alignClocks(timeline: Timeline, facts: ClockFacts | null = null): ClockAlignment {
  const ranks = traceRanks(timeline)
  const clocks = clocksByRank(timeline, ranks)
  const clockOf = (rank: number): number => clocks.get(rank) ?? 0
  const count = new Set(clocks.values()).size
  if (count <= 1) {
    return { method: 'one file, one clock', aligned: true, ranks: ranks.map((rank) => ({ rank, offsetNs: 0, uncertaintyNs: 0 })) }
  }
  const sharedBase = new Set(facts?.sharedBase ?? (timeline.trace?.clock.originNs === null ? [] : ranks))
  const found = commKernels(timeline)
  const { matches } = matchKernels(found, ranks, timeline.trace?.world ?? null)
  const { believed, estimate, contradicts } = weigh(found.kernels, matches, clockOf, count)
  const referenceOnBase = sharedBase.has(ranks[0])
  const matchesOf = (clock: number): number => believed.filter((match) => match.kernels.some((kernel) => clockOf(found.kernels[kernel].rank) === clock)).length
  const placed = ranks.map((rank) =>
    ({ rank, ...place(estimate, clockOf(rank), referenceOnBase && sharedBase.has(rank), matchesOf(clockOf(rank))) }))
  return {
    method: methodOf(placed, believed, estimate, contradicts, sharedBase.size > 0),
    aligned: placed.every(({ by }) => by !== 'nothing'),
    ranks: placed.map(({ rank, offsetNs, uncertaintyNs }) => ({ rank, offsetNs, uncertaintyNs })),
  }
}

function methodOf(
  placed: readonly (PlacedClock & { readonly rank: number })[], believed: readonly CommMatch[], estimate: ClockEstimate | null, contradicts: boolean, hasBase: boolean,
): string {
  const by = (what: PlacedClock['by']): number[] => placed.filter((each) => each.by === what).map(({ rank }) => rank)
  const list = (ranks: readonly number[]): string => `rank${ranks.length === 1 ? '' : 's'} ${ranks.join(', ')}`
  const [refined, kept, left] = [by('evidence'), by('base'), by('nothing')]
  const sentences: string[] = []
  const start = hasBase ? 'file base times' : 'clocks of the files, which name no common base'
  if (refined.length > 0) {
    sentences.push(`${start}, refined by causality of ${describe(believed)}${estimate?.sendsBind === false ? ', sends taken as buffered' : ''}`)
    if (kept.length > 0) sentences.push(`${list(kept)} on the file's own base, which the matches do not bound more closely`)
  } else if (kept.length > 0) {
    sentences.push(believed.length > 0 ? `file base times, within the bounds that ${describe(believed)} set` : 'file base times; no matched kernels refine them')
  } else sentences.push('clocks of the files, unrelated')
  if (contradicts) sentences.push(`${believed.length > 0 ? 'other ' : ''}matched kernels contradict each other whatever the clocks, so they were not used`)
  if (left.length > 0) sentences.push(`${list(left)} unaligned: nothing relates them to rank ${placed[0].rank}`)
  return sentences.join('; ')
}
