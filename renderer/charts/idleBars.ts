import type { TimelineAnalysis } from '../../preload/contract/analysis.ts'
import type { PlanReport } from '../../preload/contract/plan.ts'
import { formatMs, formatPercent } from '../format/quantity.ts'
import { CATEGORY_LOOKS, IDLE_LOOK } from '../theme/categories.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { HIDDEN_AXES, layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'

/** Where one rank's time went: parts of a whole, in ms. */
export interface IdleBar {
  readonly rank: number
  readonly computeMs: number
  readonly waitLinkMs: number
  readonly waitPeerMs: number
  readonly otherMs: number
  readonly totalMs: number
  /** How long the plan's pairs would take on this rank at the rate at which the busiest rank fills the makespan. */
  readonly theoryComputeMs: number | null
}

export const IDLE_PARTS = [
  { key: 'computeMs', label: CATEGORY_LOOKS.compute.label, colour: CATEGORY_LOOKS.compute.colour, meaning: CATEGORY_LOOKS.compute.meaning },
  { key: 'waitLinkMs', label: 'exposed wire', colour: CATEGORY_LOOKS['wait-link'].colour, meaning: CATEGORY_LOOKS['wait-link'].meaning },
  { key: 'waitPeerMs', label: CATEGORY_LOOKS['wait-peer'].label, colour: CATEGORY_LOOKS['wait-peer'].colour, meaning: CATEGORY_LOOKS['wait-peer'].meaning },
  { key: 'otherMs', label: IDLE_LOOK.label, colour: null, meaning: IDLE_LOOK.meaning },
] as const
export type IdlePart = (typeof IDLE_PARTS)[number]['key']

/** The parts that occur, named for what they are: an imported trace knows kernels, not bytes under way. */
export function shownParts(bars: readonly IdleBar[], ofRun: boolean): { readonly key: IdlePart; readonly label: string; readonly colour: string | null; readonly meaning: string }[] {
  return IDLE_PARTS
    .filter(({ key }) => ofRun || key !== 'waitPeerMs' || bars.some((bar) => bar.waitPeerMs > 0))
    .map((part) => (ofRun || part.key !== 'waitLinkMs' ? part : {
      ...part, label: 'exposed communication', meaning: 'Communication kernels that no compute hides, their spinning included',
    }))
}

/** Share of the makespan that a rank computes when communication is free: its pairs over those of the critical path. */
export function theoryComputeShare(plan: PlanReport, rank: number): number | null {
  const entry = plan.plan.ranks.find((candidate) => candidate.rank === rank)
  return entry === undefined || plan.makespanPairs === 0 ? null : entry.pairs / plan.makespanPairs
}

/**
 * Bars of a timeline: means over the measured iterations of a run, none where a run completed none; totals of a trace that
 * holds no run of ours.
 */
export function idleBarsOf(analysis: TimelineAnalysis): IdleBar[] {
  const { run } = analysis.trace
  if (run !== null && run.iterations.length === 0) return []
  if (run !== null) {
    const count = run.iterations.length
    const totalMs = run.iterations.reduce((sum, { makespanMs }) => sum + makespanMs, 0) / count
    return run.ranks.map((rank) => {
      const share = analysis.plan === null ? null : theoryComputeShare(analysis.plan, rank.rank)
      const [computeMs, waitLinkMs, waitPeerMs] = [rank.computeMs / count, rank.waitLinkMs / count, rank.waitPeerMs / count]
      return {
        rank: rank.rank, computeMs, waitLinkMs, waitPeerMs, totalMs,
        otherMs: Math.max(0, totalMs - computeMs - waitLinkMs - waitPeerMs),
        theoryComputeMs: share === null ? null : share * totalMs,
      }
    })
  }
  return analysis.trace.ranks.map((rank) => {
    const waitLinkMs = Math.max(0, rank.exposedCommUs - rank.waitUs) / 1000
    const [computeMs, waitPeerMs, totalMs] = [rank.computeUs / 1000, Math.min(rank.waitUs, rank.exposedCommUs) / 1000, rank.spanUs / 1000]
    return {
      rank: rank.rank, computeMs, waitLinkMs, waitPeerMs, totalMs,
      otherMs: Math.max(0, totalMs - computeMs - waitLinkMs - waitPeerMs), theoryComputeMs: null,
    }
  })
}

export const idleShare = (bar: IdleBar): number => (bar.totalMs === 0 ? 0 : 1 - bar.computeMs / bar.totalMs)

