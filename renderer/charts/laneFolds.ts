import type { LaneSummary } from '../../preload/contract/timeline.ts'

/**
 * What the user folded (true) or unfolded (false) against what is usual; keys that are absent are as usual. A folded rank
 * is one row with its devices' spans, a folded lane one row with all its depths.
 */
export interface LaneFolds {
  readonly groups: ReadonlyMap<string, boolean>
  readonly lanes: ReadonlyMap<number, boolean>
}

export const NO_FOLDS: LaneFolds = { groups: new Map(), lanes: new Map() }

/** Stands for the rank of lanes that have none. */
export const groupKey = (rank: number | null): string => (rank === null ? 'other' : String(rank))

/** Whether a lane has anything to unfold: nested spans of another tool's trace. */
export const canFold = ({ kind, depth }: LaneSummary): boolean => kind !== null && depth > 1

/** Host threads nest deeply; beside device lanes they are one row each until they are asked for. */
export const foldedAtFirst = (lane: LaneSummary, hasDevices: boolean): boolean => hasDevices && lane.kind !== 'gpu'

export const hasDevices = (lanes: readonly LaneSummary[]): boolean => lanes.some(({ kind }) => kind === 'gpu')

export const withLane = (folds: LaneFolds, lane: number, folded: boolean): LaneFolds =>
  ({ ...folds, lanes: new Map(folds.lanes).set(lane, folded) })

export const withGroup = (folds: LaneFolds, group: string, folded: boolean): LaneFolds =>
  ({ ...folds, groups: new Map(folds.groups).set(group, folded) })

/** Folds or unfolds all ranks. */
export const withAllGroups = (folds: LaneFolds, lanes: readonly LaneSummary[], folded: boolean): LaneFolds =>
  ({ ...folds, groups: new Map(lanes.map(({ rank }) => [groupKey(rank), folded])) })
