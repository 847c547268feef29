import type { CounterSeries } from '../../timeline/traceContent.ts'
import type { ChromeTracks } from '../save/chromeTracks.ts'

/** A counter as it is written: its series share a process and a name. */
export interface CounterTrack {
  readonly pid: number
  readonly name: string
  readonly series: readonly CounterSeries[]
}

/** Counters of one rank that share a name but came from different processes get the process added to it. */
export function counterTracks(counters: readonly CounterSeries[], tracks: ChromeTracks): CounterTrack[] {
  const byOrigin = Map.groupBy(counters, ({ rank, pid, name }) => `${tracks.processOf(rank, pid)}\n${pid}\n${name}`)
  const used = new Set<string>()
  return [...byOrigin.values()].map((series): CounterTrack => {
    const [{ rank, pid: source, name: plain }] = series
    const pid = tracks.processOf(rank, source)
    let name = plain
    for (let attempt = 0; used.has(`${pid}\n${name}`); attempt++) name = `${plain} (process ${source}${attempt === 0 ? '' : `, ${attempt}`})`
    used.add(`${pid}\n${name}`)
    return { pid, name, series }
  })
}
