import type { LaneSummary } from '../../preload/contract/timeline.ts'

/** Where a lane is drawn, in pixels from the top of the content. */
export interface LaneRow {
  readonly lane: number
  readonly label: string
  readonly top: number
  readonly height: number
}

export interface LaneGroup {
  readonly label: string
  readonly top: number
  readonly height: number
  readonly rows: readonly LaneRow[]
}

export interface GanttLayout {
  /** Width of the labels' column at the left, which the time axis leaves free. */
  readonly left: number
  readonly groups: readonly LaneGroup[]
  /** Row of each lane index. */
  readonly rows: readonly LaneRow[]
  /** Height of everything; above the available height the chart scrolls. */
  readonly contentHeight: number
}

const LEAST_ROW = 10
const LARGEST_ROW = 48
const LEAST_LEFT = 118
const LARGEST_LEFT = 248
/** Room for a group's label beside the lanes' labels, and the gaps around both. */
export const GROUP_LABEL_WIDTH = 56
export const LABEL_GAP = 8
const GLYPH = 6.3
/** The compute lane carries the finding, so it is drawn taller. Shares of a plain row. */
const COMPUTE_SHARE = 1.6
const GROUP_GAP = 0.5

/** A lane's name without the rank that heads its group: `Rank 3 · send` reads `send`. */
export function laneLabel({ rank, name }: Pick<LaneSummary, 'rank' | 'name'>): string {
  if (rank === null) return name
  return name.replace(new RegExp(`^rank ${rank}\\b[\\s·:/,-]*`, 'i'), '') || name
}

const shareOf = (lane: LaneSummary): number => (laneLabel(lane) === 'compute' ? COMPUTE_SHARE : 1)

function grouped(lanes: readonly LaneSummary[]): { readonly label: string; readonly lanes: readonly LaneSummary[] }[] {
  const ranks = [...new Set(lanes.map(({ rank }) => rank))]
    .sort((a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY))
  return ranks.map((rank) => ({
    label: rank === null ? 'Other' : `Rank ${rank}`,
    lanes: lanes.filter((lane) => lane.rank === rank),
  }))
}

/** The labels' column: as wide as the longest label needs, between bounds. Other tools' threads have long names. */
function leftOf(lanes: readonly LaneSummary[]): number {
  const longest = lanes.reduce((most, lane) => Math.max(most, laneLabel(lane).length), 0)
  return Math.round(Math.max(LEAST_LEFT, Math.min(LARGEST_LEFT, GROUP_LABEL_WIDTH + longest * GLYPH + 2 * LABEL_GAP)))
}

/** Lanes in groups by rank, sized to fill the available height between readable bounds. */
export function layoutLanes(lanes: readonly LaneSummary[], availableHeight: number): GanttLayout {
  const groups = grouped(lanes)
  const units = lanes.reduce((sum, lane) => sum + shareOf(lane), 0) + groups.length * GROUP_GAP
  const unit = Math.max(LEAST_ROW, Math.min(LARGEST_ROW, availableHeight / Math.max(1, units)))
  const rows: LaneRow[] = []
  let y = 0
  const placed = groups.map(({ label, lanes: members }): LaneGroup => {
    y += unit * GROUP_GAP / 2
    const top = y
    const groupRows = members.map((lane): LaneRow => {
      const row = { lane: lane.index, label: laneLabel(lane), top: y, height: unit * shareOf(lane) }
      rows[lane.index] = row
      y += row.height
      return row
    })
    const height = y - top
    y += unit * GROUP_GAP / 2
    return { label, top, height, rows: groupRows }
  })
  return { left: leftOf(lanes), groups: placed, rows, contentHeight: y }
}

/** The lane drawn at a height of the content, null between groups. */
export function laneAt(layout: GanttLayout, y: number): number | null {
  for (const group of layout.groups) {
    if (y < group.top || y >= group.top + group.height) continue
    return group.rows.find((row) => y >= row.top && y < row.top + row.height)?.lane ?? null
  }
  return null
}