export const IDLE_GRID = { left: 64, right: 168, top: 22, bottom: 8 } as const
const LARGEST_BAR = 26
const LEAST_BAR = 7

export const idleChartHeight = (ranks: number): number =>
  IDLE_GRID.top + IDLE_GRID.bottom + ranks * Math.max(LEAST_BAR + 3, Math.min(LARGEST_BAR + 8, 340 / Math.max(1, ranks)))

/** The rank whose bar is at a height of the chart. */
export function barAt(bars: readonly IdleBar[], chartHeight: number, y: number): IdleBar | null {
  const row = Math.floor((y - IDLE_GRID.top) / (chartHeight - IDLE_GRID.top - IDLE_GRID.bottom) * bars.length)
  return row >= 0 && row < bars.length ? bars[row] : null
}

function barMarks(bars: readonly IdleBar[], longestMs: number, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const marks: Mark[] = []
  const rowHeight = plot.height / bars.length
  const height = Math.max(LEAST_BAR, Math.min(LARGEST_BAR, rowHeight - 6))
  for (const [row, bar] of bars.entries()) {
    const y = plot.y + (row + 0.5) * rowHeight - height / 2
    let x = plot.x
    for (const { key, colour } of IDLE_PARTS) {
      const width = bar[key] / longestMs * plot.width
      if (width <= 0) continue
      marks.push({ type: 'rect', shape: { x, y, width, height }, style: { fill: colour ?? tokens.hatchBackground } })
      if (colour === null) {
        marks.push({ type: 'hatch', shape: { rects: [[x, y, width, height]] }, style: { stroke: tokens.hatch, lineWidth: 1 } })
      }
      x += width
    }
    if (bar.theoryComputeMs !== null) {
      const at = plot.x + bar.theoryComputeMs / longestMs * plot.width
      marks.push({ type: 'line', shape: { x1: at, y1: y - 3, x2: at, y2: y + height + 3 }, style: { stroke: tokens.background, lineWidth: 5 } })
      marks.push({ type: 'line', shape: { x1: at, y1: y - 3, x2: at, y2: y + height + 3 }, style: { stroke: tokens.text, lineWidth: 2 } })
    }
  }
  return marks
}

function barLabels(bars: readonly IdleBar[], longestMs: number, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const marks: Mark[] = []
  const rowHeight = plot.height / bars.length
  const every = Math.max(1, Math.ceil(12 / rowHeight))
  const text = (content: string, x: number, y: number, align: 'left' | 'right' | 'center', fill: string): Mark => ({
    type: 'text', style: { text: content, x, y, fill, align, verticalAlign: 'middle', font: `11px ${tokens.font}` },
  })
  for (const [row, bar] of bars.entries()) {
    if (row % every !== 0) continue
    const y = plot.y + (row + 0.5) * rowHeight
    marks.push(text(`Rank ${bar.rank}`, plot.x - 8, y, 'right', tokens.text))
    const theory = bar.theoryComputeMs === null ? '' : `, theory ${formatPercent(1 - bar.theoryComputeMs / bar.totalMs)}`
    marks.push(text(`${formatPercent(idleShare(bar))} idle${theory}`, plot.x + plot.width + 8, y, 'left', tokens.muted))
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const align = share === 0 ? 'left' : share === 1 ? 'right' : 'center'
    marks.push(text(share === 0 ? '0' : formatMs(share * longestMs), plot.x + share * plot.width, plot.y - 12, align, tokens.muted))
  }
  return marks
}

function gridMarks(plot: PlotArea, tokens: ChartTokens): Mark[] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const x = plot.x + share * plot.width
    return { type: 'line', shape: { x1: x, y1: plot.y - 4, x2: x, y2: plot.y + plot.height }, style: { stroke: tokens.gridLine, lineWidth: 1 } }
  })
}

/** Stacked bars per rank, with a tick where the plan says that computing would end. */
export function idleBarsOption(bars: readonly IdleBar[], tokens: ChartTokens): EChartsOption {
  const longestMs = bars.reduce((longest, bar) => Math.max(longest, bar.totalMs), 0) || 1
  return {
    ...HIDDEN_AXES,
    grid: { ...IDLE_GRID },
    series: [
      layer('grid', false, (plot) => gridMarks(plot, tokens)),
      layer('bars', false, (plot) => barMarks(bars, longestMs, plot, tokens)),
      layer('labels', false, (plot) => barLabels(bars, longestMs, plot, tokens)),
    ],
  }
}
