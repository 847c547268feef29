import type { SpanColumns } from '../../timeline/timeline.ts'
import { SPAN_FORMS } from '../../timeline/traceContent.ts'
import { groupRows, type RowGroups } from './columns/groupRows.ts'
import { FLOW_ROLES, type FlowRows, NONE } from './fileRows.ts'

const START = FLOW_ROLES.indexOf('start')
const STEP = FLOW_ROLES.indexOf('step')
const NEXT = FLOW_ROLES.indexOf('end at the next span')
const INSTANT = SPAN_FORMS.indexOf('instant')

/** Flow events of a file, as columns. */
export interface FlowEvents {
  readonly count: number
  readonly group: Uint32Array
  readonly thread: Uint32Array
  readonly timeNs: Float64Array
  /** Code into FLOW_ROLES. */
  readonly role: Uint8Array
  /** The span in the timeline that the event is bound to; NONE where there is none (yet). */
  readonly span: Uint32Array
  readonly offset: Float64Array
}

/** Takes the rows, which are empty afterwards. @param base number of the file's first span in the timeline. */
export function takeFlows(rows: FlowRows, base: number): FlowEvents {
  const span = rows.take('span')
  for (let row = 0; row < span.length; row++) if (span[row] !== NONE) span[row] += base
  return {
    count: rows.count, group: rows.take('group'), thread: rows.take('thread'), timeNs: rows.take('timeNs'), role: rows.take('role'),
    span, offset: rows.take('offset'),
  }
}

/** Spans that flows are bound to, on the file's clock like the events. An instant has no inside: flows pass it over. */
export interface BindingSpans extends Pick<SpanColumns, 'startNs' | 'durationNs'> {
  readonly form: Uint8Array
}

/**
 * Whether a span fits an event better than the one it is bound to so far. Tracks of one thread are tried in turn: the
 * innermost span has started last; the next one starts first.
 */
function fitsBetter(startNs: Float64Array, candidate: number, bound: number, next: boolean): boolean {
  if (bound === NONE) return true
  return next ? startNs[candidate] < startNs[bound] : startNs[candidate] > startNs[bound]
}

/** The innermost of the open spans around a time; of those that end there only where no other is. */
function around({ startNs, durationNs }: BindingSpans, open: readonly number[], timeNs: number): number {
  for (let at = open.length - 1; at >= 0; at--) {
    const span = open[at]
    if (startNs[span] === timeNs || startNs[span] + durationNs[span] > timeNs) return span
  }
  return open.at(-1) ?? NONE
}

/** The events of one thread, by time. */
interface ThreadEvents {
  readonly rows: Uint32Array
  readonly from: number
  readonly to: number
}

/** Binds events of a thread to the spans of one of its tracks, given by start. */
function bindToTrack(flows: FlowEvents, { rows, from, to }: ThreadEvents, spans: BindingSpans, order: Uint32Array): void {
  const { startNs, durationNs, form } = spans
  const open: number[] = []
  let begun = 0
  let notBefore = 0
  const { timeNs: times, role, span: bound } = flows
  for (let at = from; at < to; at++) {
    const row = rows[at]
    const timeNs = times[row]
    for (; begun < order.length && startNs[order[begun]] <= timeNs; begun++) {
      if (form[order[begun]] !== INSTANT) open.push(order[begun])
    }
    while (open.length > 0 && startNs[open[open.length - 1]] + durationNs[open[open.length - 1]] < timeNs) open.pop()
    const next = role[row] === NEXT
    if (next) while (notBefore < order.length && (startNs[order[notBefore]] < timeNs || form[order[notBefore]] === INSTANT)) notBefore++
    const candidate = next ? (notBefore < order.length ? order[notBefore] : NONE) : around(spans, open, timeNs)
    if (candidate !== NONE && fitsBetter(startNs, candidate, bound[row], next)) bound[row] = candidate
  }
}

/**
 * Binds each flow event that has no span to the one around it on its thread, or to the next one there.
 * @param tracksOf the spans of each track of a thread, by start
 */
export function bindFlows(flows: FlowEvents, threads: number, spans: BindingSpans, tracksOf: (thread: number) => readonly Uint32Array[]): void {
  const { rows, from } = groupRows(flows.thread, threads, flows.timeNs)
  const bound = flows.span.slice()
  for (let thread = 0; thread < threads; thread++) {
    if (from[thread] === from[thread + 1]) continue
    for (const order of tracksOf(thread)) bindToTrack(flows, { rows, from: from[thread], to: from[thread + 1] }, spans, order)
  }
  // Those of a bind_id are at their span already.
  for (let row = 0; row < flows.count; row++) if (bound[row] !== NONE) flows.span[row] = bound[row]
}

export interface FlowHandlers {
  onArrow(fromSpan: number, toSpan: number, group: number): void
  onUnbound(event: number): void
  onStartWithoutEnd(event: number): void
  onEndWithoutStart(event: number): void
}

/** A flow's start where it has one only. An end may come before it: clocks of host and device differ a little. */
function onlyStart({ role }: FlowEvents, { rows, from }: RowGroups, group: number): number {
  let start = -1
  for (let at = from[group]; at < from[group + 1]; at++) {
    if (role[rows[at]] !== START) continue
    if (start >= 0) return -1
    start = rows[at]
  }
  return start
}

/**
 * Draws the arrows of each flow: from every event to the next step or end with its id. A start may have several ends,
 * as launches of whole graphs do; an id that starts again is another flow.
 * @param groups number of flows.
 */
export function chainFlows(flows: FlowEvents, groups: number, handlers: FlowHandlers): void {
  const { span, role } = flows
  const grouped = groupRows(flows.group, groups, flows.timeNs)
  const { rows, from } = grouped
  for (let group = 0; group < groups; group++) {
    /** The event that the next arrow leaves from, and whether one has left from it; -1 before any. */
    let source = -1
    let left = true
    let leftEarly = false
    const only = onlyStart(flows, grouped, group)
    for (let at = from[group]; at < from[group + 1]; at++) {
      const row = rows[at]
      if (span[row] === NONE) {
        handlers.onUnbound(row)
        continue
      }
      if (role[row] === START) {
        if (!left) handlers.onStartWithoutEnd(source)
        source = row
        left = leftEarly
        continue
      }
      const arrowFrom = source < 0 ? only : source
      const arrives = arrowFrom >= 0 && span[arrowFrom] !== NONE
      if (arrives) {
        handlers.onArrow(span[arrowFrom], span[row], group)
        leftEarly ||= source < 0
        left = true
      } else if (role[row] !== STEP) handlers.onEndWithoutStart(row)
      if (role[row] === STEP) {
        source = row
        // Without a start before it, the flow begins here.
        left = arrives
      }
    }
    if (!left) handlers.onStartWithoutEnd(source)
  }
}
