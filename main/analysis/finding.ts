import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { StepPass } from '../../kernels/plan/plan.ts'
import type { TraceAnalysis, TraceRankFigures } from '../../preload/contract/analysis.ts'
import type { RunResult } from '../../preload/contract/run.ts'

/** Ranks whose idle shares differ by less are called balanced. */
const BALANCED_SPREAD = 0.05
/** Below this share nobody is said to idle. */
const NOTABLE_IDLE = 0.05
/** From this share of a wait on, one pass is said to have it. */
const MOST = 0.7
/** From this share of a rank's time on, what a trace shows is worth the title. */
const NOTABLE = 0.1
/** From this share on, communication kernels are said to be waiting. */
const MOSTLY = 0.5

const percent = (share: number): string => `${Math.round(share * 100)} %`
const idleShare = (rank: TraceRankFigures): number => (rank.spanUs === 0 ? 0 : rank.idleUs / rank.spanUs)

function most<T>(items: readonly T[], figure: (item: T) => number): T {
  return items.reduce((best, item) => (figure(item) > figure(best) ? item : best))
}

interface Waits {
  /** Waiting for the wire in blocks of a pass, µs an iteration, by pass. */
  readonly linkUs: Readonly<Record<StepPass, number>>
  /** Waiting in the all-to-alls, µs an iteration: for the wire and for peers, and for the wire alone. */
  readonly exchangeUs: number
  readonly exchangeLinkUs: number
}

/** What a rank waits for over the steps of an iteration. */
function waitsOf({ steps, run }: TraceAnalysis, rank: number): Waits {
  const planned = run?.plan.ranks.find((candidate) => candidate.rank === rank)?.steps ?? []
  const linkUs = { forward: 0, backward: 0 }
  let exchangeUs = 0
  let exchangeLinkUs = 0
  for (const cell of steps) {
    if (cell.rank !== rank) continue
    const step = planned.at(cell.step)
    if (step?.stage === 'exchange') {
      exchangeUs += cell.waitPeerUs + cell.waitLinkUs
      exchangeLinkUs += cell.waitLinkUs
    } else linkUs[step?.pass ?? 'forward'] += cell.waitLinkUs
  }
  return { linkUs, exchangeUs, exchangeLinkUs }
}

/** The pass that most of a wait falls in, where there are two and one has clearly more. */
function whichPass({ forward, backward }: Waits['linkUs'], passes: RunConfig['pass']): string {
  if (passes === 'forward') return ''
  const share = backward / (forward + backward)
  return share > MOST ? ' in the backward pass' : 1 - share > MOST ? ' in the forward pass' : ''
}

function ringFinding(analysis: TraceAnalysis, run: RunResult): string {
  const { ranks } = analysis
  if (ranks.length === 1) return `Rank ${ranks[0].rank} computes ${percent(1 - idleShare(ranks[0]))} of the time`
  const idlest = most(ranks, idleShare)
  const share = idleShare(idlest)
  const least = ranks.reduce((lowest, rank) => Math.min(lowest, idleShare(rank)), 1)
  const idleUs = idlest.idleUs / Math.max(1, run.iterations.length)
  const waits = waitsOf(analysis, idlest.rank)
  const iterationUs = idlest.spanUs / Math.max(1, run.iterations.length)
  // Where a rank mostly waits there for a late peer, that peer is the finding and not the all-to-all.
  if (share >= NOTABLE_IDLE && waits.exchangeUs > idleUs / 2 && waits.exchangeLinkUs >= waits.exchangeUs / 2) {
    return `The all-to-all takes ${percent(waits.exchangeUs / iterationUs)} of the iteration: nothing hides it`
  }
  if (share >= NOTABLE_IDLE && waits.linkUs.forward + waits.linkUs.backward > idleUs / 2) {
    const wire = `mostly waiting for the wire${whichPass(waits.linkUs, run.config.pass)}`
    return share - least < BALANCED_SPREAD ? `Ranks idle up to ${percent(share)}, ${wire}` : `Rank ${idlest.rank} idles ${percent(share)}, ${wire}`
  }
  if (share - least < BALANCED_SPREAD) return `Ranks are balanced: at most ${percent(share)} idle`
  return `Rank ${idlest.rank} idles ${percent(share)} waiting for rank ${most(ranks, (rank) => rank.computeUs).rank}`
}

