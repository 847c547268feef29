import type { LinkAnswer, PlannerAnswers } from '../../preload/contract/planner.ts'
import { formatCount, formatGigabytesPerSecond, threeDigits } from '../format/quantity.ts'
import { CATEGORY_LOOKS } from '../theme/categories.ts'
import type { ChartTokens } from '../theme/theme.ts'
import { HIDDEN_AXES, layer, type Mark, type PlotArea } from './drawing.ts'
import type { EChartsOption } from './echarts.ts'
import { logScaleOver, logTicks, shareOf, type LogScale } from './logScale.ts'

/** How far a link hides the steps' transfers: told apart by shape as well as by colour. */
export type Hiding = 'hidden' | 'part' | 'exposed'

export const HIDING_LOOKS: Readonly<Record<Hiding, { readonly label: string; readonly colour: string; readonly meaning: string }>> = {
  hidden: { label: 'hidden', colour: CATEGORY_LOOKS.send.colour ?? '', meaning: 'Every step\'s compute covers its transfer' },
  part: { label: 'hidden in one pass', colour: CATEGORY_LOOKS['wait-peer'].colour ?? '', meaning: 'Compute covers the transfers of one pass and not of the other' },
  exposed: { label: 'not hidden', colour: CATEGORY_LOOKS['wait-link'].colour ?? '', meaning: 'Every step waits for the wire' },
}

/** What a link does for the passes that the question has. */
export function hidingOf({ hides }: Pick<LinkAnswer, 'hides'>): Hiding {
  const passes = [hides.forward, hides.backward].filter((hidden) => hidden !== null)
  if (passes.every(Boolean)) return 'hidden'
  return passes.some(Boolean) ? 'part' : 'exposed'
}

/** Links by their bandwidth against what a step needs. */
export interface LinksPicture {
  /** Fastest first. */
  readonly links: readonly LinkAnswer[]
  readonly needed: PlannerAnswers['neededGBps']
  readonly scale: LogScale
}

export function linksPicture({ links, neededGBps }: Pick<PlannerAnswers, 'links' | 'neededGBps'>): LinksPicture {
  return {
    links: [...links].sort((a, b) => b.bandwidthGBps - a.bandwidthGBps || a.label.localeCompare(b.label)),
    needed: neededGBps,
    scale: logScaleOver([...links.map(({ bandwidthGBps }) => bandwidthGBps), neededGBps.forward, neededGBps.backward]),
  }
}

const ROW = 16
const TOP = 58
const BOTTOM = 4
/** Room for `InfiniBand 800 Gb/s (XDR)` in bold, longer names are cut, and for two shard lengths. */
const LEFT = 182
const COLUMN = 58
const RADIUS = 4.5

export const linksHeight = ({ links }: LinksPicture): number => TOP + BOTTOM + links.length * ROW

/** The place of the link at a height of the chart. */
export function linkAt({ links }: LinksPicture, y: number): number | null {
  const row = Math.floor((y - TOP) / ROW)
  return row >= 0 && row < links.length ? row : null
}

/** Fewest tokens in as many digits as are of use. */
export const leastTokens = (tokens: number | null): string => (tokens === null ? '' : Number.isFinite(tokens) ? formatCount(Math.ceil(tokens)) : 'never')

function marker(hiding: Hiding, x: number, y: number, tokens: ChartTokens): Mark {
  const { colour } = HIDING_LOOKS[hiding]
  const corners = hiding === 'hidden' ? 20 : hiding === 'part' ? 3 : 4
  const turn = hiding === 'exposed' ? 0 : -Math.PI / 2
  const radius = hiding === 'hidden' ? RADIUS : RADIUS + 1
  const points = Array.from({ length: corners }, (_, at): [number, number] => {
    const angle = turn + at * 2 * Math.PI / corners
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)]
  })
  return { type: 'polygon', shape: { points }, style: { fill: colour, stroke: tokens.background, lineWidth: 1 } }
}

