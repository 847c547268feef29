import type { LaneSummary } from '../../preload/contract/timeline.ts'
import { canFold, foldedAtFirst, groupKey, hasDevices, NO_FOLDS, type LaneFolds } from './laneFolds.ts'

/** Where a lane is drawn, in pixels from the top of the content. A folded rank's lanes lie in one row. */
export interface LaneRow {
  readonly lane: number
  readonly label: string
  readonly top: number
  readonly height: number
  /** Rows of nested spans, of equal height; deeper spans than these are drawn in the last. */
  readonly depths: number
  /** Whether spans are drawn by depth, deeper ones over those around them, rather than by their category. */
  readonly nested: boolean
  /** Whether other lanes lie in the same place. */
  readonly shared: boolean
  /** Drawn faintly: host threads beside devices, whose story it is. */
  readonly quiet: boolean
  /** Null where there is nothing to fold. */
  readonly folded: boolean | null
}

export interface LaneGroup {
  readonly key: string
  readonly label: string
  readonly top: number
  readonly height: number
  /** In order of their tops; of a folded rank all at the same. */
  readonly rows: readonly LaneRow[]
  /** Null where ranks do not fold: in our own runs, which have three lanes each. */
  readonly folded: boolean | null
}

export interface GanttLayout {
  /** Width of the labels' column at the left, which the time axis leaves free. */
  readonly left: number
  /** Width of the ranks' part of it. */
  readonly groupLeft: number
  readonly groups: readonly LaneGroup[]
  /** Row of each lane index; a lane of a folded rank that is not drawn has none. */
  readonly rows: readonly LaneRow[]
  /** Height of everything; above the available height the chart scrolls. */
  readonly contentHeight: number
}

const LEAST_ROW = 10
const LARGEST_ROW = 48
const LEAST_LEFT = 118
const LARGEST_LEFT = 248
/** Room for a group's label beside the lanes' labels, and the gaps around both. */
const GROUP_LABEL_WIDTH = 56
/** With the sign that folds it and its clock's offset under it. */
const TRACE_GROUP_WIDTH = 106
const LARGEST_TRACE_LEFT = 300
export const LABEL_GAP = 8
const GLYPH = 6.3
/** The compute lane carries the finding, so it is drawn taller. Shares of a plain row. */
const COMPUTE_SHARE = 1.6
const GROUP_GAP = 0.5

/** Names are written into the spans of other tools' traces: rows leave room for text, and host threads for no more. */
const LEAST_TRACE_ROW = 15
const LARGEST_TRACE_ROW = 30
const HOST_ROW = 14
const TRACE_GROUP_GAP = 8
/** A group's label takes two lines. */
const LEAST_GROUP_HEIGHT = 30
const MOST_DEPTHS = 12

const KIND_ORDER = ['gpu', 'annotation', 'synchronization', 'async', 'host'] as const

/** A lane's name without the rank that heads its group: `Rank 3 · send` reads `send`. */
export function laneLabel({ rank, name }: Pick<LaneSummary, 'rank' | 'name'>): string {
  if (rank === null) return name
  return name.replace(new RegExp(`^rank ${rank}\\b[\\s·:/,-]*`, 'i'), '') || name
}

interface Members {
  readonly key: string
  readonly label: string
  readonly lanes: readonly LaneSummary[]
}

function grouped(lanes: readonly LaneSummary[]): Members[] {
  const byRank = new Map<number | null, LaneSummary[]>()
  for (const lane of lanes) {
    const members = byRank.get(lane.rank)
    if (members === undefined) byRank.set(lane.rank, [lane])
    else members.push(lane)
  }
  return [...byRank]
    .sort(([a], [b]) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY))
    .map(([rank, members]) => ({ key: groupKey(rank), label: rank === null ? 'Other' : `Rank ${rank}`, lanes: members }))
}

const ofTrace = (lanes: readonly LaneSummary[]): boolean => lanes.some(({ kind }) => kind !== null)

/** The labels' column: as wide as the longest label needs, between bounds. Other tools' threads have long names. */
function leftOf(lanes: readonly LaneSummary[], groupLeft: number, largest: number): number {
  const longest = lanes.reduce((most, lane) => Math.max(most, laneLabel(lane).length), 0)
  return Math.round(Math.max(LEAST_LEFT, Math.min(largest, groupLeft + longest * GLYPH + 2 * LABEL_GAP)))
}

/** Our own lanes in groups by rank, sized to fill the available height between readable bounds. */
function layoutOwn(lanes: readonly LaneSummary[], availableHeight: number): GanttLayout {
  const shareOf = (lane: LaneSummary): number => (laneLabel(lane) === 'compute' ? COMPUTE_SHARE : 1)
  const groups = grouped(lanes)
  const units = lanes.reduce((sum, lane) => sum + shareOf(lane), 0) + groups.length * GROUP_GAP
  const unit = Math.max(LEAST_ROW, Math.min(LARGEST_ROW, availableHeight / Math.max(1, units)))
  const rows: LaneRow[] = []
  let y = 0
  const placed = groups.map(({ key, label, lanes: members }): LaneGroup => {
    y += unit * GROUP_GAP / 2
    const top = y
    const groupRows = members.map((lane): LaneRow => {
      const row = { lane: lane.index, label: laneLabel(lane), top: y, height: unit * shareOf(lane), depths: 1, nested: false, shared: false, quiet: false, folded: null }
      rows[lane.index] = row
      y += row.height
      return row
    })
    const height = y - top
    y += unit * GROUP_GAP / 2
    return { key, label, top, height, rows: groupRows, folded: null }
  })
  return { left: leftOf(lanes, GROUP_LABEL_WIDTH, LARGEST_LEFT), groupLeft: GROUP_LABEL_WIDTH, groups: placed, rows, contentHeight: y }
}

