import type { ChartTokens } from '../theme/theme.ts'
import { rampColour } from '../theme/ramp.ts'
import { HIDDEN_AXES, layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'
import { spread } from './labelHeights.ts'
import { shareOf } from './logScale.ts'
import type { ChartSize } from './useChart.ts'

export interface CurveAxis {
  readonly kind: 'log' | 'linear'
  readonly low: number
  readonly high: number
  readonly ticks: readonly { readonly at: number; readonly label: string }[]
  readonly title: string
}

/** Told apart without colour. */
export type Marker = 'circle' | 'square' | 'triangle' | 'diamond'

export interface CurvePoint {
  readonly x: number
  readonly y: number
  /** What a card about it is of. */
  readonly cell: number
  /** A whisker. */
  readonly spread?: readonly [number, number]
  readonly hollow?: boolean
  readonly emphasis?: 'measured' | 'predicted'
}

export interface Curve {
  readonly id: string
  /** Written at its end; empty for none. */
  readonly label: string
  /** A number is a share of the colour ramp; null is the text's colour. */
  readonly colour: string | number | null
  readonly dash?: readonly number[]
  readonly marker: Marker | null
  /** Dots alone. */
  readonly scattered?: boolean
  /** Ascending by x. */
  readonly points: readonly CurvePoint[]
}

/** A vertical line with a text above it. */
export interface Guide {
  readonly at: number
  readonly label: string
  readonly look: 'faint' | 'measured' | 'predicted'
}

/** Curves over one axis. */
export interface CurvesPicture {
  readonly x: CurveAxis
  readonly y: CurveAxis
  readonly curves: readonly Curve[]
  readonly guides: readonly Guide[]
}

const GLYPH = 6.2
const TITLE = 18
const GUIDE_ROW = 13
const BOTTOM = 34
const LABEL = 12
const NEAR = 28
const MARKER = 4

const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length)) * GLYPH

function marginsOf({ y, curves, guides }: CurvesPicture): { left: number; right: number; top: number; bottom: number } {
  const labels = curves.map(({ label }) => label).filter((label) => label !== '')
  return {
    left: widest(y.ticks.map(({ label }) => label)) + 14,
    right: labels.length === 0 ? 14 : widest(labels) + 16,
    top: TITLE + Math.min(3, guides.length) * GUIDE_ROW + 4,
    bottom: BOTTOM,
  }
}

const share = (axis: CurveAxis, value: number): number =>
  (axis.kind === 'log' ? shareOf(axis, value) : (value - axis.low) / (axis.high - axis.low || 1))

const placeIn = (picture: CurvesPicture, plot: PlotArea) => (x: number, y: number): [number, number] =>
  [plot.x + share(picture.x, x) * plot.width, plot.y + (1 - share(picture.y, y)) * plot.height]

const pointsOf = (picture: CurvesPicture): readonly CurvePoint[] => picture.curves.flatMap(({ points }) => points)

/** The cell of the point that is nearest to a place of the chart, in pixels; null where none is near. */
export function cellNear(picture: CurvesPicture, size: ChartSize, x: number, y: number): number | null {
  const { left, right, top, bottom } = marginsOf(picture)
  const place = placeIn(picture, { x: left, y: top, width: size.width - left - right, height: size.height - top - bottom })
  let [nearest, least]: [number | null, number] = [null, NEAR]
  for (const point of pointsOf(picture)) {
    const [px, py] = place(point.x, point.y)
    const distance = Math.hypot(px - x, py - y)
    if (point.cell >= 0 && distance < least) [nearest, least] = [point.cell, distance]
  }
  return nearest
}

/** A marker's corners about a point; a circle has so many that it looks round. */
export function outline(marker: Marker, x: number, y: number, radius: number): [number, number][] {
  const corners = marker === 'circle' ? 20 : marker === 'triangle' ? 3 : 4
  const turn = marker === 'square' ? Math.PI / 4 : -Math.PI / 2
  const reach = marker === 'circle' ? radius : radius * 1.25
  return Array.from({ length: corners }, (_, at) => [x + reach * Math.cos(turn + at * 2 * Math.PI / corners), y + reach * Math.sin(turn + at * 2 * Math.PI / corners)])
}

const text = (content: string, x: number, y: number, align: 'left' | 'right' | 'center', fill: string, tokens: ChartTokens, weight = ''): Mark =>
  ({ type: 'text', style: { text: content, x, y, fill, align, verticalAlign: 'middle', font: `${weight}11px ${tokens.font}` } })