function linkMarks({ links, needed, scale }: LinksPicture, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const marks: Mark[] = []
  const at = (value: number): number => plot.x + shareOf(scale, value) * plot.width
  const text = (content: string, x: number, y: number, align: 'left' | 'right' | 'center', fill: string): Mark =>
    ({ type: 'text', style: { text: content, x, y, fill, align, verticalAlign: 'middle', font: `11px ${tokens.font}` } })
  for (const tick of logTicks(scale)) {
    marks.push({ type: 'line', shape: { x1: at(tick), y1: plot.y - 4, x2: at(tick), y2: plot.y + plot.height }, style: { stroke: tokens.gridLine, lineWidth: 1 } })
    marks.push(text(String(Number(threeDigits(tick))), at(tick), plot.y - 11, 'center', tokens.muted))
  }
  marks.push(text('GB/s', plot.x - 24, plot.y - 11, 'right', tokens.faint))
  const edge = plot.x + plot.width
  marks.push(text('forward', edge + COLUMN - 2, plot.y - 11, 'right', tokens.faint))
  if (needed.backward !== null) marks.push(text('backward', edge + 2 * COLUMN - 2, plot.y - 11, 'right', tokens.faint))
  marks.push(text('hidden from (tokens)', edge + (needed.backward === null ? COLUMN : 2 * COLUMN) - 2, plot.y - 50, 'right', tokens.faint))
  for (const [row, link] of links.entries()) {
    const y = plot.y + (row + 0.5) * ROW
    const own = link.chosen !== null
    if (own) {
      marks.push({ type: 'rect', shape: { x: 0, y: y - ROW / 2, width: edge + 2 * COLUMN, height: ROW }, style: { fill: tokens.band } })
      marks.push({ type: 'rect', shape: { x: 0, y: y - ROW / 2, width: 3, height: ROW }, style: { fill: tokens.accent } })
    }
    marks.push({
      type: 'text',
      style: {
        text: link.label, x: plot.x - 8, y, fill: tokens.text, align: 'right', verticalAlign: 'middle', font: `${own ? '600 ' : ''}11px ${tokens.font}`,
        width: LEFT - 14, overflow: 'truncate',
      },
    })
    marks.push({ type: 'line', shape: { x1: plot.x, y1: y, x2: at(link.bandwidthGBps), y2: y }, style: { stroke: tokens.border, lineWidth: 1 } })
    marks.push(text(leastTokens(link.minShardTokens.forward), edge + COLUMN - 2, y, 'right', link.hides.forward ? tokens.muted : tokens.text))
    marks.push(text(leastTokens(link.minShardTokens.backward), edge + 2 * COLUMN - 2, y, 'right', link.hides.backward === false ? tokens.text : tokens.muted))
  }
  marks.push(...neededMarks({ needed, scale }, plot, tokens))
  for (const [row, link] of links.entries()) marks.push(marker(hidingOf(link), at(link.bandwidthGBps), plot.y + (row + 0.5) * ROW, tokens))
  return marks
}

/** Lines where a step's transfer takes as long as its compute. */
function neededMarks({ needed, scale }: Pick<LinksPicture, 'needed' | 'scale'>, plot: PlotArea, tokens: ChartTokens): Mark[] {
  const passes = [{ name: 'forward', value: needed.forward, dash: undefined }, { name: 'backward', value: needed.backward, dash: [4, 3] }]
  return passes.flatMap(({ name, value, dash }, row): Mark[] => {
    if (value === null || value <= 0) return []
    const x = plot.x + shareOf(scale, value) * plot.width
    const y = plot.y - 38 + row * 13
    const leftward = x > plot.x + plot.width / 2
    return [
      { type: 'line', shape: { x1: x, y1: y, x2: x, y2: plot.y + plot.height }, style: { stroke: tokens.text, lineWidth: 1.5, ...(dash === undefined ? {} : { lineDash: dash }) } },
      {
        type: 'text',
        style: {
          text: `${name} needs ${formatGigabytesPerSecond(value)}`, x: leftward ? x - 4 : x + 4, y, fill: tokens.text,
          align: leftward ? 'right' : 'left', verticalAlign: 'middle', font: `11px ${tokens.font}`,
        },
      },
    ]
  })
}

export function linksOption(picture: LinksPicture, tokens: ChartTokens): EChartsOption {
  return {
    ...HIDDEN_AXES,
    grid: { left: LEFT, right: picture.needed.backward === null ? COLUMN : 2 * COLUMN, top: TOP, bottom: BOTTOM },
    series: [layer('links', false, (plot) => linkMarks(picture, plot, tokens))],
  }
}
