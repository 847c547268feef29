import { SPAN_CATEGORIES } from '../../../kernels/timeline/categories.ts'
import { orderByLane } from '../../timeline/laneOrder.ts'
import { sortByKey } from '../../timeline/sortByKey.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { type CounterSeries, SPAN_FORMS, type TraceContent } from '../../timeline/traceContent.ts'
import type { ChromeTracks } from '../save/chromeTracks.ts'
import { counterTracks } from './counterTracks.ts'
import { freeTimes } from '../ranks/freeTimes.ts'
import { formatMicros } from '../microseconds.ts'
import { ArgTexts } from './argTexts.ts'

const INSTANT = SPAN_FORMS.indexOf('instant')

/**
 * The spans of an imported trace, lane by lane and by start: complete events, instants as instants; categories are ours,
 * arguments as their file had them, times on the common clock.
 */
export function* importedSpanEvents(timeline: Timeline, content: TraceContent, tracks: ChromeTracks): Generator<string> {
  const { spans, strings, lanes } = timeline
  const args = new ArgTexts(content.args)
  const categories = SPAN_CATEGORIES.map((category) => JSON.stringify(category))
  for (const [lane, order] of orderByLane(spans, lanes.length).entries()) {
    const { pid, tid } = tracks.ofLane[lane]
    const place = `,"pid":${pid},"tid":${tid},"ts":`
    for (const span of order) {
      const text = args.of(span)
      const kind = content.form[span] === INSTANT ? '{"ph":"i","s":"t","name":' : '{"ph":"X","name":'
      const duration = content.form[span] === INSTANT ? '' : `,"dur":${formatMicros(spans.durationNs[span])}`
      yield `${kind}${JSON.stringify(strings[spans.name[span]])},"cat":${categories[spans.category[span]]}${place}` +
        `${formatMicros(spans.startNs[span])}${duration}${text === null ? '' : `,"args":${text}`}}`
    }
  }
}

/** Arrows of an imported trace that no Trace Event file can hold: they end before they begin. */
export function backwardFlows({ spans, lanes }: Timeline, { flows }: TraceContent): number {
  if (flows.from.length === 0) return 0
  const { firstNs, lastNs } = freeTimes(spans, lanes.length)
  let count = 0
  for (let at = 0; at < flows.from.length; at++) if (lastNs[flows.to[at]] < firstNs[flows.from[at]]) count++
  return count
}

/**
 * An arrow per flow, with an id of its own: from the first ns of its span that no inner span covers, since viewers tie an
 * arrow to the innermost span around it, to such a ns of the other one that is not before it. Arrows that end before they begin are
 * left out, see {@link backwardFlows}.
 */
export function* importedFlowEvents({ spans, strings, lanes }: Timeline, { flows }: TraceContent, tracks: ChromeTracks): Generator<string> {
  if (flows.from.length === 0) return
  const { firstNs, lastNs } = freeTimes(spans, lanes.length)
  for (let at = 0; at < flows.from.length; at++) {
    const from = flows.from[at]
    const to = flows.to[at]
    if (lastNs[to] < firstNs[from]) continue
    const name = JSON.stringify(strings[flows.name[at]])
    const end = (phase: string, span: number, timeNs: number): string => {
      const { pid, tid } = tracks.ofLane[spans.lane[span]]
      return `{"ph":"${phase}","name":${name},"cat":${name},"id":${at + 1},"pid":${pid},"tid":${tid},"ts":${formatMicros(timeNs)}`
    }
    yield `${end('s', from, firstNs[from])}}`
    yield `${end('f', to, firstNs[to] >= firstNs[from] ? firstNs[to] : lastNs[to])},"bp":"e"}`
  }
}

/** The rows of several series by time: of equal times series by series. */
function rowsByTime(series: readonly CounterSeries[]): { readonly timeNs: Float64Array; readonly seriesOf: Uint32Array; readonly values: Float64Array } {
  const count = series.reduce((sum, { timeNs }) => sum + timeNs.length, 0)
  const timeNs = new Float64Array(count)
  const order = Uint32Array.from(timeNs, (_, at) => at)
  const seriesOf = new Uint32Array(count)
  const values = new Float64Array(count)
  let from = 0
  for (const [at, one] of series.entries()) {
    timeNs.set(one.timeNs, from)
    values.set(one.value, from)
    seriesOf.fill(at, from, from += one.timeNs.length)
  }
  sortByKey(timeNs, order)
  return { timeNs, seriesOf: Uint32Array.from(order, (row) => seriesOf[row]), values: Float64Array.from(order, (row) => values[row]) }
}

/** The counters of an imported trace; series of one counter that change together share an event. */
export function* importedCounterEvents({ counters }: TraceContent, tracks: ChromeTracks): Generator<string> {
  for (const { pid, name, series } of counterTracks(counters, tracks)) {
    const { timeNs, seriesOf, values } = rowsByTime(series)
    const labels = series.map((one) => JSON.stringify(one.series))
    const head = `{"ph":"C","name":${JSON.stringify(name)},"pid":${pid},"ts":`
    for (let at = 0; at < timeNs.length;) {
      const time = timeNs[at]
      const args: string[] = []
      // A series that changes twice at once needs an event for each.
      do args.push(`${labels[seriesOf[at]]}:${values[at++]}`)
      while (at < timeNs.length && timeNs[at] === time && seriesOf[at] !== seriesOf[at - 1])
      yield `${head}${formatMicros(time)},"args":{${args.join(',')}}}`
    }
  }
}
