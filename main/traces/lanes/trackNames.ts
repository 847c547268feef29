import type { Lane, LaneKind } from '../../timeline/timeline.ts'
import type { Band } from '../events/classTable.ts'

/** One (pid, tid, band) of a file, in order of appearance. In the band "async" tid is the events' category. */
export interface Track {
  readonly pid: string
  readonly tid: string
  readonly band: Band
}

/** What a metadata event (phase M) says. */
export interface NameEvent {
  readonly name: string
  readonly pid: string
  readonly tid: string
  /** `args.name`, `args.labels` and `args.sort_index`, where they are what they should be. */
  readonly text: string | null
  readonly labels: string | null
  readonly sortIndex: number | null
}

/** Also what merge tools write: "[rank 3] python", "RANK 0 - GPU". */
const RANK_PROCESS = /\brank[\s_#:-]*(\d{1,9})(?!\d)/i
const XLA_DEVICE = /^\/device:(?!CPU)\w+:(\d{1,9})/
/** The process of a device in traces of Ascend; its label is "NPU 0". */
const ASCEND_DEVICE = 'Ascend Hardware'
const ASCEND_LABEL = /^NPU (\d{1,9})$/
const INTEGER = /^-?\d{1,15}$/

const KIND_OF_BAND: Readonly<Record<Band, LaneKind>> = {
  '': 'host', kernels: 'gpu', annotations: 'annotation', synchronization: 'synchronization', async: 'async',
}

interface Named {
  name?: string
  labels?: string
  sortIndex?: number
}

/** What metadata events say of processes and threads, and how lanes are called, numbered and ordered by it. */
export class TrackNames {
  readonly #processes = new Map<string, Named>()
  readonly #threads = new Map<string, Named>()

  /** Takes in a metadata event; those about other things are passed over. */
  note({ name, pid, tid, text, labels, sortIndex }: NameEvent): void {
    if (name === 'process_name' && text !== null) getOrAdd(this.#processes, pid).name = text.trim()
    else if (name === 'process_labels' && labels !== null) getOrAdd(this.#processes, pid).labels = labels
    else if (name === 'process_sort_index' && sortIndex !== null) getOrAdd(this.#processes, pid).sortIndex = sortIndex
    else if (name === 'thread_name' && text !== null) getOrAdd(this.#threads, threadId({ pid, tid })).name = text.trim()
    else if (name === 'thread_sort_index' && sortIndex !== null) getOrAdd(this.#threads, threadId({ pid, tid })).sortIndex = sortIndex
  }

  /** The number of the device that a process stands for, as XLA and Ascend name them; null for any other process. */
  deviceOf(pid: string): number | null {
    const { name = '', labels = '' } = this.#processes.get(pid) ?? {}
    const match = XLA_DEVICE.exec(name) ?? (name === ASCEND_DEVICE ? ASCEND_LABEL.exec(labels) : null)
    return match === null ? null : Number(match[1])
  }

  /** The rank that a process says it is, by its name or by a name in place of its number. */
  rankOf(pid: string): number | null {
    const match = RANK_PROCESS.exec(this.#processes.get(pid)?.name ?? '') ?? RANK_PROCESS.exec(pid)
    return match === null ? null : Number(match[1])
  }

  /** '' where the thread has none. */
  threadName(track: Pick<Track, 'pid' | 'tid'>): string {
    return this.#threads.get(threadId(track))?.name ?? ''
  }

  /** Positions of the tracks in drawing order: by the sort indices of process and thread, then as they appeared. */
  order(tracks: readonly Track[]): number[] {
    const firstOfProcess = new Map<string, number>()
    tracks.forEach(({ pid }, at) => firstOfProcess.has(pid) || firstOfProcess.set(pid, at))
    const processKey = ({ pid }: Track): number => this.#processes.get(pid)?.sortIndex ?? 0
    const threadKey = (track: Track): number => this.#thread(track)?.sortIndex ?? 0
    return tracks.map((_, at) => at).toSorted((a, b) =>
      processKey(tracks[a]) - processKey(tracks[b]) ||
      (firstOfProcess.get(tracks[a].pid) ?? 0) - (firstOfProcess.get(tracks[b].pid) ?? 0) ||
      threadKey(tracks[a]) - threadKey(tracks[b]) || a - b)
  }

  /** @param part 0 for the track's first lane; overlapping spans need further ones. */
  lane(track: Track, rank: number | null, part: number): Lane {
    const process = this.#processes.get(track.pid)
    const label = process?.labels || process?.name || (track.pid === '' ? '' : `process ${track.pid}`)
    const thread = this.#thread(track)?.name || (INTEGER.test(track.tid) ? `thread ${track.tid}` : track.tid)
    const band = track.band === '' || track.band === 'kernels' ? '' : ` ${track.band}`
    const name = [label, thread].filter((text) => text !== '').join(' / ') || 'unnamed track'
    const isDevice = track.band === '' && this.deviceOf(track.pid) !== null
    return {
      rank, name: `${name}${band}${part === 0 ? '' : ` (lane ${part + 1})`}`,
      pid: idNumber(track.pid), tid: idNumber(track.tid), kind: isDevice ? 'gpu' : KIND_OF_BAND[track.band],
    }
  }

  #thread(track: Track): Named | undefined {
    return track.band === 'async' ? undefined : this.#threads.get(threadId(track))
  }
}

const threadId = ({ pid, tid }: Pick<Track, 'pid' | 'tid'>): string => `${pid}\n${tid}`

function getOrAdd(map: Map<string, Named>, key: string): Named {
  let named = map.get(key)
  if (named === undefined) map.set(key, named = {})
  return named
}

/** A number for an id: itself where it is one, else a negative one made from the text (no real id is negative there). */
export function idNumber(text: string): number {
  if (INTEGER.test(text)) return Number(text)
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  return -1 - (hash >>> 1)
}
