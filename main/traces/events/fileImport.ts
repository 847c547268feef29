import { CATEGORY_CODE } from '../../../kernels/timeline/categories.ts'
import { SPAN_FORMS, type SpanForm } from '../../timeline/traceContent.ts'
import { ASYNC_BAND, BANDS, type ClassTable } from './classTable.ts'
import { TripleTable } from './columns/tripleTable.ts'
import { FileFacts } from './fileFacts.ts'
import { FLOW_ROLES, type MarkRows, newCounterRows, newFlowRows, newMarkRows, newNameRows, newSpanRows, NONE } from './fileRows.ts'
import { type EventBatch, FLAG, type ScanSink } from '../scan/eventBatch.ts'
import { Tally } from '../tally.ts'

const code = (letter: string): number => letter.charCodeAt(0)
const PHASE = {
  X: code('X'), B: code('B'), E: code('E'), i: code('i'), I: code('I'), R: code('R'), C: code('C'), M: code('M'),
  s: code('s'), t: code('t'), f: code('f'), b: code('b'), n: code('n'), e: code('e'),
  S: code('S'), T: code('T'), p: code('p'), F: code('F'),
} as const

const FORM = Object.fromEntries(SPAN_FORMS.map((form, at) => [form, at])) as Readonly<Record<SpanForm, number>>
const ROLE = Object.fromEntries(FLOW_ROLES.map((role, at) => [role, at])) as Readonly<Record<(typeof FLOW_ROLES)[number], number>>
const NO_PID = NONE
const BIND_ID_FLOW = 1
const EVENT_FLOW = 0

/** Written so that NaN is not. */
const isPlaceable = (micros: number): boolean => Math.abs(micros) <= Number.MAX_SAFE_INTEGER

/** What is wrong with a duration that a span cannot have. */
const unusableDuration = (durationNs: number): string =>
  Number.isNaN(durationNs) ? 'span without a duration' : durationNs < 0 ? 'negative duration' : 'duration out of range'

/**
 * Takes a file's events, batch by batch, into columns. No event becomes an object; what needs the whole file (ends of
 * spans, flows, names, counters' values) is kept as rows for TimelineAssembly.
 */
export class FileImport implements ScanSink {
  readonly path: string
  readonly repairs = new Tally()
  readonly dropped = new Tally()
  readonly facts: FileFacts
  readonly spans = newSpanRows()
  readonly marks = newMarkRows()
  readonly asyncMarks = newMarkRows()
  readonly flows = newFlowRows()
  readonly counters = newCounterRows()
  readonly names = newNameRows()
  /** (pid, tid, band); in the band "async" (pid, cat, band). Numbers of the session's texts. */
  readonly tracks = new TripleTable()
  /** (pid, tid). */
  readonly threads = new TripleTable()
  /** (pid or none, cat, id) of async events. */
  readonly asyncKeys = new TripleTable()
  /** (cat, name, whether it is a bind_id's). */
  readonly flowKinds = new TripleTable()
  /** (kind of flow, id). */
  readonly flowKeys = new TripleTable()
  /** (pid, name, id). */
  readonly counterKeys = new TripleTable()
  /** Tracks with an event that has a category. */
  readonly withCategory: boolean[] = []
  readonly #classes: ClassTable
  /** Whole µs that times are counted from: the first event's, so that differences stay exact. NaN without any. */
  #originMicros = Number.NaN
  events = 0

  constructor(path: string, classes: ClassTable) {
    this.path = path
    this.facts = new FileFacts(path, this.dropped)
    this.#classes = classes
  }

