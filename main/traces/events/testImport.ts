import { SPAN_CATEGORIES } from '../../../kernels/timeline/categories.ts'
import { argsOf } from '../../timeline/spanArgs.ts'
import { SPAN_FORMS } from '../../timeline/traceContent.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import type { ImportedTimeline } from '../ranks/alignRanks.ts'
import { openTraceBytes } from '../open/openTraces.ts'

/** Opens a trace given as its text, or as what its text says. */
export const open = (content: string | object): Promise<Timeline> =>
  openTraceBytes('test.json', new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content)))

/** The same where the trace is none of ours. */
export async function openForeign(content: string | object): Promise<ImportedTimeline> {
  const timeline = await open(content)
  return asImported(timeline)
}

export function asImported({ trace, ...timeline }: Timeline): ImportedTimeline {
  if (trace === null) throw new Error('expected a trace that is none of ours')
  return { ...timeline, trace }
}

/** A GPU kernel on pid 0, tid 7, times in µs. */
export const kernel = (name: string, ts: number | string, dur: number | string, fields: object = {}): object =>
  ({ ph: 'X', cat: 'kernel', name, pid: 0, tid: 7, ts, dur, ...fields })

export interface PlainSpan {
  readonly name: string
  readonly lane: string
  readonly start: number
  readonly length: number
  readonly category: string
}

/** All spans, in the columns' order. */
export const spansOf = ({ spans, strings, lanes }: Timeline): PlainSpan[] =>
  Array.from({ length: spans.count }, (_, at) => ({
    name: strings[spans.name[at]], lane: lanes[spans.lane[at]].name, start: spans.startNs[at], length: spans.durationNs[at],
    category: SPAN_CATEGORIES[spans.category[at]],
  }))

/** Name, form and args of each span. */
export const formsOf = ({ spans, strings, trace }: ImportedTimeline): [name: string, form: string, args: unknown][] =>
  Array.from({ length: spans.count }, (_, at) => [strings[spans.name[at]], SPAN_FORMS[trace.form[at]], argsOf(trace.args, at)])

/** Each arrow as "from -> to (flow)". */
export const arrowsOf = ({ spans, strings, trace: { flows } }: ImportedTimeline): string[] =>
  Array.from(flows.from, (from, at) => `${strings[spans.name[from]]} -> ${strings[spans.name[flows.to[at]]]} (${strings[flows.name[at]]})`)

type Tallied = Timeline['files'][number]['repairs']
const tallied = (entries: Tallied): string[] => entries.map(({ kind, count, firstOffset }) => `${kind} x${count} @${firstOffset}`)

export const repairsOf = (timeline: Timeline): string[] => timeline.files.flatMap(({ repairs }) => tallied(repairs))
export const droppedOf = (timeline: Timeline): string[] => timeline.files.flatMap(({ dropped }) => tallied(dropped))

/** The same without offsets. */
export const kindsOf = (entries: readonly string[]): string[] => entries.map((entry) => entry.replace(/ @.*/, ''))
