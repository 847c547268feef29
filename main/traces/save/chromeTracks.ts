import type { Lane } from '../../timeline/timeline.ts'

/** Where a lane's spans go in the file. */
export interface ChromeTrack {
  readonly pid: number
  readonly tid: number
}

export interface ChromeProcess {
  readonly pid: number
  readonly name: string
  /** Lane indices, in drawing order. */
  readonly lanes: readonly number[]
}

export interface ChromeTracks {
  readonly processes: readonly ChromeProcess[]
  /** By lane index. */
  readonly ofLane: readonly ChromeTrack[]
  /** The process of a rank, or of what belongs to no rank by its pid. */
  processOf(rank: number | null, pid: number): number
}

/**
 * A process per rank, in rank order, and per remaining process of an imported trace; a thread per lane.
 * Ids are small, positive and never shared between processes and threads: viewers treat 0 and negative ids as special
 * and name a thread whose tid is its pid "main".
 * @param others further owners of tracks that are no lanes, such as counters.
 */
export function chromeTracks(lanes: readonly Lane[], others: readonly Pick<Lane, 'rank' | 'pid'>[] = []): ChromeTracks {
  const keyOf = (rank: number | null, pid: number): string => (rank === null ? `pid ${pid}` : `rank ${rank}`)
  const groups = new Map<string, { name: string; order: number; lanes: number[] }>()
  const groupOf = ({ rank, pid }: Pick<Lane, 'rank' | 'pid'>): number[] => {
    const key = keyOf(rank, pid)
    const group = groups.get(key) ??
      { name: rank === null ? `Process ${pid}` : `Rank ${rank}`, order: rank ?? Number.POSITIVE_INFINITY, lanes: [] }
    groups.set(key, group)
    return group.lanes
  }
  lanes.forEach((lane, index) => groupOf(lane).push(index))
  others.forEach(groupOf)
  const sorted = [...groups].toSorted(([, a], [, b]) => (a.order === b.order ? 0 : a.order - b.order))
  const processes = sorted.map(([, { name, lanes: members }], at): ChromeProcess => ({ pid: at + 1, name, lanes: members }))
  const pidOf = new Map(sorted.map(([key], at) => [key, at + 1]))
  const ofLane: ChromeTrack[] = []
  for (const { pid, lanes: members } of processes) {
    for (const lane of members) ofLane[lane] = { pid, tid: processes.length + 1 + lane }
  }
  return { processes, ofLane, processOf: (rank, pid) => pidOf.get(keyOf(rank, pid)) ?? 0 }
}