  /** Whole µs that times are counted from; 0 where no event has one. */
  get originMicros(): number {
    return Number.isNaN(this.#originMicros) ? 0 : this.#originMicros
  }

  /** Whether anything ran on a device, as categories say. */
  hasDeviceWork(): boolean {
    for (let track = 0; track < this.tracks.count; track++) if (BANDS[this.tracks.third(track)] === 'kernels') return true
    return false
  }

  wantsKey(key: string): boolean {
    return this.facts.wantsKey(key)
  }

  onKey(key: string, json: string, offset: number): void {
    this.facts.note(key, json, offset)
  }

  onBatch(batch: EventBatch): void {
    this.events += batch.count
    for (let at = 0; at < batch.count; at++) {
      const phase = batch.phase[at]
      if (phase === PHASE.X) at = this.#completes(batch, at) - 1
      else if (phase === PHASE.M) this.#name(batch, at)
      else this.#timed(batch, at, phase)
    }
  }

  /** Integer ns from the file's origin; NaN, and counted, where the event has no time that can be placed. */
  #time(batch: EventBatch, at: number): number {
    const micros = batch.tsMicros[at]
    if (!isPlaceable(micros)) {
      this.#leaveWithoutTime(batch, at)
      return Number.NaN
    }
    if (Number.isNaN(this.#originMicros)) this.#originMicros = micros
    return (micros - this.#originMicros) * 1000 + batch.tsNanos[at]
  }

  #leaveWithoutTime(batch: EventBatch, at: number): void {
    this.dropped.add(Number.isNaN(batch.tsMicros[at]) ? 'event without a time' : 'time out of range', batch.offset[at])
  }

  /**
   * Takes complete events, which most are, up to the first other one: in one loop, so that no number leaves it as an object.
   * @returns where that is
   */
  #completes(batch: EventBatch, from: number): number {
    const { count, phase, pid, tid, cat, name, flags, tsMicros, tsNanos, durNs, argsTemplate, argsAt } = batch
    const { spans, tracks, withCategory } = this
    const classes = this.#classes
    let at = from
    for (; at < count && phase[at] === PHASE.X; at++) {
      const micros = tsMicros[at]
      if (!isPlaceable(micros)) {
        this.#leaveWithoutTime(batch, at)
        continue
      }
      if (Number.isNaN(this.#originMicros)) this.#originMicros = micros
      const startNs = (micros - this.#originMicros) * 1000 + tsNanos[at]
      let durationNs = durNs[at]
      // Written so that NaN is not within. An end before its start, taken without a sign, makes one that is beyond.
      if (!(durationNs >= 0 && durationNs <= Number.MAX_SAFE_INTEGER)) {
        this.repairs.add(unusableDuration(durationNs), batch.offset[at])
        durationNs = 0
      }
      const classIndex = classes.classOf(cat[at], name[at])
      const track = tracks.indexOf(pid[at], tid[at], classes.band(classIndex))
      if (cat[at] !== 0) withCategory[track] = true
      const row = spans.next()
      const { current } = spans
      current.lane[row] = track
      current.name[row] = name[at]
      current.startNs[row] = startNs
      current.durationNs[row] = durationNs
      current.template[row] = argsTemplate[at]
      current.digitsAt[row] = argsAt[at]
      current.category[row] = classes.category(classIndex)
      current.kind[row] = classes.kind(classIndex)
      current.form[row] = FORM.complete
      if ((flags[at] & (FLAG.flowIn | FLAG.flowOut)) !== 0) this.#flowOfSpan(batch, at, startNs, spans.count - 1)
    }
    return at
  }

  #timed(batch: EventBatch, at: number, phase: number): void {
    switch (phase) {
      case PHASE.B: case PHASE.E: case PHASE.i: case PHASE.I: case PHASE.R: case PHASE.C:
      case PHASE.s: case PHASE.t: case PHASE.f: case PHASE.b: case PHASE.n: case PHASE.e:
      case PHASE.S: case PHASE.T: case PHASE.p: case PHASE.F: break
      default:
        this.dropped.add(`phase ${JSON.stringify(String.fromCharCode(phase))}`, batch.offset[at])
        return
    }
    const timeNs = this.#time(batch, at)
    if (Number.isNaN(timeNs)) return
    switch (phase) {
      case PHASE.B: case PHASE.E: {
        const thread = this.threads.indexOf(batch.pid[at], batch.tid[at], 0)
        const span = phase === PHASE.B ? this.#span(batch, at, timeNs, 0, FORM['begin-end']) : NONE
        this.#mark(this.marks, batch, at, timeNs, thread, thread, span)
        if (span !== NONE && (batch.flags[at] & (FLAG.flowIn | FLAG.flowOut)) !== 0) this.#flowOfSpan(batch, at, timeNs, span)
        return
      }
      case PHASE.i: case PHASE.I: case PHASE.R: this.#span(batch, at, timeNs, 0, FORM.instant); return
      case PHASE.C: this.#counter(batch, at, timeNs); return
      case PHASE.s: this.#flow(batch, at, timeNs, ROLE.start); return
      case PHASE.t: this.#flow(batch, at, timeNs, ROLE.step); return
      case PHASE.f:
        this.#flow(batch, at, timeNs, (batch.flags[at] & FLAG.bindsEnclosing) === 0 ? ROLE['end at the next span'] : ROLE['end at the span around it'])
        return
      case PHASE.n: case PHASE.T: case PHASE.p: this.#asyncSpan(batch, at, timeNs); return
      default: this.#asyncMark(batch, at, timeNs, phase === PHASE.b || phase === PHASE.S)
    }
  }

  /** @returns the span's number in the file. */
  #span(batch: EventBatch, at: number, startNs: number, durationNs: number, form: number): number {
    const cat = batch.cat[at]
    const name = batch.name[at]
    const classes = this.#classes
    const classIndex = classes.classOf(cat, name)
    const track = this.tracks.indexOf(batch.pid[at], batch.tid[at], classes.band(classIndex))
    if (cat !== 0) this.withCategory[track] = true
    return this.#row(batch, at, startNs, durationNs, form, track, classes.category(classIndex), classes.kind(classIndex))
  }

  #row(
    batch: EventBatch, at: number, startNs: number, durationNs: number, form: number, track: number, category: number, kind: number,
  ): number {
    const { spans } = this
    const row = spans.next()
    const { current } = spans
    current.lane[row] = track
    current.name[row] = batch.name[at]
    current.startNs[row] = startNs
    current.durationNs[row] = durationNs
    current.template[row] = batch.argsTemplate[at]
    current.digitsAt[row] = batch.argsAt[at]
    current.category[row] = category
    current.kind[row] = kind
    current.form[row] = form
    return spans.count - 1
  }

  #mark(marks: MarkRows, batch: EventBatch, at: number, timeNs: number, group: number, thread: number, span: number): void {
    const row = marks.next()
    const { current } = marks
    current.group[row] = group
    current.thread[row] = thread
    current.name[row] = batch.name[at]
    current.timeNs[row] = timeNs
    current.span[row] = span
    current.template[row] = batch.argsTemplate[at]
    current.digitsAt[row] = batch.argsAt[at]
    current.offset[row] = batch.offset[at]
  }

