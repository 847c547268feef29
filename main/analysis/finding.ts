import type { TraceAnalysis, TraceRankFigures } from '../../preload/contract/analysis.ts'

/** Ranks whose idle shares differ by less are called balanced. */
const BALANCED_SPREAD = 0.05
/** Below this share nobody is said to idle. */
const NOTABLE_IDLE = 0.05

const percent = (share: number): string => `${Math.round(share * 100)} %`
const idleShare = (rank: TraceRankFigures): number => (rank.spanUs === 0 ? 0 : rank.idleUs / rank.spanUs)

function most<T>(items: readonly T[], figure: (item: T) => number): T {
  return items.reduce((best, item) => (figure(item) > figure(best) ? item : best))
}

/** Waits of a rank over all ring steps, in µs an iteration. */
function waitsOf(analysis: TraceAnalysis, rank: number): { readonly peerUs: number; readonly linkUs: number } {
  let peerUs = 0
  let linkUs = 0
  for (const cell of analysis.steps) {
    if (cell.rank !== rank) continue
    peerUs += cell.waitPeerUs
    linkUs += cell.waitLinkUs
  }
  return { peerUs, linkUs }
}

function ringFinding(analysis: TraceAnalysis): string {
  const { ranks } = analysis
  if (ranks.length === 1) return `Rank ${ranks[0].rank} computes ${percent(1 - idleShare(ranks[0]))} of the time`
  const idlest = most(ranks, idleShare)
  const share = idleShare(idlest)
  const least = ranks.reduce((lowest, rank) => Math.min(lowest, idleShare(rank)), 1)
  const iterations = analysis.run?.iterations.length ?? 1
  const idleUs = idlest.idleUs / Math.max(1, iterations)
  const { linkUs } = waitsOf(analysis, idlest.rank)
  if (share >= NOTABLE_IDLE && linkUs > idleUs / 2) {
    return share - least < BALANCED_SPREAD
      ? `Ranks idle up to ${percent(share)}, mostly waiting for the wire`
      : `Rank ${idlest.rank} idles ${percent(share)}, mostly waiting for the wire`
  }
  if (share - least < BALANCED_SPREAD) return `Ranks are balanced: at most ${percent(share)} idle`
  return `Rank ${idlest.rank} idles ${percent(share)} waiting for rank ${most(ranks, (rank) => rank.computeUs).rank}`
}

/** Whom a figure of an imported trace is about: a trace that names no ranks must not be said to have a rank 0. */
function subjectOf(rank: TraceRankFigures, ranks: readonly TraceRankFigures[], namesRanks: boolean): string {
  if (namesRanks) return `Rank ${rank.rank}`
  return ranks.length === 1 ? 'This trace' : `One of ${ranks.length} processes`
}

function traceFinding(ranks: readonly TraceRankFigures[], namesRanks: boolean): string {
  const communicating = ranks.filter((rank) => rank.overlapRatio !== null)
  if (communicating.length > 0) {
    const worst = most(communicating, (rank) => -(rank.overlapRatio ?? 0))
    return `${subjectOf(worst, ranks, namesRanks)} hides ${percent(worst.overlapRatio ?? 0)} of its communication behind compute`
  }
  const idlest = most(ranks, idleShare)
  return `${subjectOf(idlest, ranks, namesRanks)} is idle ${percent(idleShare(idlest))} of the time`
}

/**
 * The finding in a sentence, from the figures alone: who idles, how much, and what for.
 * @param namesRanks whether the timeline says which rank its lanes belong to.
 */
export function findingOf(analysis: TraceAnalysis, namesRanks: boolean): string {
  if (analysis.run !== null && analysis.run.iterations.length === 0) return 'No measured iteration was completed'
  if (analysis.ranks.every((rank) => rank.spanUs === 0)) return 'Nothing was recorded'
  return analysis.run === null ? traceFinding(analysis.ranks, namesRanks) : ringFinding(analysis)
}
