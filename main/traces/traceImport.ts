import { z } from 'zod'
import { CATEGORY_CODE, PAYLOADS } from '../../kernels/timeline/categories.ts'
import { type Lane, type SpanColumns, type Timeline, TimelineBuilder } from '../timeline/timeline.ts'
import { matchBeginEnd, type Mark } from './beginEnd.ts'
import type { RawEvent, ScanHandlers } from './eventScanner.ts'
import { classify, kernelKind } from './kernelKinds.ts'
import { splitOverlaps } from './laneSplit.ts'
import { nanosFrom, parseMicros } from './microseconds.ts'
import { OWN_KEY, type OwnMetadata, parseOwnMetadata } from './ownMetadata.ts'
import { Tally } from './tally.ts'
import { numberArg, parseTraceEvent, type TraceEvent } from './traceEvent.ts'
import { type Track, TrackNames } from './trackNames.ts'

const DISTRIBUTED_KEY = 'distributedInfo'
const distributedInfo = z.object({ rank: z.int().min(0) })

/** Phases that become no span. In traces of ours they repeat what the spans say. */
const NOT_SPANS: Readonly<Record<string, string>> = {
  s: 'flow', t: 'flow', f: 'flow', C: 'counter', b: 'async span', n: 'async span', e: 'async span',
  S: 'async span', T: 'async span', p: 'async span', F: 'async span',
}

interface BeginEndMark extends Mark {
  readonly event: TraceEvent
}

/**
 * Collects a file's events into columns and, at its end, makes a Timeline of them. Until then a span's lane is its
 * track and its time counts from the first event; both are put right in place, in columns that nobody else has seen.
 */
export class TraceImport implements ScanHandlers {
  readonly repairs = new Tally()
  readonly dropped = new Tally()
  readonly #path: string
  readonly #builder: TimelineBuilder
  readonly #names = new TrackNames()
  readonly #tracks: Track[] = []
  readonly #trackOf = new Map<string, number>()
  readonly #withCategory = new Set<number>()
  readonly #marks = new Map<number, BeginEndMark[]>()
  readonly #notDrawn = new Tally()
  readonly #keys: string[] = []
  #own: OwnMetadata | null = null
  #rank: number | null = null
  /** Whole µs that times are counted from: the first event's, so that differences stay exact. */
  #originMicros: number | null = null
  #events = 0
  #phases = 0

  constructor(path: string, title: string) {
    this.#path = path
    this.#builder = new TimelineBuilder(title, 'trace')
  }

  /** Event objects so far, and those of them with a phase. */
  get counts(): { readonly events: number; readonly phases: number } {
    return { events: this.#events, phases: this.#phases }
  }

  /** Top-level keys so far, `traceEvents` not among them. */
  get keys(): readonly string[] {
    return this.#keys
  }

  wantsKey(key: string): boolean {
    this.#keys.push(key)
    return key === OWN_KEY || key === DISTRIBUTED_KEY
  }

  onKey(key: string, json: string, offset: number): void {
    if (key === OWN_KEY) {
      this.#own = parseOwnMetadata(json, this.#path, offset)
      return
    }
    try {
      const parsed = distributedInfo.safeParse(JSON.parse(json))
      if (parsed.success) this.#rank = parsed.data.rank
    } catch {
      this.dropped.add(`unreadable "${key}"`, offset)
    }
  }

  onEvent(raw: RawEvent): void {
    this.#events++
    const parsed = parseTraceEvent(raw)
    if (parsed.kind === 'empty') this.repairs.add('empty event', raw.offset)
    else if (parsed.kind === 'malformed') this.dropped.add('event is not valid JSON', raw.offset)
    else if (parsed.kind === 'without-phase') this.dropped.add('event without a phase', raw.offset)
    else {
      this.#phases++
      if (parsed.mended) this.repairs.add('control character in a text', raw.offset)
      this.#take(parsed.event, raw)
    }
  }

  #take(event: TraceEvent, raw: RawEvent): void {
    const { phase } = event
    if (phase === 'M') this.#names.note(event)
    else if (phase === 'X' || phase === 'B' || phase === 'E' || phase === 'i' || phase === 'I' || phase === 'R') this.#timed(event, raw)
    else this.#notDrawn.add(NOT_SPANS[phase] ?? `phase ${JSON.stringify(phase)}`, raw.offset)
  }

  #timed(event: TraceEvent, raw: RawEvent): void {
    const time = raw.ts === null ? null : parseMicros(raw.ts)
    if (time === null) {
      this.dropped.add('event without a time', raw.offset)
      return
    }
    this.#originMicros ??= time.whole
    const startNs = nanosFrom(this.#originMicros, time)
    const { phase } = event
    if (phase === 'B' || phase === 'E') {
      const track = this.#track(event, '')
      const marks = this.#marks.get(track)
      const mark: BeginEndMark = { begins: phase === 'B', name: event.name, timeNs: startNs, offset: raw.offset, event }
      if (marks === undefined) this.#marks.set(track, [mark])
      else marks.push(mark)
      return
    }
    this.#append(event, startNs, phase === 'X' ? this.#duration(raw) : 0)
  }

