import type { Lane } from '../timeline/timeline.ts'

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
}

/**
 * A process per rank, in rank order, and per remaining process of an imported trace; a thread per lane.
 * Ids are small, positive and never shared between processes and threads: viewers treat 0 and negative ids as special
 * and name a thread whose tid is its pid "main".
 */
export function chromeTracks(lanes: readonly Lane[]): ChromeTracks {
  const groups = new Map<string, { name: string; order: number; lanes: number[] }>()
  lanes.forEach(({ rank, pid }, index) => {
    const key = rank === null ? `pid ${pid}` : `rank ${rank}`
    const group = groups.get(key)
    if (group !== undefined) group.lanes.push(index)
    else groups.set(key, { name: rank === null ? `Process ${pid}` : `Rank ${rank}`, order: rank ?? Number.POSITIVE_INFINITY, lanes: [index] })
  })
  const sorted = [...groups.values()].toSorted((a, b) => (a.order === b.order ? 0 : a.order - b.order))
  const processes = sorted.map(({ name, lanes: members }, at): ChromeProcess => ({ pid: at + 1, name, lanes: members }))
  const ofLane: ChromeTrack[] = []
  for (const { pid, lanes: members } of processes) {
    for (const lane of members) ofLane[lane] = { pid, tid: processes.length + 1 + lane }
  }
  return { processes, ofLane }
}