  /** A span of a process's asynchronous lanes. */
  #asyncSpan(batch: EventBatch, at: number, timeNs: number): number {
    const track = this.tracks.indexOf(batch.pid[at], batch.cat[at], ASYNC_BAND)
    return this.#row(batch, at, timeNs, 0, FORM.async, track, CATEGORY_CODE.other, 0)
  }

  #asyncMark(batch: EventBatch, at: number, timeNs: number, begins: boolean): void {
    const pid = batch.pid[at]
    const scope = (batch.flags[at] & FLAG.idIsLocal) === 0 ? NO_PID : pid
    const key = this.asyncKeys.indexOf(scope, batch.cat[at], batch.id[at])
    const thread = this.threads.indexOf(pid, batch.tid[at], 0)
    this.#mark(this.asyncMarks, batch, at, timeNs, key, thread, begins ? this.#asyncSpan(batch, at, timeNs) : NONE)
  }

  #flow(batch: EventBatch, at: number, timeNs: number, role: number): void {
    const kind = this.flowKinds.indexOf(batch.cat[at], batch.name[at], EVENT_FLOW)
    this.#flowRow(batch, at, timeNs, kind, role, NONE)
  }

  #flowOfSpan(batch: EventBatch, at: number, timeNs: number, span: number): void {
    const kind = this.flowKinds.indexOf(0, 0, BIND_ID_FLOW)
    const into = (batch.flags[at] & FLAG.flowIn) !== 0
    const out = (batch.flags[at] & FLAG.flowOut) !== 0
    this.#flowRow(batch, at, timeNs, kind, into ? (out ? ROLE.step : ROLE['end at the span around it']) : ROLE.start, span)
  }

  #flowRow(batch: EventBatch, at: number, timeNs: number, kind: number, role: number, span: number): void {
    const { flows } = this
    const row = flows.next()
    const { current } = flows
    const pid = batch.pid[at]
    current.group[row] = this.flowKeys.indexOf(kind, batch.id[at], (batch.flags[at] & FLAG.idIsLocal) === 0 ? NO_PID : pid)
    current.thread[row] = this.threads.indexOf(pid, batch.tid[at], 0)
    current.timeNs[row] = timeNs
    current.role[row] = role
    current.span[row] = span
    current.offset[row] = batch.offset[at]
  }

  #counter(batch: EventBatch, at: number, timeNs: number): void {
    const { counters } = this
    const row = counters.next()
    const { current } = counters
    current.counter[row] = this.counterKeys.indexOf(batch.pid[at], batch.name[at], batch.id[at])
    current.timeNs[row] = timeNs
    current.template[row] = batch.argsTemplate[at]
    current.digitsAt[row] = batch.argsAt[at]
    current.offset[row] = batch.offset[at]
  }

  #name(batch: EventBatch, at: number): void {
    const { names } = this
    const row = names.next()
    const { current } = names
    current.name[row] = batch.name[at]
    current.pid[row] = batch.pid[at]
    current.tid[row] = batch.tid[at]
    current.template[row] = batch.argsTemplate[at]
    current.digitsAt[row] = batch.argsAt[at]
  }
}
