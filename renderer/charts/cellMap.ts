import { rampColour, textOn } from '../theme/ramp.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { HIDDEN_AXES, layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'

export interface MapCell {
  readonly column: number
  readonly row: number
  /** 0..1 on the colour ramp; null is drawn hatched. */
  readonly share: number | null
  /** Lines of text, drawn as far as they fit. The first is the one that stays. */
  readonly lines: readonly string[]
  /** Stands for the first line where that does not fit. */
  readonly short?: string
  readonly outline?: 'dashed' | 'strong' | 'accent'
  /** A short text in the corner, such as "best". */
  readonly badge?: string
}

/** Columns from one on that belong together; a line divides them from those before. */
export interface ColumnGroup {
  readonly from: number
  readonly label: string
}

/** A table drawn as coloured cells. */
export interface CellMapPicture {
  readonly columns: readonly string[]
  readonly rows: readonly string[]
  /** At least one, the first from column 0: what its label says of the columns. */
  readonly columnGroups: readonly ColumnGroup[]
  readonly rowTitle: string
  readonly cells: readonly MapCell[]
  /** Small enough for a side panel: no axis titles, small text. */
  readonly compact?: boolean
}

interface Margins {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

const LARGE: Margins = { left: 76, right: 8, top: 38, bottom: 8 }
const COMPACT: Margins = { left: 26, right: 2, top: 16, bottom: 2 }
const LARGEST_CELL_HEIGHT = 64
const LINE = 14
const GLYPH = 6.4
const GAP = 1

/** A small map names its column groups only where there are several. */
const COMPACT_GROUPED: Margins = { ...COMPACT, top: 30 }

const namesGroups = ({ compact, columnGroups }: CellMapPicture): boolean => compact !== true || columnGroups.length > 1

function marginsOf(picture: CellMapPicture): Margins {
  if (picture.compact !== true) return LARGE
  return namesGroups(picture) ? COMPACT_GROUPED : COMPACT
}

/** Height the map wants at most: cells do not grow without bound. */
export function cellMapHeight(picture: CellMapPicture, cellHeight = LARGEST_CELL_HEIGHT): number {
  const { top, bottom } = marginsOf(picture)
  return top + bottom + picture.rows.length * cellHeight
}

/** The cell under a point of the chart, in pixels from its top left corner. */
export function cellAt(
  picture: CellMapPicture, size: { readonly width: number; readonly height: number }, x: number, y: number,
): { readonly column: number; readonly row: number } | null {
  const { left, right, top, bottom } = marginsOf(picture)
  const column = Math.floor((x - left) / (size.width - left - right) * picture.columns.length)
  const row = Math.floor((y - top) / (size.height - top - bottom) * picture.rows.length)
  const inside = column >= 0 && column < picture.columns.length && row >= 0 && row < picture.rows.length
  return inside ? { column, row } : null
}

function outlineStyle(outline: NonNullable<MapCell['outline']>, fill: string, tokens: ChartTokens): Extract<Mark, { type: 'rect' }>['style'] {
  if (outline === 'dashed') return { fill: 'none', stroke: textOn(fill), lineWidth: 1, lineDash: [4, 3], opacity: 0.75 }
  return { fill: 'none', stroke: outline === 'strong' ? tokens.text : tokens.accent, lineWidth: 2.5 }
}

function cellMarks(picture: CellMapPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const width = plot.width / picture.columns.length
  const height = plot.height / picture.rows.length
  const gap = Math.min(width, height) > 6 ? GAP : 0
  const font = picture.compact === true ? 10 : 12
  const marks: Mark[] = []
  for (const cell of picture.cells) {
    const shape = { x: plot.x + cell.column * width, y: plot.y + cell.row * height, width: width - gap, height: height - gap }
    const fill = cell.share === null ? tokens.hatchBackground : rampColour(tokens.rampLow, tokens.rampHigh, cell.share)
    marks.push({ type: 'rect', shape, style: { fill } })
    if (cell.share === null) {
      marks.push({ type: 'hatch', shape: { rects: [[shape.x, shape.y, shape.width, shape.height]] }, style: { stroke: tokens.hatch, lineWidth: 0.5, opacity: 0.6 } })
    }
    if (cell.outline !== undefined) {
      const inset = cell.outline === 'dashed' ? 2.5 : 1.5
      const edge = { x: shape.x + inset, y: shape.y + inset, width: shape.width - 2 * inset, height: shape.height - 2 * inset }
      // A line that is as dark as the cell shows by its halo.
      if (cell.outline !== 'dashed') marks.push({ type: 'rect', shape: edge, style: { fill: 'none', stroke: tokens.background, lineWidth: 5.5 } })
      marks.push({ type: 'rect', shape: edge, style: outlineStyle(cell.outline, fill, tokens) })
    }
    const fits = (text: string): boolean => text.length * GLYPH < width - 2
    const lines = cell.lines
      .map((line, index) => (index === 0 && !fits(line) ? cell.short ?? line : line))
      .filter(fits)
      .slice(0, Math.max(0, Math.floor((height - 2) / LINE)))
    const colour = cell.share === null ? tokens.muted : textOn(fill)
    for (const [index, text] of lines.entries()) {
      marks.push({
        type: 'text',
        style: {
          text, x: shape.x + shape.width / 2, y: shape.y + shape.height / 2 + (index - (lines.length - 1) / 2) * LINE,
          fill: colour, font: `${index === 0 ? font : 11}px ${tokens.font}`, align: 'center', verticalAlign: 'middle',
        },
      })
    }
    if (cell.badge !== undefined && height >= 2 * LINE && width > cell.badge.length * GLYPH + 8) {
      marks.push({
        type: 'text',
        style: {
          text: cell.badge, x: shape.x + 6, y: shape.y + 5, fill: colour, font: `600 10px ${tokens.font}`, align: 'left', verticalAlign: 'top',
        },
      })
    }
  }
  return marks
}

/** Every n-th label, so that they do not touch. */
const stride = (count: number, extent: number, needed: number): number => Math.max(1, Math.ceil(count * needed / extent))

function axisMarks(picture: CellMapPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const font = `${picture.compact === true ? 10 : 11}px ${tokens.font}`
  const width = plot.width / picture.columns.length
  const height = plot.height / picture.rows.length
  const widest = Math.max(...picture.columns.map((label) => label.length)) * GLYPH + 4
  const everyColumn = stride(picture.columns.length, plot.width, widest)
  const everyRow = stride(picture.rows.length, plot.height, 12)
  const marks: Mark[] = []
  for (const [index, text] of picture.columns.entries()) {
    if (index % everyColumn !== 0) continue
    marks.push({ type: 'text', style: { text, x: plot.x + (index + 0.5) * width, y: plot.y - 3, fill: tokens.muted, font, align: 'center', verticalAlign: 'bottom' } })
  }
  for (const [index, text] of picture.rows.entries()) {
    if (index % everyRow !== 0) continue
    marks.push({ type: 'text', style: { text, x: plot.x - 6, y: plot.y + (index + 0.5) * height, fill: tokens.muted, font, align: 'right', verticalAlign: 'middle' } })
  }
  const groupY = picture.compact === true ? plot.y - 16 : plot.y - 21
  for (const { from, label } of namesGroups(picture) ? picture.columnGroups : []) {
    const x = plot.x + from * width
    marks.push({ type: 'text', style: { text: label, x: from === 0 ? x : x + 4, y: groupY, fill: tokens.faint, font, align: 'left', verticalAlign: 'bottom' } })
    if (from === 0) continue
    const top = groupY - 12
    marks.push({ type: 'line', shape: { x1: x - GAP / 2, y1: top, x2: x - GAP / 2, y2: plot.y + plot.height }, style: { stroke: tokens.text, lineWidth: 2 } })
  }
  if (picture.compact !== true) {
    marks.push({ type: 'text', style: { text: picture.rowTitle, x: plot.x - 6, y: plot.y - 4, fill: tokens.faint, font, align: 'right', verticalAlign: 'bottom' } })
  }
  return marks
}

export function cellMapOption(picture: CellMapPicture, tokens: ChartTokens): EChartsOption {
  return {
    ...HIDDEN_AXES,
    grid: { ...marginsOf(picture) },
    series: [
      layer('cells', true, (plot) => cellMarks(picture, plot, tokens)),
      layer('axes', false, (plot) => axisMarks(picture, plot, tokens)),
    ],
  }
}
