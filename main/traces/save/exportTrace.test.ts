import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CATEGORY_CODE } from '../../../kernels/timeline/categories.ts'
import { runResult } from '../../analysis/runResult.ts'
import { analyzeTimeline } from '../../analysis/traceAnalysis.ts'
import { channelOfSpan } from '../../timeline/rankLanes.ts'
import { type Timeline, TimelineBuilder } from '../../timeline/timeline.ts'
import { traceBytes, writeTrace } from './exportTrace.ts'
import { openTrace, openTraceBytes } from '../open/openTraces.ts'
import { perfettoViolations } from './perfettoRules.ts'
import { anyRunTimeline, simulatedRing, spanRows } from './testTimelines.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

interface Event { ph: string; name: string; cat?: string; pid: number; tid: number; ts: number; dur: number; id?: number; args: Record<string, unknown> }
const eventsOf = async (timeline: Timeline): Promise<Event[]> =>
  (JSON.parse(text(await traceBytes(timeline, { gzip: false }))) as { traceEvents: Event[] }).traceEvents

/** Channels by lane and hop. */
const channelsOf = (timeline: Timeline): string[] => Array.from({ length: timeline.spans.count }, (_, index) =>
  `${timeline.spans.lane[index]} ${timeline.spans.hop[index]} ${channelOfSpan(timeline, index)}`).toSorted()

async function expectRestored(timeline: Timeline, gzip: boolean): Promise<void> {
  const opened = await openTraceBytes('saved.json', await traceBytes(timeline, { gzip }))
  expect(opened.lanes).toEqual(timeline.lanes)
  expect(opened.run).toEqual(timeline.run)
  expect(opened).toMatchObject({ title: timeline.title, source: timeline.source })
  expect(spanRows(opened)).toEqual(spanRows(timeline))
  expect(channelsOf(opened)).toEqual(channelsOf(timeline))
  expect(runResult(opened, 'x')).toEqual(runResult(timeline, 'x'))
  expect(analyzeTimeline(opened).ranks).toEqual(analyzeTimeline(timeline).ranks)
  expect(opened.files[0]).toMatchObject({ repairs: [], dropped: [] })
}

describe('saved and opened again', () => {
  test('a simulation is the same to the nanosecond', () => expectRestored(simulatedRing(), false))

  test('runs of every kind are the same, failed ones included', async () => {
    await fc.assert(fc.asyncProperty(anyRunTimeline, fc.boolean(), expectRestored), { numRuns: 60 })
  })

  test('of two spans that start together, the shorter one recorded first, both are the same', async () => {
    const builder = new TimelineBuilder('together', 'run')
    const lane = builder.addLane({ rank: 0, name: 'Rank 0 · compute', pid: 0, tid: 0 })
    for (const durationNs of [2, 5]) builder.append({ lane, category: CATEGORY_CODE.compute, name: builder.intern('step'), startNs: 7, durationNs, iteration: 0 })
    await expectRestored(builder.timeline(simulatedRing({ world: 1, stragglers: {} }).run), false)
  })

  test.each([
    { algorithm: 'double-ring', window: 2 }, { algorithm: 'ulysses', heads: 4 }, { algorithm: 'distflash', layout: 'contiguous' },
  ] as const)('what spans carry and by which channel is the same: %j', (fields) =>
    expectRestored(simulatedRing({ ...fields, pass: 'forward-backward' }), true))

  test('a timeline whose spans were recorded out of order keeps its figures', async () => {
    const timeline = simulatedRing()
    const { spans } = timeline
    const reversed: Timeline = {
      ...timeline,
      spans: Object.fromEntries(Object.entries(spans as unknown as Record<string, number | Float64Array>).map(([key, column]) =>
        [key, typeof column === 'number' ? column : column.slice(0, spans.count).reverse()])) as unknown as Timeline['spans'],
    }
    const opened = await openTraceBytes('saved.json', await traceBytes(reversed, { gzip: false }))
    expect(runResult(opened, null)).toEqual(runResult(timeline, null))
  })

  test('an imported trace that is saved keeps its lanes and spans', async () => {
    const foreign = await openTraceBytes('foreign.json', new TextEncoder().encode(JSON.stringify([
      { ph: 'M', name: 'process_name', pid: 7, args: { name: 'Rank 2' } },
      { ph: 'X', name: 'gemm', cat: 'kernel', pid: 7, tid: 1, ts: 5, dur: 2 }, { ph: 'X', name: 'ncclDevKernel_SendRecv', cat: 'kernel', pid: 7, tid: 2, ts: 6, dur: 2 },
      { ph: 'X', name: 'host', cat: 'cpu_op', pid: 9, tid: 3, ts: 6, dur: 2 },
    ])))
    const opened = await openTraceBytes('again.json', await traceBytes(foreign, { gzip: true }))
    expect(opened.lanes).toEqual(foreign.lanes)
    expect(spanRows(opened)).toEqual(spanRows(foreign))
    expect(analyzeTimeline(opened).ranks).toEqual(analyzeTimeline(foreign).ranks)
  })
})

