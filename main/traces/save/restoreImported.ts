import { SPAN_CATEGORIES } from '../../../kernels/timeline/categories.ts'
import { orderByLane } from '../../timeline/laneOrder.ts'
import type { SourceFile, Timeline } from '../../timeline/timeline.ts'
import { type ArgColumns, type CounterSeries, SPAN_FORMS } from '../../timeline/traceContent.ts'
import { bytesColumn, sourceFileOf, type SessionTables } from '../events/assembleTrace.ts'
import { readCounters } from '../events/counters.ts'
import type { FileTracks } from '../lanes/fileTracks.ts'
import { type FilePart, foreignSpanColumns, type GroupColumns } from '../events/groupColumns.ts'
import { GroupFlows } from '../events/groupFlows.ts'
import type { OwnMetadata } from './ownMetadata.ts'
import { restoreLanes } from './ownTrace.ts'
import type { TraceRecord } from './traceRecord.ts'

const NS_PER_US = 1000
const COMPLETE = SPAN_FORMS.indexOf('complete')
const ASYNC = SPAN_FORMS.indexOf('async')

/** The kinds of the spans as they were, by what each name and category was classified as. */
function restoreKinds({ count, kind, name, category, strings }: GroupColumns, record: TraceRecord): string[] {
  const kindNames = ['', ...new Set(record.kinds.map((entry) => entry.kind))]
  const codeOf = new Map(record.kinds.map((entry) => [`${entry.category}\n${entry.name}`, kindNames.indexOf(entry.kind)]))
  const known = new Map<number, number>()
  for (let span = 0; span < count; span++) {
    const key = name[span] * SPAN_CATEGORIES.length + category[span]
    let code = known.get(key)
    if (code === undefined) known.set(key, code = codeOf.get(`${SPAN_CATEGORIES[category[span]]}\n${strings[name[span]]}`) ?? 0)
    kind[span] = code
  }
  return kindNames
}

/** The counters as they were; one that the record does not list was added by another tool and belongs to no rank. */
function restoreCounters({ file }: FilePart, record: TraceRecord, { text, templates, digits }: SessionTables, originNs: number): CounterSeries[] {
  const was = new Map(record.counters.map((entry) => [`${entry.written.pid}\n${entry.written.name}\n${entry.series}`, entry]))
  const values = readCounters(file.counters, { templates, digits }, (offset) => { file.dropped.add('counter without a number', offset) })
  return values.map(({ counter, series, timeNs, value }) => {
    for (let at = 0; at < timeNs.length; at++) timeNs[at] += originNs
    const pid = text(file.counterKeys.first(counter))
    const name = text(file.counterKeys.second(counter))
    const found = was.get(`${pid}\n${name}\n${series}`)
    return { rank: found?.rank ?? null, pid: found?.pid ?? Number(pid), name: found?.name ?? name, series, timeNs, value }
  })
}

/** The files that it was made of; what had to be mended in this one itself is added as a further one. */
function sourceFiles({ file }: FilePart, { files }: TraceRecord): SourceFile[] {
  const own = sourceFileOf(file)
  return own.repairs.length + own.dropped.length === 0 ? files : [...files, own]
}

/**
 * Restores an imported trace that Ringscope saved: spans with their args and kinds, arrows, counters, ranks and clocks as
 * they were. Of the forms only instants and what was asynchronous are told apart: all else was saved as complete.
 */
export function restoreImported(columns: GroupColumns, part: FilePart, own: OwnMetadata, tracks: FileTracks, session: SessionTables): Timeline {
  const { trace: record, title, source } = own
  if (record === undefined) throw new Error('the record is of a run')
  const { count, startNs, form, strings } = columns
  const flows = new GroupFlows(columns, strings, (id) => session.text(id))
  flows.add(part, orderByLane(columns, tracks.tracks.length))
  const lanes = restoreLanes(columns, own, tracks)
  // The file's 0 is the timeline's.
  const originNs = part.file.originMicros * NS_PER_US
  for (let span = 0; span < count; span++) {
    startNs[span] += originNs
    if (form[span] === COMPLETE && lanes[columns.lane[span]].kind === 'async') form[span] = ASYNC
  }
  const kindNames = restoreKinds(columns, record)
  const args: ArgColumns = { templates: session.templates, template: columns.template, digitsAt: columns.digitsAt, digits: session.digits }
  const counters = restoreCounters(part, record, session, originNs)
  return {
    title, source, lanes, strings, run: null, files: sourceFiles(part, record),
    spans: foreignSpanColumns(columns, bytesColumn(args, count)),
    trace: {
      ranks: record.ranks, world: record.world, clock: record.clock, fileClocks: record.fileClocks, rulesFrom: record.rulesFrom,
      args, form, kind: columns.kind, kindNames, flows: flows.take(), counters,
    },
  }
}
