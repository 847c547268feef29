import type { Lane } from '../timeline/timeline.ts'
import type { TraceEvent } from './traceEvent.ts'
import { numberArg } from './traceEvent.ts'

/** One (pid, tid, band) of a file, in order of appearance. */
export interface Track {
  readonly pid: string
  readonly tid: string
  readonly band: string
}

const RANK_PROCESS = /\brank[\s_#:]*(\d+)/i
const XLA_DEVICE = /^\/device:(?!CPU)\w+:(\d+)/
const INTEGER = /^-?\d{1,15}$/

interface Named {
  name?: string
  labels?: string
  sortIndex?: number
}

/** What metadata events say of processes and threads, and how lanes are called, numbered and ordered by it. */
export class TrackNames {
  readonly #processes = new Map<string, Named>()
  readonly #threads = new Map<string, Named>()

  /** Takes in a metadata event (phase M); those about other things are passed over. */
  note(event: TraceEvent): void {
    const { name, args, pid } = event
    const text = typeof args.name === 'string' ? args.name.trim() : undefined
    if (name === 'process_name' && text !== undefined) this.#process(pid).name = text
    else if (name === 'process_labels' && typeof args.labels === 'string') this.#process(pid).labels = args.labels
    else if (name === 'process_sort_index') this.#process(pid).sortIndex = numberArg(args, 'sort_index')
    else if (name === 'thread_name' && text !== undefined) this.#thread(event).name = text
    else if (name === 'thread_sort_index') this.#thread(event).sortIndex = numberArg(args, 'sort_index')
  }

  isDevice(pid: string): boolean {
    return XLA_DEVICE.test(this.#processes.get(pid)?.name ?? '')
  }

  /** The rank a process says it is, by its name. */
  rankOf(pid: string): number | null {
    const name = this.#processes.get(pid)?.name ?? ''
    const match = RANK_PROCESS.exec(name) ?? XLA_DEVICE.exec(name)
    return match === null ? null : Number(match[1])
  }

  /** Positions of the tracks in drawing order: by the sort indices of process and thread, then as they appeared. */
  order(tracks: readonly Track[]): number[] {
    const firstOfProcess = new Map<string, number>()
    tracks.forEach(({ pid }, at) => firstOfProcess.has(pid) || firstOfProcess.set(pid, at))
    const processKey = ({ pid }: Track): number => this.#processes.get(pid)?.sortIndex ?? 0
    const threadKey = (track: Track): number => this.#threads.get(threadId(track))?.sortIndex ?? 0
    return tracks.map((_, at) => at).toSorted((a, b) =>
      processKey(tracks[a]) - processKey(tracks[b]) ||
      (firstOfProcess.get(tracks[a].pid) ?? 0) - (firstOfProcess.get(tracks[b].pid) ?? 0) ||
      threadKey(tracks[a]) - threadKey(tracks[b]) || a - b)
  }

  /** @param part 0 for the track's first lane; overlapping spans need further ones. */
  lane(track: Track, rank: number | null, part: number): Lane {
    const process = this.#processes.get(track.pid)
    const label = process?.labels || process?.name || (track.pid === '' ? '' : `process ${track.pid}`)
    const thread = this.#threads.get(threadId(track))?.name || (INTEGER.test(track.tid) ? `thread ${track.tid}` : track.tid)
    const band = track.band === '' || track.band === 'kernels' ? '' : ` ${track.band}`
    const name = [label, thread].filter((text) => text !== '').join(' / ') || 'track'
    return {
      rank, name: `${name}${band}${part === 0 ? '' : ` (lane ${part + 1})`}`,
      pid: idNumber(track.pid), tid: idNumber(track.tid),
    }
  }

  #process(pid: string): Named {
    return getOrAdd(this.#processes, pid)
  }

  #thread(event: TraceEvent): Named {
    return getOrAdd(this.#threads, threadId(event))
  }
}

const threadId = ({ pid, tid }: Pick<Track, 'pid' | 'tid'>): string => `${pid}\n${tid}`

function getOrAdd(map: Map<string, Named>, key: string): Named {
  let named = map.get(key)
  if (named === undefined) map.set(key, named = {})
  return named
}

/** A number for an id: itself where it is one, else a negative one made from the text (no real id is negative there). */
function idNumber(text: string): number {
  if (INTEGER.test(text)) return Number(text)
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  return -1 - (hash >>> 1)
}
