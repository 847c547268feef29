import { CATEGORY_CODE, PAYLOADS, SPAN_CATEGORIES } from '../../../kernels/timeline/categories.ts'
import { channelOfSpan } from '../../timeline/rankLanes.ts'
import { indexHops } from '../../timeline/spanIndex.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import type { ChromeTracks } from './chromeTracks.ts'
import { formatMicros } from '../microseconds.ts'

/** Names of processes and threads, and the order they are drawn in. */
export function* metadataEvents(timeline: Timeline, tracks: ChromeTracks): Generator<string> {
  const event = (name: string, pid: number, tid: number | null, args: object): string =>
    JSON.stringify({ ph: 'M', name, pid, ...(tid === null ? {} : { tid }), args })
  for (const [order, { pid, name, lanes }] of tracks.processes.entries()) {
    yield event('process_name', pid, null, { name })
    yield event('process_sort_index', pid, null, { sort_index: order })
    for (const [position, lane] of lanes.entries()) {
      const { tid } = tracks.ofLane[lane]
      yield event('thread_name', pid, tid, { name: timeline.lanes[lane].name })
      yield event('thread_sort_index', pid, tid, { sort_index: position })
    }
  }
}

/** Appends `"key":value` for a column that applies. */
function field(key: string, value: number): string {
  return value === -1 || Number.isNaN(value) ? '' : `"${key}":${value},`
}

/** The same for one of our own words. */
function word(key: string, value: string | null): string {
  return value === null ? '' : `"${key}":"${value}",`
}

function spanArgs(timeline: Timeline, index: number, warmup: ReadonlySet<number>): string {
  const { spans } = timeline
  const iteration = spans.iteration[index]
  const flops = spans.flops[index]
  const durationNs = spans.durationNs[index]
  const fields = field('iteration', iteration) + (warmup.has(iteration) ? '"warmup":true,' : '') +
    field('step', spans.step[index]) + field('peer', spans.peer[index]) + field('bytes', spans.bytes[index]) +
    field('gflops', durationNs > 0 ? flops / durationNs : Number.NaN) + field('flops', flops) +
    field('cpuNs', spans.cpuNs[index]) + field('hop', spans.hop[index]) +
    word('payload', spans.payload[index] === 0 ? null : PAYLOADS[spans.payload[index]]) + word('channel', channelOfSpan(timeline, index))
  return fields === '' ? '' : `,"args":{${fields.slice(0, -1)}}`
}

/** Iterations that are warm-up, as the record says or, for those still under way, the config. */
function warmupIterations({ run, source }: Timeline): Set<number> {
  if (run === null) return new Set()
  const listed = new Set(run.iterations.filter(({ warmup }) => warmup).map(({ iteration }) => iteration))
  if (source !== 'simulation') for (let iteration = 0; iteration < run.config.warmup; iteration++) listed.add(iteration)
  return listed
}

/**
 * Order in which spans are written: as recorded, unless a lane is out of order; then by start, of equal starts the longer
 * first. Viewers nest the second of two spans that start together in the first.
 */
function writingOrder({ spans, lanes }: Timeline): Uint32Array | null {
  const lastStart = new Float64Array(lanes.length).fill(Number.NEGATIVE_INFINITY)
  const lastLength = new Float64Array(lanes.length)
  const { startNs, durationNs } = spans
  for (let index = 0; index < spans.count; index++) {
    const lane = spans.lane[index]
    if (startNs[index] < lastStart[lane] || (startNs[index] === lastStart[lane] && durationNs[index] > lastLength[lane])) {
      return Uint32Array.from({ length: spans.count }, (_, at) => at)
        .sort((a, b) => startNs[a] - startNs[b] || durationNs[b] - durationNs[a] || a - b)
    }
    lastStart[lane] = startNs[index]
    lastLength[lane] = durationNs[index]
  }
  return null
}

/** Every span as a complete (X) event, its category as `cat`, times exact to the ns. */
export function* spanEvents(timeline: Timeline, tracks: ChromeTracks): Generator<string> {
  const { spans, strings } = timeline
  const names = strings.map((text) => JSON.stringify(text))
  const warmup = warmupIterations(timeline)
  const order = writingOrder(timeline)
  for (let at = 0; at < spans.count; at++) {
    const index = order === null ? at : order[at]
    const { pid, tid } = tracks.ofLane[spans.lane[index]]
    yield `{"ph":"X","name":${names[spans.name[index]]},"cat":"${SPAN_CATEGORIES[spans.category[index]]}","pid":${pid},"tid":${tid},` +
      `"ts":${formatMicros(spans.startNs[index])},"dur":${formatMicros(spans.durationNs[index])}${spanArgs(timeline, index, warmup)}}`
  }
}

/**
 * An arrow per hop, from the start of its send to the last ns of its receive, so that both ends lie inside their spans.
 * Hop numbers are unique in a run, so ids are unique across ranks. A hop without duration, or one that the clocks show
 * as received before it was sent, has no instant to tie an arrow to; its spans and `args.hop` remain.
 */
export function* flowEvents(timeline: Timeline, tracks: ChromeTracks): Generator<string> {
  const { spans } = timeline
  const hops = indexHops(spans)
  for (let at = 0; at < hops.send.length; at++) {
    const send = hops.send[at]
    const recv = hops.recv[at]
    const fromNs = spans.startNs[send]
    const toNs = spans.startNs[recv] + spans.durationNs[recv] - 1
    if (spans.durationNs[send] <= 0 || spans.durationNs[recv] <= 0 || toNs < fromNs) continue
    const end = (phase: string, index: number, timeNs: number): string => {
      const { pid, tid } = tracks.ofLane[spans.lane[index]]
      return `{"ph":"${phase}","name":"hop","cat":"hop","id":${spans.hop[index]},"pid":${pid},"tid":${tid},"ts":${formatMicros(timeNs)}`
    }
    yield `${end('s', send, fromNs)}}`
    yield `${end('f', recv, toNs)},"bp":"e"}`
  }
}

/** A counter per process: the bytes of its sends that are under way. */
export function* counterEvents(timeline: Timeline, tracks: ChromeTracks): Generator<string> {
  const { spans } = timeline
  const changes = new Map<number, [timeNs: number, bytes: number][]>()
  for (let index = 0; index < spans.count; index++) {
    const bytes = spans.bytes[index]
    if (spans.category[index] !== CATEGORY_CODE.send || Number.isNaN(bytes)) continue
    const { pid } = tracks.ofLane[spans.lane[index]]
    const list = changes.get(pid) ?? []
    list.push([spans.startNs[index], bytes], [spans.startNs[index] + spans.durationNs[index], -bytes])
    changes.set(pid, list)
  }
  for (const [pid, list] of changes) {
    list.sort(([a], [b]) => a - b)
    let inFlight = 0
    for (let at = 0; at < list.length; at++) {
      inFlight += list[at][1]
      if (at + 1 < list.length && list[at + 1][0] === list[at][0]) continue
      yield `{"ph":"C","name":"bytes in flight","pid":${pid},"ts":${formatMicros(list[at][0])},"args":{"bytes":${inFlight}}}`
    }
  }
}