const byKind = (a: LaneSummary, b: LaneSummary): number =>
  KIND_ORDER.indexOf(a.kind ?? 'host') - KIND_ORDER.indexOf(b.kind ?? 'host') || a.index - b.index

/** The lanes that stand for a rank in one row: its devices', else all. */
const standFor = (lanes: readonly LaneSummary[]): readonly LaneSummary[] =>
  (hasDevices(lanes) ? lanes.filter(({ kind }) => kind === 'gpu') : lanes)

/** Another tool's lanes: devices first, nested spans in rows under one another, threads and ranks folded as the user likes. */
function layoutTrace(lanes: readonly LaneSummary[], availableHeight: number, folds: LaneFolds): GanttLayout {
  const devices = hasDevices(lanes)
  const foldedOf = (lane: LaneSummary): boolean => folds.lanes.get(lane.index) ?? foldedAtFirst(lane, devices)
  const depthsOf = (lane: LaneSummary): number => (canFold(lane) && !foldedOf(lane) ? Math.min(MOST_DEPTHS, lane.depth) : 1)
  const groups = grouped(lanes).map((members) => ({
    ...members, lanes: [...members.lanes].sort(byKind), folded: folds.groups.get(members.key) ?? false,
  }))
  // Device lanes share the height that host lanes and gaps leave.
  let fixed = groups.length * TRACE_GROUP_GAP
  let growing = 0
  for (const { lanes: members, folded } of groups) {
    if (folded) fixed += LEAST_GROUP_HEIGHT
    for (const lane of folded ? [] : members) {
      if (lane.kind === 'gpu') growing += depthsOf(lane)
      else fixed += depthsOf(lane) * HOST_ROW
    }
  }
  const unit = Math.max(LEAST_TRACE_ROW, Math.min(LARGEST_TRACE_ROW, (availableHeight - fixed) / Math.max(1, growing)))
  const rows: LaneRow[] = []
  let y = 0
  const placed = groups.map(({ key, label, lanes: members, folded }): LaneGroup => {
    y += TRACE_GROUP_GAP / 2
    const top = y
    const groupRows = (folded ? standFor(members) : members).map((lane): LaneRow => {
      const depths = folded ? 1 : depthsOf(lane)
      const height = folded ? LEAST_GROUP_HEIGHT : depths * (lane.kind === 'gpu' ? unit : HOST_ROW)
      const row = {
        lane: lane.index, label: laneLabel(lane), top: y, height, depths,
        // Lanes that lie on each other are told apart by category, as are the device's own spans.
        nested: !folded && canFold(lane), shared: folded, quiet: devices && lane.kind !== 'gpu', folded: !folded && canFold(lane) ? foldedOf(lane) : null,
      }
      rows[lane.index] = row
      if (!folded) y += height
      return row
    })
    y = Math.max(y, top + LEAST_GROUP_HEIGHT)
    const height = y - top
    y += TRACE_GROUP_GAP / 2
    return { key, label, top, height, rows: groupRows, folded }
  })
  return { left: leftOf(lanes, TRACE_GROUP_WIDTH, LARGEST_TRACE_LEFT), groupLeft: TRACE_GROUP_WIDTH, groups: placed, rows, contentHeight: y }
}

/** Lanes in groups by rank. */
export function layoutLanes(lanes: readonly LaneSummary[], availableHeight: number, folds: LaneFolds = NO_FOLDS): GanttLayout {
  return ofTrace(lanes) ? layoutTrace(lanes, availableHeight, folds) : layoutOwn(lanes, availableHeight)
}

/** A row of nested spans: half-open range of the depths that are drawn in it. */
export interface RowAt {
  readonly lane: number
  readonly depths: readonly [number, number]
}

const contains = ({ top, height }: { readonly top: number; readonly height: number }, y: number): boolean => y >= top && y < top + height

/** The lanes drawn at a height of the content, with the depths there; several in a folded rank, none between groups. */
export function rowsAt(layout: GanttLayout, y: number): readonly RowAt[] {
  const group = layout.groups.find((candidate) => contains(candidate, y))
  return (group?.rows ?? []).filter((row) => contains(row, y)).map((row) => {
    const depth = Math.min(row.depths - 1, Math.floor((y - row.top) / row.height * row.depths))
    return { lane: row.lane, depths: [row.depths === 1 ? 0 : depth, depth === row.depths - 1 ? Number.POSITIVE_INFINITY : depth + 1] }
  })
}

/** Where spans of a depth are drawn in a row. */
export function depthBand(row: LaneRow, depth: number): { readonly top: number; readonly height: number } {
  const height = row.height / row.depths
  return { top: row.top + Math.min(depth, row.depths - 1) * height, height }
}

/** Lanes with a row between two heights of the content. */
export function lanesBetween(layout: GanttLayout, top: number, bottom: number): number[] {
  return layout.groups
    .filter((group) => group.top < bottom && group.top + group.height > top)
    .flatMap((group) => group.rows.filter((row) => row.top < bottom && row.top + row.height > top).map(({ lane }) => lane))
}
