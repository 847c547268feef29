import { lookOf } from '../theme/categories.ts'
import { textOn } from '../theme/ramp.ts'
import type { ChartTokens } from '../theme/theme.ts'
import type { Mark, PlotArea } from './drawing.ts'
import { pixelOf } from './ganttGeometry.ts'
import { depthBand, type LaneRow } from './ganttLayout.ts'
import { lanesTop, scaleOf, type GanttPicture } from './ganttPicture.ts'

const GLYPH = 6.4
const PADDING = 3
const LEAST_ROW = 12
/** Of a name that does not fit, at least this much is written. */
const LEAST_LETTERS = 6

/** What most kernels' names begin with, and says nothing. */
const RESULT_TYPE = /^void /

/** A name as far as it fits into a width, empty where too little of it would. */
export function fitName(fullName: string, width: number): string {
  const name = fullName.replace(RESULT_TYPE, '')
  const letters = Math.floor((width - 2 * PADDING) / GLYPH)
  if (name.length <= letters) return name
  return letters < LEAST_LETTERS ? '' : `${name.slice(0, letters - 1)}…`
}

/** Names of spans, written into them where they fit; the host says which spans are wide enough to carry one. */
export function nameMarks(picture: GanttPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  if (picture.spans === null) return []
  const { lane, category, depth, label, labels, spanStartNs, spanEndNs } = picture.spans.viewport
  const scale = scaleOf(picture, plot)
  const top = lanesTop(picture, plot)
  const right = plot.x + plot.width
  const marks: Mark[] = []
  for (let at = 0; at < label.length; at++) {
    if (label[at] === 0 || spanEndNs[at] < scale.window.startNs || spanStartNs[at] > scale.window.endNs) continue
    const row: LaneRow | undefined = picture.layout.rows[lane[at]]
    // Where depths lie on one another, the outermost name would be written through by those inside.
    if (row === undefined || row.shared || (row.depths === 1 && depth[at] > 0)) continue
    const band = depthBand(row, depth[at])
    const y = top + band.top + band.height / 2
    if (band.height < LEAST_ROW || y < plot.y || y > plot.y + plot.height) continue
    const x0 = Math.max(plot.x, pixelOf(scale, spanStartNs[at]))
    const text = fitName(labels[label[at] - 1], Math.min(right, pixelOf(scale, spanEndNs[at])) - x0)
    const { colour } = lookOf(category[at])
    if (text === '' || colour === null) continue
    marks.push({ type: 'text', style: { text, x: x0 + PADDING, y, fill: row.quiet ? tokens.text : textOn(colour), font: `10px ${tokens.font}`, verticalAlign: 'middle' } })
  }
  return marks
}
