import type { SpanColumns } from '../../timeline/timeline.ts'
import { sharedArray } from './columns/segmentedRows.ts'
import type { FileImport } from './fileImport.ts'

/** Columns of the spans of one or several files, file after file, still to be completed in place. On shared memory. */
export interface GroupColumns {
  readonly count: number
  /** Number of a track; later of a lane. Tracks of a file count from `trackBase`. */
  readonly lane: Uint32Array
  /** Index into `strings`. */
  readonly name: Uint32Array
  readonly strings: string[]
  /** On the file's clock, until that is put on the timeline's. */
  readonly startNs: Float64Array
  readonly durationNs: Float64Array
  readonly template: Uint32Array
  readonly digitsAt: Uint32Array
  readonly category: Uint8Array
  readonly kind: Uint8Array
  readonly form: Uint8Array
}

/** Where a file's part of the columns is. */
export interface FilePart {
  readonly file: FileImport
  /** Its spans are those from `from` to `to`. */
  readonly from: number
  readonly to: number
  /** Its tracks are those from here on. */
  readonly trackBase: number
}

/** Numbers of texts to indices of a timeline's strings, those without that are not names of spans. */
function internNames(name: Uint32Array, text: (id: number) => string): string[] {
  let largest = 0
  for (let span = 0; span < name.length; span++) if (name[span] > largest) largest = name[span]
  const indexOf = new Int32Array(largest + 1).fill(-1)
  const strings: string[] = []
  for (let span = 0; span < name.length; span++) {
    const id = name[span]
    if (indexOf[id] < 0) indexOf[id] = strings.push(text(id)) - 1
    name[span] = indexOf[id]
  }
  return strings
}

/** Takes the spans of files, column by column: memory is never needed for two copies of more than a column. */
export function takeColumns(files: readonly FileImport[], text: (id: number) => string): { columns: GroupColumns; parts: FilePart[] } {
  const parts: FilePart[] = []
  let count = 0
  let tracks = 0
  for (const file of files) {
    parts.push({ file, from: count, to: count + file.spans.count, trackBase: tracks })
    count += file.spans.count
    tracks += file.tracks.count
  }
  const lane = sharedArray('u32', count)
  const name = sharedArray('u32', count)
  const startNs = sharedArray('f64', count)
  const durationNs = sharedArray('f64', count)
  const template = sharedArray('u32', count)
  const digitsAt = sharedArray('u32', count)
  const category = sharedArray('u8', count)
  const kind = sharedArray('u8', count)
  const form = sharedArray('u8', count)
  for (const { file: { spans }, from, to, trackBase } of parts) {
    spans.takeInto('lane', lane, from)
    if (trackBase > 0) for (let span = from; span < to; span++) lane[span] += trackBase
    spans.takeInto('name', name, from)
    spans.takeInto('startNs', startNs, from)
    spans.takeInto('durationNs', durationNs, from)
    spans.takeInto('template', template, from)
    spans.takeInto('digitsAt', digitsAt, from)
    spans.takeInto('category', category, from)
    spans.takeInto('kind', kind, from)
    spans.takeInto('form', form, from)
  }
  const strings = internNames(name, text)
  return { columns: { count, lane, name, strings, startNs, durationNs, template, digitsAt, category, kind, form }, parts }
}

/** The columns of a foreign trace: what only our own runs say is absent from all spans, once for all such columns. */
export function foreignSpanColumns(columns: GroupColumns, bytes: Float64Array): SpanColumns {
  const { count, lane, category, name, startNs, durationNs } = columns
  const none = sharedArray('i32', count).fill(-1)
  const unknown = sharedArray('f64', count).fill(Number.NaN)
  return {
    count, lane, category, name, startNs, durationNs, bytes, payload: sharedArray('u8', count),
    iteration: none, step: none, peer: none, hop: none, flops: unknown, cpuNs: unknown,
  }
}
