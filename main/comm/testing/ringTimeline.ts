import { CATEGORY_CODE } from '../../../kernels/timeline/categories.ts'
import { createClassifier } from '../../classify/classifier.ts'
import { argColumnsOf } from '../../timeline/testArgs.ts'
import { type LaneKind, type Timeline, TimelineBuilder } from '../../timeline/timeline.ts'

interface ParsedEvent {
  readonly ph: string
  readonly cat?: string
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly args?: Record<string, unknown>
}

interface ParsedFile {
  readonly traceEvents: readonly ParsedEvent[]
  readonly baseTimeNanoseconds?: number
  readonly distributedInfo?: { readonly rank: number; readonly world_size: number }
}

const BANDS: Readonly<Record<string, LaneKind>> = { kernels: 'gpu', annotations: 'annotation', synchronization: 'synchronization' }

/** Times of a generated file's lines in integer ns, by line that holds a span: from the text, since a double of µs loses ns. */
function exactTimes(text: string): { startNs: number; durationNs: number }[] {
  return text.split('\n').filter((line) => line.startsWith('{"ph":"X"')).map((line) => {
    const [, ts, tsNanos] = /"ts":(-?\d+)\.(\d{3})/.exec(line) ?? []
    const [, dur, durNanos] = /"dur":(\d+)\.(\d{3})/.exec(line) ?? []
    return { startNs: Number(ts) * 1000 + Number(tsNanos), durationNs: Number(dur) * 1000 + Number(durNanos) }
  })
}

/**
 * Files of {@link ringTrace} as one Timeline, each on its own clock, without the importer: what its parts are tested with.
 * Times count from the earliest of all files.
 */
export function ringTimeline(files: readonly { readonly name: string; readonly text: string }[]): Timeline {
  const builder = new TimelineBuilder('ring', 'trace')
  const classifier = createClassifier()
  const args: (string | null)[] = []
  const parsed = files.map(({ text }) => JSON.parse(text) as ParsedFile)
  const times = files.map(({ text }) => exactTimes(text))
  const originNs = times.flat().reduce((least, { startNs }) => Math.min(least, startNs), Number.POSITIVE_INFINITY)
  const ranks = files.map(({ name }, at) => parsed[at].distributedInfo?.rank ?? Number(/\d+/.exec(name)?.[0]))
  for (const [file, { traceEvents }] of parsed.entries()) {
    const lanes = new Map<string, number>()
    for (const [at, event] of traceEvents.filter(({ ph }) => ph === 'X').entries()) {
      const { category, band } = classifier.classify(event.cat ?? null, event.name)
      const key = `${event.pid} ${event.tid} ${band}`
      let lane = lanes.get(key)
      if (lane === undefined) {
        lane = builder.addLane({ rank: ranks[file], name: key, pid: event.pid, tid: event.tid, kind: BANDS[band] ?? 'host', file })
        lanes.set(key, lane)
      }
      const { startNs, durationNs } = times[file][at]
      builder.append({ lane, category: CATEGORY_CODE[category], name: builder.intern(event.name), startNs: startNs - originNs, durationNs })
      args.push(event.args === undefined ? null : JSON.stringify(event.args))
    }
  }
  const timeline = builder.timeline(null, files.map(({ name }, file) => ({ path: name, events: parsed[file].traceEvents.length, repairs: [], dropped: [] })))
  const onUnixTime = parsed.every(({ baseTimeNanoseconds }) => baseTimeNanoseconds !== undefined)
  const { count } = timeline.spans
  return {
    ...timeline,
    trace: {
      fileClocks: files.map(() => ({ originMicros: 0, shiftNs: -originNs })),
      ranks: ranks.map((rank, file) => ({ rank, file, rankFrom: 'file name' as const, offsetNs: 0, uncertaintyNs: 0 })),
      world: parsed[0].distributedInfo?.world_size ?? null,
      clock: { method: 'file times', originNs: onUnixTime ? '0' : null, aligned: true },
      args: argColumnsOf(args), form: new Uint8Array(count), kind: new Uint8Array(count), kindNames: [''], rulesFrom: null,
      flows: { from: new Uint32Array(0), to: new Uint32Array(0), name: new Uint32Array(0) }, counters: [],
    },
  }
}

/** The same timeline with each rank's times moved; ranks that are not listed stay. */
export function shiftRanks(timeline: Timeline, offsets: readonly { readonly rank: number; readonly offsetNs: number }[]): Timeline {
  const byRank = new Map(offsets.map(({ rank, offsetNs }) => [rank, offsetNs]))
  const { spans, lanes } = timeline
  const startNs = spans.startNs.map((start, span) => start + (span < spans.count ? byRank.get(lanes[spans.lane[span]].rank ?? -1) ?? 0 : 0))
  return { ...timeline, spans: { ...spans, startNs } }
}
