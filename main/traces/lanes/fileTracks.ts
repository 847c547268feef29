import { ArgLookup } from '../../timeline/argLookup.ts'
import type { ArgColumns } from '../../timeline/traceContent.ts'
import { ASYNC_BAND, BANDS, type ClassTable } from '../events/classTable.ts'
import { TripleTable } from '../events/columns/tripleTable.ts'
import type { FileImport } from '../events/fileImport.ts'
import type { FilePart, GroupColumns } from '../events/groupColumns.ts'
import { claimRanks, type RankClaim } from '../ranks/ranks.ts'
import { type Track, TrackNames } from './trackNames.ts'

/** A file's tracks, and what its metadata events call them. */
export interface FileTracks {
  readonly names: TrackNames
  readonly tracks: Track[]
}

/** Reads a file's tracks and names. Its rows of names are taken. */
export function readTracks(
  { tracks, names: rows }: FileImport, text: (id: number) => string, { templates, digits }: Pick<ArgColumns, 'templates' | 'digits'>,
): FileTracks {
  const names = new TrackNames()
  const { count } = rows
  const name = rows.take('name')
  const pid = rows.take('pid')
  const tid = rows.take('tid')
  const args = new ArgLookup({ templates, digits, template: rows.take('template'), digitsAt: rows.take('digitsAt') })
  const stringOf = (row: number, key: string): string | null => (args.json(row, key)?.startsWith('"') === true ? args.text(row, key) : null)
  for (let row = 0; row < count; row++) {
    names.note({
      name: text(name[row]), pid: text(pid[row]), tid: text(tid[row]),
      text: stringOf(row, 'name'), labels: stringOf(row, 'labels'), sortIndex: args.number(row, 'sort_index'),
    })
  }
  return {
    names,
    tracks: Array.from({ length: tracks.count }, (_, track): Track =>
      ({ pid: text(tracks.first(track)), tid: text(tracks.second(track)), band: BANDS[tracks.third(track)] })),
  }
}

/** What a file says of its ranks. */
export function claimOf({ path, facts }: FileImport, { names, tracks }: FileTracks): RankClaim | null {
  const processRanks = new Map<string, number>()
  const devices = new Map<string, number>()
  for (const pid of new Set(tracks.map((track) => track.pid))) {
    const rank = names.rankOf(pid)
    if (rank !== null) processRanks.set(pid, rank)
    const device = names.deviceOf(pid)
    if (device !== null) devices.set(pid, device)
  }
  return claimRanks({ path, distributed: facts.rank, processRanks, devices })
}

/** XLA writes no categories: what runs on a device's process is a kernel, but for tracks of what encloses kernels. */
export function classifyDevices(columns: GroupColumns, { file, from, to, trackBase }: FilePart, { names, tracks }: FileTracks, classes: ClassTable): void {
  const isDevice = tracks.map(({ pid, band }, track) => band !== BANDS[ASYNC_BAND] && file.withCategory[track] !== true && names.deviceOf(pid) !== null)
  if (!isDevice.includes(true)) return
  const threadName = tracks.map((track) => names.threadName(track))
  const { lane, name, strings, category, kind } = columns
  const pairs = new TripleTable()
  const classOfPair: number[] = []
  for (let span = from; span < to; span++) {
    const track = lane[span] - trackBase
    if (!isDevice[track]) continue
    const pair = pairs.indexOf(track, name[span], 0)
    if (pair === classOfPair.length) {
      const found = classes.classOfDevice(threadName[track], strings[name[span]])
      classOfPair.push(found)
      // A track is of one band, since that follows from its name.
      tracks[track] = { ...tracks[track], band: BANDS[classes.band(found)] }
    }
    category[span] = classes.category(classOfPair[pair])
    kind[span] = classes.kind(classOfPair[pair])
  }
}
