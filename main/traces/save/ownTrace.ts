import { PAYLOADS } from '../../../kernels/timeline/categories.ts'
import { ArgLookup } from '../../timeline/argLookup.ts'
import type { Lane, Timeline } from '../../timeline/timeline.ts'
import type { ArgColumns } from '../../timeline/traceContent.ts'
import { sourceFileOf } from '../events/assembleTrace.ts'
import { sharedArray } from '../events/columns/segmentedRows.ts'
import type { FileTracks } from '../lanes/fileTracks.ts'
import type { FilePart, GroupColumns } from '../events/groupColumns.ts'
import type { OwnMetadata } from './ownMetadata.ts'

const NS_PER_US = 1000

/** Lanes exactly as they were; a track that the record does not list (added by another tool) becomes a further one. */
export function restoreLanes({ lane, count }: GroupColumns, own: OwnMetadata, { names, tracks }: FileTracks): Lane[] {
  const lanes: Lane[] = own.tracks.map((track) => track.lane)
  const laneOf = new Map(own.tracks.map(({ pid, tid }, index) => [`${pid}\n${tid}`, index]))
  const finalLane = tracks.map((track) => {
    const known = track.band === 'async' ? undefined : laneOf.get(`${track.pid}\n${track.tid}`)
    return known ?? lanes.push(names.lane(track, null, 0)) - 1
  })
  for (let span = 0; span < count; span++) lane[span] = finalLane[lane[span]]
  return lanes
}

/**
 * Restores a trace that Ringscope wrote: lanes, run and columns as they were. Flows and counters in the file repeat what
 * the spans say, and are passed over.
 */
export function restoreOwnTrace(
  columns: GroupColumns, { file }: FilePart, own: OwnMetadata, tracks: FileTracks, { templates, digits }: Pick<ArgColumns, 'templates' | 'digits'>,
): Timeline {
  const { count, lane, category, name, strings, startNs, durationNs, template, digitsAt } = columns
  const args = new ArgLookup({ templates, digits, template, digitsAt })
  const originNs = file.originMicros * NS_PER_US
  for (let span = 0; span < count; span++) startNs[span] += originNs
  const integers = (key: string): Int32Array => {
    const column = sharedArray('i32', count)
    for (let span = 0; span < count; span++) column[span] = args.number(span, key) ?? -1
    return column
  }
  const numbers = (key: string): Float64Array => {
    const column = sharedArray('f64', count)
    for (let span = 0; span < count; span++) column[span] = args.number(span, key) ?? Number.NaN
    return column
  }
  const payload = sharedArray('u8', count)
  // A trace from before payloads were recorded, or with one that this version does not know, says none.
  for (let span = 0; span < count; span++) payload[span] = Math.max(0, PAYLOADS.findIndex((known) => known === args.text(span, 'payload')))
  const lanes = restoreLanes(columns, own, tracks)
  return {
    title: own.title, source: own.source, lanes, strings, run: own.run, files: [sourceFileOf(file)], trace: null,
    spans: {
      count, lane, category, name, startNs, durationNs,
      iteration: integers('iteration'), step: integers('step'), peer: integers('peer'), hop: integers('hop'), payload,
      bytes: numbers('bytes'), flops: numbers('flops'), cpuNs: numbers('cpuNs'),
    },
  }
}