describe('what is written', () => {
  test('keeps the rules of Perfetto, for simulations and for runs of every kind', async () => {
    expect(perfettoViolations(JSON.parse(text(await traceBytes(simulatedRing({ world: 8 }), { gzip: false }))))).toEqual([])
    await fc.assert(fc.asyncProperty(anyRunTimeline, async (timeline) => {
      expect(perfettoViolations(JSON.parse(text(await traceBytes(timeline, { gzip: false }))))).toEqual([])
    }), { numRuns: 60 })
  })

  test('a process per rank, a thread per lane, an arrow per hop, a counter that returns to zero', async () => {
    const timeline = simulatedRing()
    const events = await eventsOf(timeline)
    const named = (name: string): unknown[] => events.filter((event) => event.ph === 'M' && event.name === name).map(({ args }) => args.name)
    expect(named('process_name')).toEqual(['Rank 0', 'Rank 1', 'Rank 2', 'Rank 3'])
    expect(named('thread_name')).toEqual([0, 1, 2, 3].flatMap((rank) => ['compute', 'send', 'recv'].map((lane) => `Rank ${rank} · ${lane}`)))
    const starts = events.filter(({ ph }) => ph === 's').map(({ id }) => id)
    expect(starts).toHaveLength(4 * 3)
    expect(new Set(starts).size).toBe(starts.length)
    const counters = Map.groupBy(events.filter(({ ph }) => ph === 'C'), ({ pid }) => pid)
    expect(counters.size).toBe(4)
    for (const values of counters.values()) {
      expect(values.every(({ args }) => Number(args.bytes) >= 0)).toBe(true)
      expect(values.at(-1)?.args.bytes).toBe(0)
    }
  })

  test('a span carries its category and facts; absent facts are left out; warm-up is marked', async () => {
    const timeline = simulatedRing()
    const compute = (await eventsOf(timeline)).find(({ cat }) => cat === 'compute')
    expect(compute?.args).toMatchObject({ iteration: 0, step: 0, flops: expect.any(Number) as number, gflops: expect.closeTo(1, 3) as number })
    expect(Object.keys(compute?.args ?? {})).not.toContain('peer')
    const run = timeline.run
    expect(run).not.toBeNull()
    const warm: Timeline = run === null ? timeline : { ...timeline, run: { ...run, iterations: [{ ...run.iterations[0], warmup: true }] } }
    expect((await eventsOf(warm)).find(({ cat }) => cat === 'compute')?.args.warmup).toBe(true)
  })

  test('a transfer says what it carries and by which channel, a wait what it waits for', async () => {
    const events = await eventsOf(simulatedRing({ algorithm: 'double-ring', window: 2, pass: 'forward-backward' }))
    const carried = (cat: string): Set<string> => new Set(events.filter((event) => event.cat === cat).map(({ args }) => `${args.payload as string} ${args.channel as string}`))
    expect(carried('send')).toEqual(new Set(['kv kv', 'kv kv-outer', 'dkv dkv', 'dkv dkv-outer']))
    expect(carried('recv')).toEqual(carried('send'))
    expect(carried('compute')).toEqual(new Set(['undefined undefined']))
    expect([...carried('wait-link')].every((text) => /^d?kv undefined$/.test(text))).toBe(true)
  })

  test('the record comes first and has the figures for whoever reads the file without us', async () => {
    const timeline = simulatedRing()
    const document = JSON.parse(text(await traceBytes(timeline, { gzip: false }))) as { ringscope: { figures: { makespanMs: number } } }
    expect(Object.keys(document)).toEqual(['displayTimeUnit', 'ringscope', 'traceEvents'])
    expect(document.ringscope.figures.makespanMs).toBe(runResult(timeline, null).makespanMs)
  })

  test('times have no rounding error, however far from the origin', async () => {
    const timeline = simulatedRing()
    timeline.spans.startNs[0] = 9_007_199_254_740
    timeline.spans.durationNs[0] = 123
    expect(text(await traceBytes(timeline, { gzip: false }))).toContain('"ts":9007199254.740,"dur":0.123')
  })
})

describe('files', () => {
  let folder = ''
  beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'ringscope-traces-')) })
  afterEach(() => rm(folder, { recursive: true }))

  test('the ending decides on gzip; both hold the same text, the same at every time, and nothing else is left', async () => {
    const timeline = simulatedRing()
    await writeTrace(timeline, join(folder, 'a.json'))
    await writeTrace(timeline, join(folder, 'a.json.gz'))
    const [plain, zipped] = [await readFile(join(folder, 'a.json')), await readFile(join(folder, 'a.json.gz'))]
    expect(gunzipSync(zipped).equals(plain)).toBe(true)
    expect(Buffer.from(await traceBytes(timeline, { gzip: true })).equals(zipped)).toBe(true)
    expect((await readdir(folder)).toSorted()).toEqual(['a.json', 'a.json.gz'])
    expect(runResult(await openTrace(join(folder, 'a.json.gz')), null)).toEqual(runResult(timeline, null))
  })

  test('a failed write leaves the old file and no temporary one', async () => {
    const path = join(folder, 'kept.json')
    await writeFile(path, 'old')
    const broken: Timeline = { ...simulatedRing(), get strings(): string[] { throw new Error('disk full') } }
    await expect(writeTrace(broken, path)).rejects.toThrow('disk full')
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['kept.json'])
    await expect(writeTrace(simulatedRing(), join(folder, 'no', 'such.json'))).rejects.toThrow(/ENOENT/)
  })
})
