import { basename } from 'node:path'
import { ArgLookup } from '../../timeline/argLookup.ts'
import { adoptLaneOrder, orderByLane } from '../../timeline/laneOrder.ts'
import type { Lane, SourceFile } from '../../timeline/timeline.ts'
import { type ArgColumns, type CounterSeries, LITERAL, type TraceRank } from '../../timeline/traceContent.ts'
import type { ImportedTimeline } from '../ranks/alignRanks.ts'
import type { ClassTable } from './classTable.ts'
import { sharedArray } from './columns/segmentedRows.ts'
import { readCounters } from './counters.ts'
import { relateClocks } from '../ranks/fileClocks.ts'
import type { FileImport } from './fileImport.ts'
import { classifyDevices, type FileTracks } from '../lanes/fileTracks.ts'
import { type FilePart, foreignSpanColumns, type GroupColumns } from './groupColumns.ts'
import { GroupFlows } from './groupFlows.ts'
import { splitOverlaps } from '../lanes/laneSplit.ts'
import { groupTitle, type RankClaim } from '../ranks/ranks.ts'
import { idNumber } from '../lanes/trackNames.ts'

/** Beyond this a double of ns has no room for single ns: 104 days. */
const EXACT_NS = Number.MAX_SAFE_INTEGER

/** A file of a group, read and named. */
export interface AssembledFile {
  readonly part: FilePart
  readonly tracks: FileTracks
  /** Null for a file that stands alone and says of no span which rank it is. */
  readonly claim: RankClaim | null
}

/** What all timelines of a session share. */
export interface SessionTables {
  text(id: number): string
  readonly templates: readonly string[]
  readonly digits: Uint8Array
  readonly classes: ClassTable
  /** The user's file of classification rules. */
  readonly rulesFrom: string | null
}

export const sourceFileOf = ({ path, events, repairs, dropped }: FileImport): SourceFile =>
  ({ path, events, repairs: repairs.entries(), dropped: dropped.entries() })

const rankOfProcess = (claim: RankClaim | null, pid: string): number | null =>
  claim === null ? null : claim.ofProcess === null ? claim.ranks[0] : claim.ofProcess.get(pid) ?? null

/** The bytes that spans say they move. */
export function bytesColumn(args: ArgColumns, count: number): Float64Array {
  const bytes = sharedArray('f64', count).fill(Number.NaN)
  const mayHave = Uint8Array.from(args.templates, (template, at) => (at === LITERAL || template.includes('"bytes"') ? 1 : 0))
  const lookup = new ArgLookup(args)
  for (let span = 0; span < count; span++) {
    if (mayHave[args.template[span]] === 1) bytes[span] = lookup.number(span, 'bytes') ?? Number.NaN
  }
  return bytes
}

/** A track's spans, by start, on the lanes that they were divided into. */
function divideOrder(order: Uint32Array, part: Uint32Array, parts: number): Uint32Array[] {
  if (parts <= 1) return parts === 0 ? [] : [order]
  const sizes = new Uint32Array(parts)
  for (const span of order) sizes[part[span]]++
  const divided = Array.from(sizes, (size) => new Uint32Array(size))
  sizes.fill(0)
  for (const span of order) divided[part[span]][sizes[part[span]]++] = span
  return divided
}

/**
 * Makes lanes of tracks, in drawing order, and puts every span on its lane. Files by rank, then as they came.
 * @param orders spans of each track, by start
 * @returns the lanes, and the spans of each, by start
 */
function makeLanes(columns: GroupColumns, files: readonly AssembledFile[], orders: readonly Uint32Array[]): { lanes: Lane[]; laneOrders: Uint32Array[] } {
  const { part, parts } = splitOverlaps(columns, orders)
  const lanes: Lane[] = []
  const laneOrders: Uint32Array[] = []
  const firstLane = new Uint32Array(orders.length)
  const byRank = files.map((file, index) => ({ ...file, index, first: file.claim?.ranks[0] ?? -1 })).toSorted((a, b) => a.first - b.first)
  for (const { part: { trackBase }, tracks: { names, tracks }, claim, index } of byRank) {
    for (const at of names.order(tracks)) {
      firstLane[trackBase + at] = lanes.length
      const rank = rankOfProcess(claim, tracks[at].pid)
      for (let lane = 0; lane < parts[trackBase + at]; lane++) {
        lanes.push({ ...names.lane(tracks[at], rank, lane), ...(files.length === 1 ? {} : { file: index }) })
      }
      for (const order of divideOrder(orders[trackBase + at], part, parts[trackBase + at])) laneOrders.push(order)
    }
  }
  const { lane } = columns
  for (let span = 0; span < columns.count; span++) lane[span] = firstLane[lane[span]] + part[span]
  return { lanes, laneOrders }
}

