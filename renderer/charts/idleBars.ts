import type { TimelineAnalysis, TraceRankFigures } from '../../preload/contract/analysis.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { formatMs, formatPercent } from '../format/quantity.ts'
import { CATEGORY_LOOKS, IDLE_LOOK, meaningOf } from '../theme/categories.ts'
import type { StackedBarsPicture } from './stackedBars.ts'

/** Where one rank's time went: parts of a whole, in ms. */
export interface IdleBar {
  readonly rank: number
  readonly computeMs: number
  readonly waitLinkMs: number
  readonly waitPeerMs: number
  /** Device work of other kinds that neither compute nor communication hides, in traces of other tools. */
  readonly memoryMs: number
  readonly otherMs: number
  readonly totalMs: number
  /** How long the plan's pairs would take on this rank at the rate at which the busiest rank fills the makespan. */
  readonly theoryComputeMs: number | null
}

export const IDLE_PARTS = [
  { key: 'computeMs', label: CATEGORY_LOOKS.compute.label, colour: CATEGORY_LOOKS.compute.colour, meaning: CATEGORY_LOOKS.compute.meaning },
  { key: 'waitLinkMs', label: 'exposed wire', colour: CATEGORY_LOOKS['wait-link'].colour, meaning: CATEGORY_LOOKS['wait-link'].meaning },
  { key: 'waitPeerMs', label: CATEGORY_LOOKS['wait-peer'].label, colour: CATEGORY_LOOKS['wait-peer'].colour, meaning: CATEGORY_LOOKS['wait-peer'].meaning },
  { key: 'memoryMs', label: 'memory and other', colour: CATEGORY_LOOKS.memory.colour, meaning: 'Copies, fills and kernels that no rule knows, where neither compute nor communication runs' },
  { key: 'otherMs', label: IDLE_LOOK.label, colour: null, meaning: IDLE_LOOK.meaning },
] as const
export type IdlePart = (typeof IDLE_PARTS)[number]['key']

/** What parts mean in the traces of other tools. */
const FOREIGN: Partial<Readonly<Record<IdlePart, { readonly label: string; readonly meaning: string }>>> = {
  computeMs: { label: 'compute', meaning: meaningOf('compute', true) },
  waitLinkMs: { label: 'exposed transfer', meaning: 'Communication kernels that no compute hides, without the time in which they wait for a late peer' },
  waitPeerMs: { label: 'waiting for a late peer', meaning: 'Communication kernels that no compute hides, until the latest kernel that they need has begun: imbalance' },
  otherMs: { label: 'idle', meaning: 'Nothing runs on the device' },
}

export interface ShownPart {
  readonly key: IdlePart
  readonly label: string
  readonly colour: string | null
  readonly meaning: string
}

/** Where none of a trace's kernels is known to wait, for want of peers. */
const UNDIVIDED = { label: 'exposed communication', meaning: 'Communication kernels that no compute hides, their spinning included' }

/** The parts that occur, named for what they are: an imported trace knows kernels, not bytes under way. */
export function shownParts(bars: readonly IdleBar[], ofRun: boolean): ShownPart[] {
  const divided = bars.some(({ waitPeerMs }) => waitPeerMs > 0)
  return IDLE_PARTS
    .filter(({ key }) => (ofRun && key !== 'memoryMs') || key === 'computeMs' || key === 'otherMs' || bars.some((bar) => bar[key] > 0))
    .map((part) => (ofRun ? part : { ...part, ...(part.key === 'waitLinkMs' && !divided ? UNDIVIDED : FOREIGN[part.key]) }))
}

/** Share of the makespan that a rank computes when communication is free: its pairs over those of the critical path. */
export function theoryComputeShare(plan: PlanReport, rank: number): number | null {
  const entry = plan.plan.ranks.find((candidate) => candidate.rank === rank)
  return entry === undefined || plan.makespanPairs === 0 ? null : entry.pairs / plan.makespanPairs
}

function ofTrace(rank: TraceRankFigures): IdleBar {
  const waitUs = rank.exposedWaitUs
  const ms = (us: number): number => Math.max(0, us) / 1000
  return {
    rank: rank.rank, computeMs: ms(rank.computeUs), waitLinkMs: ms(rank.exposedCommUs - waitUs), waitPeerMs: ms(waitUs),
    // What is busy is compute, or communication that it does not hide, or the rest.
    memoryMs: ms(rank.spanUs - rank.idleUs - rank.computeUs - rank.exposedCommUs),
    otherMs: ms(rank.idleUs), totalMs: ms(rank.spanUs), theoryComputeMs: null,
  }
}

/**
 * Bars of a timeline: means over the measured iterations of a run, none where a run completed none; totals of a trace that
 * holds no run of ours.
 */
export function idleBarsOf(analysis: TimelineAnalysis): IdleBar[] {
  const { run } = analysis.trace
  if (run === null) return analysis.trace.ranks.map(ofTrace)
  if (run.iterations.length === 0) return []
  const count = run.iterations.length
  const totalMs = run.iterations.reduce((sum, { makespanMs }) => sum + makespanMs, 0) / count
  return run.ranks.map((rank) => {
    const share = analysis.plan === null ? null : theoryComputeShare(analysis.plan, rank.rank)
    const [computeMs, waitLinkMs, waitPeerMs] = [rank.computeMs / count, rank.waitLinkMs / count, rank.waitPeerMs / count]
    return {
      rank: rank.rank, computeMs, waitLinkMs, waitPeerMs, memoryMs: 0, totalMs,
      otherMs: Math.max(0, totalMs - computeMs - waitLinkMs - waitPeerMs),
      theoryComputeMs: share === null ? null : share * totalMs,
    }
  })
}

/** Share of the time in which the rank does not compute. */
export const idleShare = (bar: IdleBar): number => (bar.totalMs === 0 ? 0 : 1 - bar.computeMs / bar.totalMs)

/** Stacked bars per rank, with a tick where the plan says that computing would end. */
export function idleBarsPicture(bars: readonly IdleBar[], ofRun: boolean): StackedBarsPicture {
  const note = (bar: IdleBar): string => (bar.theoryComputeMs === null ? '' : `, theory ${formatPercent(1 - bar.theoryComputeMs / bar.totalMs)}`)
  return {
    left: 64, right: 168, format: formatMs,
    bars: bars.map((bar) => ({
      label: `Rank ${bar.rank}`, parts: IDLE_PARTS.map(({ key, colour }) => ({ length: bar[key], colour })), tick: bar.theoryComputeMs,
      note: ofRun ? `${formatPercent(idleShare(bar))} idle${note(bar)}` : `${formatPercent(1 - idleShare(bar))} compute`,
    })),
  }
}
