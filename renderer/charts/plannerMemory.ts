import type { MemoryAnswer, PlannerAnswers } from '../../preload/contract/planner.ts'
import { formatBytes, formatCount } from '../format/quantity.ts'
import { CATEGORY_LOOKS } from '../theme/categories.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { HIDDEN_AXES, layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'
import { binaryTicks, logScaleOver, logTicks, shareOf, type LogScale } from './logScale.ts'
import { spread } from './labelHeights.ts'

export const MEMORY_LINES = [
  { key: 'totalBytes', label: 'in all', colour: null, dash: undefined, meaning: 'Weights with their state, activations and attention of one device' },
  { key: 'attentionBytes', label: 'attention', colour: CATEGORY_LOOKS.compute.colour, dash: undefined, meaning: 'Queries, keys, values, output and the blocks that travel' },
  { key: 'weightBytes', label: 'weights', colour: CATEGORY_LOOKS.memory.colour, dash: [6, 3], meaning: 'Weights of the model, their gradients and optimizer state, as far as a device holds them' },
  { key: 'activationBytes', label: 'activations', colour: CATEGORY_LOOKS.merge.colour, dash: [2, 2], meaning: 'What the layers keep for the backward pass' },
] as const
export type MemoryLine = (typeof MEMORY_LINES)[number]

/** Memory of a device, and the longest context, by the number of devices. */
export interface MemoryPicture {
  readonly points: readonly MemoryAnswer[]
  /** The lines that the question has. */
  readonly lines: readonly MemoryLine[]
  readonly deviceBytes: number | null
  readonly chosenDevices: number
  readonly hasContext: boolean
  readonly devices: LogScale
  readonly bytes: LogScale
  readonly tokens: LogScale
}

export function memoryPicture({ memory, cluster }: Pick<PlannerAnswers, 'memory' | 'cluster'>, chosenDevices: number): MemoryPicture {
  const points = [...memory].sort((a, b) => a.devices - b.devices)
  const parts = points.some(({ weightBytes }) => weightBytes !== null)
  const lines = MEMORY_LINES.filter(({ key }) => (key === 'totalBytes' ? parts : points.some((point) => point[key] !== null)))
  const deviceBytes = cluster.device.memoryBytes
  return {
    points, lines, deviceBytes, chosenDevices,
    hasContext: points.some(({ longestContextTokens }) => longestContextTokens !== null),
    devices: logScaleOver(points.map(({ devices }) => devices)),
    bytes: logScaleOver([deviceBytes, ...points.flatMap((point) => lines.map(({ key }) => point[key]))]),
    tokens: logScaleOver(points.map(({ longestContextTokens }) => longestContextTokens)),
  }
}

const LEFT = 62
const RIGHT = 74
const TOP = 8
const BOTTOM = 22
const UPPER = 176
const LOWER = 96
const GAP = 24
const LABEL = 12

export const memoryHeight = ({ hasContext }: MemoryPicture): number => TOP + UPPER + (hasContext ? GAP + LOWER : 0) + BOTTOM

/** The place of the point that is nearest to an x of the chart. */
export function memoryPointAt({ points, devices }: MemoryPicture, width: number, x: number): number | null {
  const at = (index: number): number => LEFT + shareOf(devices, points[index].devices) * (width - LEFT - RIGHT)
  if (points.length === 0 || x < LEFT - 10 || x > width - RIGHT + 10) return null
  return points.reduce((best, _, index) => (Math.abs(at(index) - x) < Math.abs(at(best) - x) ? index : best), 0)
}

interface Panel {
  readonly plot: PlotArea
  readonly scale: LogScale
  readonly ticks: readonly number[]
  readonly format: (value: number) => string
}

function axisMarks({ points, devices }: MemoryPicture, { plot, scale, ticks, format }: Panel, tokens: ChartTokens, withDevices: boolean): Mark[] {
  const marks: Mark[] = []
  const font = `11px ${tokens.font}`
  for (const tick of ticks) {
    const y = plot.y + (1 - shareOf(scale, tick)) * plot.height
    marks.push({ type: 'line', shape: { x1: plot.x, y1: y, x2: plot.x + plot.width, y2: y }, style: { stroke: tokens.gridLine, lineWidth: 1 } })
    marks.push({ type: 'text', style: { text: format(tick).replace(/\.0+ /, ' '), x: plot.x - 6, y, fill: tokens.muted, font, align: 'right', verticalAlign: 'middle' } })
  }
  // From the largest on, which stays where labels would touch.
  let free = Number.POSITIVE_INFINITY
  for (const point of [...points].reverse()) {
    const x = plot.x + shareOf(devices, point.devices) * plot.width
    marks.push({ type: 'line', shape: { x1: x, y1: plot.y + plot.height, x2: x, y2: plot.y + plot.height + 3 }, style: { stroke: tokens.border, lineWidth: 1 } })
    const half = String(point.devices).length * 3.4 + 3
    if (!withDevices || x + half > free) continue
    free = x - half
    marks.push({ type: 'text', style: { text: String(point.devices), x, y: plot.y + plot.height + 6, fill: tokens.muted, font, align: 'center', verticalAlign: 'top' } })
  }
  if (withDevices) {
    marks.push({ type: 'text', style: { text: 'devices', x: plot.x + plot.width + RIGHT - 4, y: plot.y + plot.height + 6, fill: tokens.faint, font, align: 'right', verticalAlign: 'top' } })
  }
  return marks
}