/** The counters of a file, named, still on the file's clock. */
function countersOf({ part: { file }, claim }: AssembledFile, { text, templates, digits }: SessionTables): CounterSeries[] {
  const values = readCounters(file.counters, { templates, digits }, (offset) => { file.dropped.add('counter without a number', offset) })
  return values.map(({ counter, series, timeNs, value }) => {
    const pid = text(file.counterKeys.first(counter))
    const id = text(file.counterKeys.third(counter))
    const name = text(file.counterKeys.second(counter))
    return {
      rank: rankOfProcess(claim, pid), pid: idNumber(pid),
      name: id === '' ? name : `${name} [${id}]`, series, timeNs, value,
    }
  })
}

/** When a file's spans begin, in ns of its clock; 0 without any. Tells of times too far apart for one timeline. */
function firstMoment({ startNs, durationNs }: GroupColumns, { file, from, to }: FilePart): number {
  let firstNs = Number.POSITIVE_INFINITY
  let lastNs = Number.NEGATIVE_INFINITY
  for (let span = from; span < to; span++) {
    const start = startNs[span]
    const end = start + durationNs[span]
    if (start < firstNs) firstNs = start
    if (end > lastNs) lastNs = end
  }
  if (lastNs - firstNs > EXACT_NS) file.repairs.add('times more than 104 days apart, single ns are lost', 0)
  return Number.isFinite(firstNs) ? firstNs : 0
}

const ranksOf = (files: readonly AssembledFile[], related: readonly boolean[]): TraceRank[] =>
  files.flatMap(({ claim }, file) => (claim?.ranks ?? []).map((rank): TraceRank =>
    ({ rank, file, rankFrom: claim?.rankFrom ?? 'order', offsetNs: 0, uncertaintyNs: related[file] || files.length === 1 ? 0 : null })))
    .toSorted((a, b) => a.rank - b.rank)

/**
 * Makes the timeline of the files of one run. Their clocks are related by what they say of themselves alone.
 * @param columns of the spans, whose beginnings have their ends
 */
export function assembleTrace(columns: GroupColumns, files: readonly AssembledFile[], session: SessionTables): ImportedTimeline {
  for (const { part, tracks } of files) classifyDevices(columns, part, tracks, session.classes)
  const trackCount = files.reduce((count, { tracks: { tracks } }) => count + tracks.length, 0)
  const orders = orderByLane(columns, trackCount)
  const { strings, startNs } = columns
  const flows = new GroupFlows(columns, strings, (id) => session.text(id))
  for (const { part } of files) flows.add(part, orders)
  const { lanes, laneOrders } = makeLanes(columns, files, orders)
  const counters = files.map((file) => countersOf(file, session))

  const clock = relateClocks(files.map(({ part }) => ({
    originMicros: part.file.originMicros, baseNs: part.file.facts.baseNs, firstNs: firstMoment(columns, part),
  })))
  let lastNs = 0
  for (const [at, { part: { from, to } }] of files.entries()) {
    const { shiftNs } = clock.files[at]
    for (let span = from; span < to; span++) {
      startNs[span] += shiftNs
      if (startNs[span] > lastNs) lastNs = startNs[span]
    }
    for (const { timeNs } of counters[at]) for (let row = 0; row < timeNs.length; row++) timeNs[row] += shiftNs
  }

  const args: ArgColumns = { templates: session.templates, template: columns.template, digitsAt: columns.digitsAt, digits: session.digits }
  const ranks = ranksOf(files, clock.related)
  const worlds = files.flatMap(({ part: { file: { facts } } }) => facts.world ?? [])
  const paths = files.map(({ part: { file } }) => file.path)
  const spans = foreignSpanColumns(columns, bytesColumn(args, columns.count))
  // Beyond, starts that differed may have become one, and of these the longer span goes first.
  if (lastNs <= EXACT_NS) adoptLaneOrder(spans, laneOrders)
  return {
    title: files.length === 1 ? basename(paths[0]) : groupTitle(paths, ranks.length),
    source: 'trace', lanes, strings, run: null,
    spans,
    files: files.map(({ part: { file } }) => sourceFileOf(file)),
    trace: {
      fileClocks: clock.files, ranks, world: worlds.length === 0 ? null : Math.max(...worlds),
      clock: {
        method: files.length === 1 ? "the file's own times" : "the times that the files give, not refined",
        originNs: clock.originNs?.toString() ?? null, aligned: clock.related.every(Boolean) || files.length === 1,
      },
      args, form: columns.form, kind: columns.kind, kindNames: session.classes.kindNames, rulesFrom: session.rulesFrom,
      flows: flows.take(), counters: counters.flat(),
    },
  }
}
