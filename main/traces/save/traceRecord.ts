import { z } from 'zod'
import { SPAN_CATEGORIES } from '../../../kernels/timeline/categories.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import type { TraceContent } from '../../timeline/traceContent.ts'
import type { ChromeTracks } from './chromeTracks.ts'
import { type CounterTrack, counterTracks } from '../events/counterTracks.ts'

const index = z.int().min(0)
const tally = z.array(z.object({ kind: z.string(), count: index, firstOffset: z.number() }))

/**
 * What a saved imported trace says beyond its events, under `trace` in our record: what its files said of ranks and clocks,
 * what was mended in them, what each name was classified as, and which counter each of ours was.
 */
export const traceRecord = z.object({
  ranks: z.array(z.object({
    rank: index, file: index, rankFrom: z.enum(['distributedInfo', 'file name', 'process name', 'device', 'order']),
    offsetNs: z.number(), uncertaintyNs: z.number().nullable(),
  })),
  world: index.nullable(),
  clock: z.object({ method: z.string(), originNs: z.string().nullable(), aligned: z.boolean() }),
  fileClocks: z.array(z.object({ originMicros: z.number(), shiftNs: z.number() })),
  files: z.array(z.object({ path: z.string(), events: index, repairs: tally, dropped: tally })),
  rulesFrom: z.string().nullable(),
  /** Of each name and category that has a kind. */
  kinds: z.array(z.object({ name: z.string(), category: z.enum(SPAN_CATEGORIES), kind: z.string() })),
  /** Of each counter series: where it is in this file, and where it was. */
  counters: z.array(z.object({
    written: z.object({ pid: z.int(), name: z.string() }), series: z.string(),
    rank: index.nullable(), pid: z.number(), name: z.string(),
  })),
})
export type TraceRecord = z.output<typeof traceRecord>

/** What the spans of each name and category were classified as; first come, first kept where spans of one differ. */
function kindsOf({ spans, strings }: Timeline, { kind, kindNames }: TraceContent): TraceRecord['kinds'] {
  const kindOf = new Map<number, number>()
  for (let span = 0; span < spans.count; span++) {
    if (kind[span] === 0) continue
    const key = spans.name[span] * SPAN_CATEGORIES.length + spans.category[span]
    if (!kindOf.has(key)) kindOf.set(key, kind[span])
  }
  return [...kindOf].map(([key, code]) => ({
    name: strings[Math.floor(key / SPAN_CATEGORIES.length)], category: SPAN_CATEGORIES[key % SPAN_CATEGORIES.length], kind: kindNames[code],
  }))
}

/** @returns null for what is no imported trace. */
export function traceRecordOf(timeline: Timeline, tracks: ChromeTracks): TraceRecord | null {
  const { trace, files } = timeline
  if (trace === null) return null
  const { ranks, world, clock, fileClocks, rulesFrom, counters } = trace
  return {
    ranks: [...ranks], world, clock, rulesFrom, fileClocks: [...fileClocks],
    files: files.map(({ path, events, repairs, dropped }) => ({ path, events, repairs: [...repairs], dropped: [...dropped] })),
    kinds: kindsOf(timeline, trace),
    counters: counterTracks(counters, tracks).flatMap(({ pid, name, series }: CounterTrack) => series.map((one) => ({
      written: { pid, name }, series: one.series, rank: one.rank, pid: one.pid, name: one.name,
    }))),
  }
}