/** Whom a figure of an imported trace is about: a trace that names no ranks must not be said to have a rank 0. */
function subjectOf(rank: TraceRankFigures, ranks: readonly TraceRankFigures[], namesRanks: boolean): string {
  if (namesRanks) return `Rank ${rank.rank}`
  return ranks.length === 1 ? 'This trace' : `One of ${ranks.length} processes`
}

/** What is waited for in rings, where that is what they lose most by. */
function ringWaits({ rings, world }: TraceAnalysis): string | null {
  const times = rings.flatMap((ring) => ring.times)
  // One sentence about all passes of a rank: forward and backward ones are rings of their own in the analysis.
  const byRank = [...Map.groupBy(times, ({ rank }) => rank)].map(([rank, own]) => {
    const sum = (figure: (time: (typeof own)[number]) => number): number => own.reduce((total, time) => total + figure(time), 0)
    return {
      rank, ringUs: sum(({ ringUs }) => ringUs), waitUs: sum(({ exposedWaitUs }) => exposedWaitUs), transferUs: sum(({ exposedTransferUs }) => exposedTransferUs),
      waitedFor: most(own, ({ exposedWaitUs }) => exposedWaitUs).waitedFor, estimated: own.some(({ estimated }) => estimated),
    }
  }).filter(({ ringUs }) => ringUs > 0)
  if (byRank.length === 0) return null
  const worst = most(byRank, ({ waitUs, ringUs }) => waitUs / ringUs)
  const share = worst.waitUs / worst.ringUs
  if (share < NOTABLE || worst.waitUs < worst.transferUs) return null
  const whom = worst.waitedFor !== null ? `rank ${worst.waitedFor}` : world === 2 ? 'the other rank' : 'late ranks'
  return `Rank ${worst.rank} waits ${worst.estimated ? 'an estimated ' : ''}${percent(share)} of its ring time for ${whom}`
}

/** What part of a rank's communication kernels is waiting, in words; nothing where that is not most of it. */
function waitingPart({ waitUs, transferUs, collectiveWaitUs, collectiveTransferUs, estimatedWaitUs }: TraceRankFigures): string {
  const wait = waitUs + collectiveWaitUs
  const share = wait / (wait + transferUs + collectiveTransferUs)
  return share > MOSTLY ? `; ${estimatedWaitUs > NOTABLE * wait ? 'an estimated ' : ''}${percent(share)} of its communication is waiting for other ranks` : ''
}

function traceFinding(analysis: TraceAnalysis, hasRanks: boolean): string {
  const { ranks, rankSources } = analysis
  // A lone file that does not say whose it is was given rank 0 for want of a number.
  const namesRanks = hasRanks && !(rankSources.length === 1 && rankSources[0].from === 'order')
  const waits = ringWaits(analysis)
  if (waits !== null) return waits
  const exposedShare = ({ exposedCommUs, spanUs }: TraceRankFigures): number => (spanUs === 0 ? 0 : exposedCommUs / spanUs)
  const exposed = most(ranks, exposedShare)
  if (exposedShare(exposed) >= NOTABLE) {
    return `${subjectOf(exposed, ranks, namesRanks)} spends ${percent(exposedShare(exposed))} of its time in communication that no compute hides${waitingPart(exposed)}`
  }
  const communicating = ranks.filter((rank) => rank.overlapRatio !== null)
  if (communicating.length > 0) {
    const worst = most(communicating, (rank) => -(rank.overlapRatio ?? 0))
    return `${subjectOf(worst, ranks, namesRanks)} hides ${percent(worst.overlapRatio ?? 0)} of its communication behind compute`
  }
  const idlest = most(ranks, idleShare)
  return `${subjectOf(idlest, ranks, namesRanks)} is idle ${percent(idleShare(idlest))} of the time`
}

/**
 * The finding in a sentence, from the figures alone: who idles, how much, and what for. Of an imported trace: waiting for
 * late ranks in its rings, else communication that nothing hides, else overlap, else idling.
 * @param namesRanks whether the timeline says which rank its lanes belong to.
 */
export function findingOf(analysis: TraceAnalysis, namesRanks: boolean): string {
  if (analysis.run !== null && analysis.run.iterations.length === 0) return 'No measured iteration was completed'
  if (analysis.ranks.every((rank) => rank.spanUs === 0)) return 'Nothing was recorded'
  return analysis.run === null ? traceFinding(analysis, namesRanks) : ringFinding(analysis, analysis.run)
}
