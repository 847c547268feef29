import type { ChartTokens } from '../theme/theme.ts'
import { HIDDEN_AXES, layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'

/** One part of a bar; null is the hatched grey of idle time. */
export interface BarPart {
  readonly length: number
  readonly colour: string | null
}

export interface StackedBar {
  readonly label: string
  readonly parts: readonly BarPart[]
  /** Written to the right of the plot. */
  readonly note: string
  /** Where a tick stands, in the bar's own unit; null for none. */
  readonly tick: number | null
}

/** Horizontal bars of stacked parts on one scale. */
export interface StackedBarsPicture {
  readonly bars: readonly StackedBar[]
  /** Room at the left for the labels and at the right for the notes, in pixels. */
  readonly left: number
  readonly right: number
  /** How a length of the scale reads. */
  readonly format: (length: number) => string
}

const TOP = 22
const BOTTOM = 8
const LARGEST_BAR = 26
const LEAST_BAR = 7
const MOST_HEIGHT = 340
/** Where the scale is marked. */
const SHARES = [0, 0.25, 0.5, 0.75, 1]
const GLYPH = 6.2

/** Height that so many bars want. */
export const stackedBarsHeight = (bars: number): number =>
  TOP + BOTTOM + bars * Math.max(LEAST_BAR + 3, Math.min(LARGEST_BAR + 8, MOST_HEIGHT / Math.max(1, bars)))

/** The place of the bar at a height of the chart. */
export function barIndexAt(bars: number, chartHeight: number, y: number): number | null {
  const row = Math.floor((y - TOP) / (chartHeight - TOP - BOTTOM) * bars)
  return row >= 0 && row < bars ? row : null
}

const lengthOf = ({ parts }: StackedBar): number => parts.reduce((sum, { length }) => sum + Math.max(0, length), 0)

function barMarks({ bars }: StackedBarsPicture, longest: number, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const marks: Mark[] = []
  const rowHeight = plot.height / bars.length
  const height = Math.max(LEAST_BAR, Math.min(LARGEST_BAR, rowHeight - 6))
  for (const [row, bar] of bars.entries()) {
    const y = plot.y + (row + 0.5) * rowHeight - height / 2
    let x = plot.x
    for (const { length, colour } of bar.parts) {
      const width = length / longest * plot.width
      if (width <= 0) continue
      marks.push({ type: 'rect', shape: { x, y, width, height }, style: { fill: colour ?? tokens.hatchBackground } })
      if (colour === null) {
        marks.push({ type: 'hatch', shape: { rects: [[x, y, width, height]] }, style: { stroke: tokens.hatch, lineWidth: 1 } })
      }
      x += width
    }
    if (bar.tick !== null) {
      const at = plot.x + bar.tick / longest * plot.width
      marks.push({ type: 'line', shape: { x1: at, y1: y - 3, x2: at, y2: y + height + 3 }, style: { stroke: tokens.background, lineWidth: 5 } })
      marks.push({ type: 'line', shape: { x1: at, y1: y - 3, x2: at, y2: y + height + 3 }, style: { stroke: tokens.text, lineWidth: 2 } })
    }
  }
  return marks
}

function labelMarks({ bars, format }: StackedBarsPicture, longest: number, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const marks: Mark[] = []
  const rowHeight = plot.height / bars.length
  const every = Math.max(1, Math.ceil(12 / rowHeight))
  const text = (content: string, x: number, y: number, align: 'left' | 'right' | 'center', fill: string): Mark => ({
    type: 'text', style: { text: content, x, y, fill, align, verticalAlign: 'middle', font: `11px ${tokens.font}` },
  })
  for (const [row, bar] of bars.entries()) {
    if (row % every !== 0) continue
    const y = plot.y + (row + 0.5) * rowHeight
    marks.push(text(bar.label, plot.x - 8, y, 'right', tokens.text))
    marks.push(text(bar.note, plot.x + plot.width + 8, y, 'left', tokens.muted))
  }
  const widest = Math.max(...SHARES.map((share) => format(share * longest).length)) * GLYPH + 6
  // In a narrow plot quarters would touch, then halves; the last label stands wholly left of its place.
  const fits = (shares: number): boolean => plot.width / shares >= 1.5 * widest
  const everyShare = fits(4) ? 1 : fits(2) ? 2 : 4
  for (const share of SHARES.filter((_, at) => at % everyShare === 0)) {
    const align = share === 0 ? 'left' : share === 1 ? 'right' : 'center'
    marks.push(text(share === 0 ? '0' : format(share * longest), plot.x + share * plot.width, plot.y - 12, align, tokens.muted))
  }
  return marks
}

function gridMarks(plot: PlotArea, tokens: ChartTokens): Mark[] {
  return SHARES.map((share) => {
    const x = plot.x + share * plot.width
    return { type: 'line', shape: { x1: x, y1: plot.y - 4, x2: x, y2: plot.y + plot.height }, style: { stroke: tokens.gridLine, lineWidth: 1 } }
  })
}

export function stackedBarsOption(picture: StackedBarsPicture, tokens: ChartTokens): EChartsOption {
  const longest = picture.bars.reduce((most, bar) => Math.max(most, lengthOf(bar)), 0) || 1
  return {
    ...HIDDEN_AXES,
    grid: { left: picture.left, right: picture.right, top: TOP, bottom: BOTTOM },
    series: [
      layer('grid', false, (plot) => gridMarks(plot, tokens)),
      layer('bars', false, (plot) => barMarks(picture, longest, plot, tokens)),
      layer('labels', false, (plot) => labelMarks(picture, longest, plot, tokens)),
    ],
  }
}