interface Curve {
  readonly key: MemoryLine['key'] | 'longestContextTokens'
  readonly label: string
  readonly colour: string
  readonly dash?: readonly number[]
}

function curveMarks(picture: MemoryPicture, { plot, scale }: Panel, curves: readonly Curve[], tokens: ChartTokens): Mark[] {
  const marks: Mark[] = []
  const place = (devices: number, value: number): [number, number] => [
    plot.x + shareOf(picture.devices, devices) * plot.width, plot.y + (1 - shareOf(scale, value)) * plot.height,
  ]
  const ends: { readonly curve: Curve; readonly y: number }[] = []
  for (const curve of curves) {
    const drawn = picture.points.flatMap((point) => {
      const value = point[curve.key]
      return value === null || value <= 0 ? [] : [{ chosen: point.devices === picture.chosenDevices, at: place(point.devices, value) }]
    })
    for (const [index, { at: [x2, y2] }] of drawn.entries()) {
      if (index === 0) continue
      const [x1, y1] = drawn[index - 1].at
      marks.push({ type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke: curve.colour, lineWidth: curve.key === 'totalBytes' ? 2.5 : 1.5, ...(curve.dash === undefined ? {} : { lineDash: [...curve.dash] }) } })
    }
    for (const { chosen, at: [x, y] } of drawn) {
      const side = chosen ? 4 : 2
      marks.push({ type: 'rect', shape: { x: x - side, y: y - side, width: 2 * side, height: 2 * side }, style: { fill: curve.colour, ...(chosen ? { stroke: tokens.background, lineWidth: 1 } : {}) } })
    }
    const last = drawn.at(-1)
    if (last !== undefined) ends.push({ curve, y: last.at[1] })
  }
  const heights = spread(ends.map(({ y }) => y), LABEL)
  for (const [index, { curve }] of ends.entries()) {
    marks.push({ type: 'text', style: { text: curve.label, x: plot.x + plot.width + 6, y: heights[index], fill: tokens.text, font: `11px ${tokens.font}`, align: 'left', verticalAlign: 'middle' } })
  }
  return marks
}

function memoryMarks(picture: MemoryPicture, area: PlotArea, tokens: ChartTokens): Mark[] {
  const upper: Panel = { plot: { ...area, height: UPPER }, scale: picture.bytes, ticks: binaryTicks(picture.bytes), format: formatBytes }
  const marks = axisMarks(picture, upper, tokens, !picture.hasContext)
  if (picture.deviceBytes !== null) {
    const y = area.y + (1 - shareOf(picture.bytes, picture.deviceBytes)) * UPPER
    const colour = CATEGORY_LOOKS['wait-link'].colour ?? tokens.text
    marks.push({ type: 'line', shape: { x1: area.x, y1: y, x2: area.x + area.width, y2: y }, style: { stroke: colour, lineWidth: 1.5, lineDash: [4, 3] } })
    marks.push({ type: 'text', style: { text: `device ${formatBytes(picture.deviceBytes)}`, x: area.x + area.width, y: y - 8, fill: tokens.text, font: `11px ${tokens.font}`, align: 'right', verticalAlign: 'middle' } })
  }
  marks.push(...curveMarks(picture, upper, picture.lines.map(({ key, label, colour, dash }) => ({ key, label, colour: colour ?? tokens.text, dash })), tokens))
  if (!picture.hasContext) return marks
  const lower: Panel = { plot: { ...area, y: area.y + UPPER + GAP, height: LOWER }, scale: picture.tokens, ticks: logTicks(picture.tokens), format: formatCount }
  marks.push(...axisMarks(picture, lower, tokens, true))
  marks.push({ type: 'text', style: { text: 'longest context, tokens', x: area.x, y: lower.plot.y - 8, fill: tokens.faint, font: `11px ${tokens.font}`, align: 'left', verticalAlign: 'middle' } })
  marks.push(...curveMarks(picture, lower, [{ key: 'longestContextTokens', label: 'context', colour: tokens.accent }], tokens))
  return marks
}

export function memoryOption(picture: MemoryPicture, tokens: ChartTokens): EChartsOption {
  return {
    ...HIDDEN_AXES,
    grid: { left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM },
    series: [layer('memory', false, (plot) => memoryMarks(picture, plot, tokens))],
  }
}