function axisMarks(picture: CurvesPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const place = placeIn(picture, plot)
  const bottom = plot.y + plot.height
  const marks: Mark[] = []
  for (const { at, label } of picture.y.ticks) {
    const [, y] = place(picture.x.low, at)
    marks.push({ type: 'line', shape: { x1: plot.x, y1: y, x2: plot.x + plot.width, y2: y }, style: { stroke: tokens.gridLine, lineWidth: 1 } })
    marks.push(text(label, plot.x - 8, y, 'right', tokens.muted, tokens))
  }
  let free = -Infinity
  for (const { at, label } of picture.x.ticks) {
    const [x] = place(at, picture.y.low)
    marks.push({ type: 'line', shape: { x1: x, y1: bottom, x2: x, y2: bottom + 4 }, style: { stroke: tokens.border, lineWidth: 1 } })
    const half = label.length * GLYPH / 2 + 4
    if (x - half < free) continue
    free = x + half
    marks.push(text(label, x, bottom + 12, 'center', tokens.muted, tokens))
  }
  marks.push({ type: 'line', shape: { x1: plot.x, y1: bottom, x2: plot.x + plot.width, y2: bottom }, style: { stroke: tokens.border, lineWidth: 1 } })
  marks.push(text(picture.x.title, plot.x + plot.width, bottom + 27, 'right', tokens.faint, tokens))
  marks.push(text(picture.y.title, 4, 8, 'left', tokens.faint, tokens))
  return marks
}

/** Labels go in the first row above the plot where they touch none before them. */
function guideMarks(picture: CurvesPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const place = placeIn(picture, plot)
  const rows = Math.min(3, picture.guides.length)
  const ends = Array.from({ length: rows }, () => -Infinity)
  const marks: Mark[] = []
  for (const { at, label, look } of [...picture.guides].sort((a, b) => a.at - b.at)) {
    const [x] = place(at, picture.y.low)
    const half = label.length * GLYPH / 2 + 4
    const middle = Math.min(Math.max(x, plot.x + half), plot.x + plot.width - half)
    const row = Math.max(0, ends.findIndex((end) => end <= middle - half))
    ends[row] = middle + half
    const y = plot.y - 8 - row * GUIDE_ROW
    const style = look === 'faint'
      ? { stroke: tokens.border, lineWidth: 1, lineDash: [2, 3] }
      : { stroke: tokens.text, lineWidth: 1.5, ...(look === 'predicted' ? { lineDash: [6, 4] } : {}) }
    marks.push({ type: 'line', shape: { x1: x, y1: y + 7, x2: x, y2: plot.y + plot.height }, style })
    marks.push(text(label, middle, y, 'center', look === 'faint' ? tokens.muted : tokens.text, tokens))
  }
  return marks
}

/** The colour that a curve is drawn in. */
export const colourOf = (colour: Curve['colour'], tokens: ChartTokens): string =>
  (colour === null ? tokens.text : typeof colour === 'number' ? rampColour(tokens.rampLow, tokens.rampHigh, colour) : colour)

function curveMarks(picture: CurvesPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const place = placeIn(picture, plot)
  const marks: Mark[] = []
  const emphasised: Mark[] = []
  const ends: { readonly label: string; readonly y: number }[] = []
  for (const { label, colour, dash, marker, scattered, points } of picture.curves) {
    const stroke = colourOf(colour, tokens)
    const places = points.map(({ x, y }) => place(x, y))
    for (let at = 1; at < places.length && scattered !== true; at++) {
      const [[x1, y1], [x2, y2]] = [places[at - 1], places[at]]
      marks.push({ type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke, lineWidth: 1.75, ...(dash === undefined ? {} : { lineDash: [...dash] }) } })
    }
    for (const [at, point] of points.entries()) {
      const [x, y] = places[at]
      if (point.spread !== undefined) {
        const [[, y1], [, y2]] = point.spread.map((value) => place(point.x, value))
        marks.push({ type: 'line', shape: { x1: x, y1, x2: x, y2 }, style: { stroke, lineWidth: 1 } })
      }
      if (marker !== null) {
        marks.push({
          type: 'polygon', shape: { points: outline(marker, x, y, MARKER) },
          style: point.hollow === true ? { fill: tokens.background, stroke, lineWidth: 1.5 } : { fill: stroke, stroke: tokens.background, lineWidth: 1 },
        })
      }
      if (point.emphasis === 'measured') emphasised.push({ type: 'polygon', shape: { points: outline('circle', x, y, 8.5) }, style: { fill: 'none', stroke: tokens.text, lineWidth: 2.5 } })
      if (point.emphasis === 'predicted') emphasised.push({ type: 'polygon', shape: { points: outline('diamond', x, y, 9) }, style: { fill: 'none', stroke: tokens.accent, lineWidth: 2 } })
    }
    const last = places.at(-1)
    if (label !== '' && last !== undefined) ends.push({ label, y: last[1] })
  }
  marks.push(...emphasised)
  const heights = spread(ends.map(({ y }) => y), LABEL)
  ends.forEach(({ label }, at) => marks.push(text(label, plot.x + plot.width + 9, heights[at], 'left', tokens.text, tokens)))
  return marks
}

export function curvesOption(picture: CurvesPicture, tokens: ChartTokens): EChartsOption {
  return {
    ...HIDDEN_AXES,
    grid: marginsOf(picture),
    series: [
      layer('axes', false, (plot) => axisMarks(picture, plot, tokens)),
      layer('guides', false, (plot) => guideMarks(picture, plot, tokens)),
      layer('curves', false, (plot) => curveMarks(picture, plot, tokens)),
    ],
  }
}