  #duration(raw: RawEvent): number {
    const length = raw.dur === null ? null : parseMicros(raw.dur)
    if (length === null) {
      this.repairs.add('span without a duration', raw.offset)
      return 0
    }
    const durationNs = nanosFrom(0, length)
    if (durationNs >= 0) return durationNs
    this.repairs.add('negative duration', raw.offset)
    return 0
  }

  #track(event: TraceEvent, band: string): number {
    const key = `${event.pid}\n${event.tid}\n${band}`
    let track = this.#trackOf.get(key)
    if (track === undefined) {
      track = this.#tracks.push({ pid: event.pid, tid: event.tid, band }) - 1
      this.#trackOf.set(key, track)
    }
    return track
  }

  #append(event: TraceEvent, startNs: number, durationNs: number): void {
    const { category, band } = classify(event.cat, event.name)
    const track = this.#track(event, band)
    if (event.cat !== null) this.#withCategory.add(track)
    const { args } = event
    this.#builder.append({
      lane: track, category: CATEGORY_CODE[category], name: this.#builder.intern(event.name), startNs, durationNs,
      iteration: numberArg(args, 'iteration'), step: numberArg(args, 'step'), peer: numberArg(args, 'peer'), hop: numberArg(args, 'hop'),
      bytes: numberArg(args, 'bytes'), flops: numberArg(args, 'flops'), cpuNs: numberArg(args, 'cpuNs'),
      // A trace from before payloads were recorded, or with one that this version does not know, says none.
      payload: Math.max(0, PAYLOADS.findIndex((payload) => payload === args.payload)),
    })
  }

  /** The whole file has been read. */
  finish(): Timeline {
    this.#closeBeginEnd()
    const { spans, strings, title } = this.#builder.timeline(null)
    const files = () => [{ path: this.#path, events: this.#events, repairs: this.repairs.entries(), dropped: this.dropped.entries() }]
    const shiftNs = (this.#originMicros ?? 0) * 1000
    if (this.#own !== null) {
      for (let index = 0; index < spans.count; index++) spans.startNs[index] += shiftNs
      const { source, run, title: ownTitle } = this.#own
      const lanes = this.#restoreLanes(spans, this.#own)
      return { title: ownTitle, source, lanes, strings, spans, run, files: files() }
    }
    for (const { kind, count, firstOffset } of this.#notDrawn.entries()) this.dropped.add(kind, firstOffset, count)
    this.#forgetOwnColumns(spans)
    this.#classifyDevices(spans, strings)
    this.#startAtZero(spans)
    return { title, source: 'trace', lanes: this.#makeLanes(spans), strings, spans, run: null, files: files() }
  }

  #closeBeginEnd(): void {
    const { spans } = this.#builder.timeline(null)
    let lastNs = Number.NEGATIVE_INFINITY
    for (let index = 0; index < spans.count; index++) lastNs = Math.max(lastNs, spans.startNs[index] + spans.durationNs[index])
    for (const marks of this.#marks.values()) for (const mark of marks) lastNs = Math.max(lastNs, mark.timeNs)
    for (const marks of this.#marks.values()) {
      matchBeginEnd(marks, lastNs, {
        onSpan: (begin, endNs) => { this.#append(begin.event, begin.timeNs, endNs - begin.timeNs) },
        onUnfinished: (begin, endNs) => {
          this.repairs.add('begin without an end', begin.offset)
          this.#append(begin.event, begin.timeNs, endNs - begin.timeNs)
        },
        onUnmatchedEnd: (end) => { this.dropped.add('end without a begin', end.offset) },
      })
    }
  }

  /** Lanes exactly as they were; a track that the record does not list (added by another tool) becomes a further one. */
  #restoreLanes(spans: SpanColumns, own: OwnMetadata): Lane[] {
    const lanes: Lane[] = own.tracks.map(({ lane }) => lane)
    const laneOf = new Map(own.tracks.map(({ pid, tid }, lane) => [`${pid}\n${tid}`, lane]))
    const finalLane = this.#tracks.map((track) => {
      const known = laneOf.get(`${track.pid}\n${track.tid}`)
      return known ?? lanes.push(this.#names.lane(track, null, 0)) - 1
    })
    for (let index = 0; index < spans.count; index++) spans.lane[index] = finalLane[spans.lane[index]]
    return lanes
  }

  /** `step`, `hop`, `payload` and the like mean what we mean by them in our own traces only. */
  #forgetOwnColumns(spans: SpanColumns): void {
    for (const column of [spans.iteration, spans.step, spans.peer, spans.hop]) column.fill(-1)
    for (const column of [spans.flops, spans.cpuNs]) column.fill(Number.NaN)
    spans.payload.fill(0)
  }

  /** XLA writes no categories: what runs on a device process is a kernel. */
  #classifyDevices(spans: SpanColumns, strings: readonly string[]): void {
    const device = this.#tracks.map(({ pid }, track) => !this.#withCategory.has(track) && this.#names.isDevice(pid))
    for (let index = 0; index < spans.count; index++) {
      if (device[spans.lane[index]]) spans.category[index] = CATEGORY_CODE[kernelKind(strings[spans.name[index]])]
    }
  }

  #startAtZero(spans: SpanColumns): void {
    let firstNs = Number.POSITIVE_INFINITY
    for (let index = 0; index < spans.count; index++) firstNs = Math.min(firstNs, spans.startNs[index])
    if (!Number.isFinite(firstNs)) return
    for (let index = 0; index < spans.count; index++) spans.startNs[index] -= firstNs
  }

  #makeLanes(spans: SpanColumns): Lane[] {
    const { part, parts } = splitOverlaps(spans, this.#tracks.length)
    const lanes: Lane[] = []
    const firstLane = new Uint32Array(this.#tracks.length)
    for (const at of this.#names.order(this.#tracks)) {
      firstLane[at] = lanes.length
      const track = this.#tracks[at]
      for (let lane = 0; lane < parts[at]; lane++) lanes.push(this.#names.lane(track, this.#rank ?? this.#names.rankOf(track.pid), lane))
    }
    for (let index = 0; index < spans.count; index++) spans.lane[index] = firstLane[spans.lane[index]] + part[index]
    return lanes
  }
}
