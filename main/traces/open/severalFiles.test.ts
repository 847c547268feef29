import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { gzipSync } from 'node:zlib'
import { ringTrace } from '../../comm/testing/ringTrace.ts'
import { rawStartMicros } from '../../timeline/rawTime.ts'
import { traceBytes } from '../save/exportTrace.ts'
import { openTrace, type OpenOptions, openTraces } from './openTraces.ts'
import { arrowsOf, asImported, kernel, spansOf } from '../events/testImport.ts'
import { simulatedRing } from '../save/testTimelines.ts'
import { TraceFormatError } from '../traceFormatError.ts'

const folders: string[] = []
afterEach(() => { for (const folder of folders.splice(0)) rmSync(folder, { recursive: true }) })

/** Writes files by their names into a folder of its own and opens them. */
async function openFiles(files: Readonly<Record<string, string | Uint8Array | object>>, options: OpenOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'several-files-'))
  folders.push(folder)
  const paths = Object.entries(files).map(([name, content]) => {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content))
    return path
  })
  const timelines = await openTraces(paths, options)
  return timelines.map((timeline) => ({ timeline, from: timeline.files.map(({ path }) => path.slice(folder.length + 1)) }))
}

/** A Kineto-like file: a launch, its kernel and the flow between, and the same ids in every file. */
const rankFile = (rank: number, { at = 1000, base = '1775078550000000000', world = 2 }: { at?: number; base?: string | null; world?: number } = {}): string =>
  `{"distributedInfo":{"backend":"nccl","rank":${rank},"world_size":${world}},"traceEvents":${JSON.stringify([
    { ph: 'M', name: 'process_name', pid: 0, args: { name: 'python' } },
    { ph: 'X', cat: 'cuda_runtime', name: `launch ${rank}`, pid: 40, tid: 40, ts: at - 0.5, dur: 0.25, args: { correlation: 1 } },
    kernel(`kernel ${rank}`, at, 10, { args: { stream: 7, correlation: 1 } }),
    { ph: 's', id: 1, pid: 40, tid: 40, ts: at - 0.5, cat: 'ac2g', name: 'ac2g' }, { ph: 'f', id: 1, pid: 0, tid: 7, ts: at, cat: 'ac2g', name: 'ac2g', bp: 'e' },
  ])}${base === null ? '' : `,"baseTimeNanoseconds":${base}`}}`

describe('ranks of one job', () => {
  test('become one timeline: pids, streams and flows are told apart by file', async () => {
    const [{ timeline, from }, ...more] = await openFiles({ 'rank-1.json': rankFile(1, { at: 1003 }), 'rank-0.json.gz': gzipSync(rankFile(0)) })
    const { lanes, files, trace } = asImported(timeline)
    expect(more).toEqual([])
    expect(from).toEqual(['rank-1.json', 'rank-0.json.gz'])
    expect(files.map(({ events }) => events)).toEqual([5, 5])
    expect(lanes.map(({ rank, name, kind, file }) => [rank, name, kind, file])).toEqual([
      [0, 'process 40 / thread 40', 'host', 1], [0, 'python / thread 7', 'gpu', 1],
      [1, 'process 40 / thread 40', 'host', 0], [1, 'python / thread 7', 'gpu', 0],
    ])
    expect(arrowsOf(asImported(timeline))).toEqual(['launch 0 -> kernel 0 (ac2g)', 'launch 1 -> kernel 1 (ac2g)'])
    expect(trace.ranks.map(({ rank, file, rankFrom }) => [rank, file, rankFrom])).toEqual([[0, 1, 'distributedInfo'], [1, 0, 'distributedInfo']])
    expect(trace.world).toBe(2)
  })

  test('share a clock by their base, wherever the key stands; raw times come back to the ns', async () => {
    const [{ timeline }] = await openFiles({
      'a.json': rankFile(0, { at: 88511388202.755 }), 'b.json': rankFile(1, { at: 88511388202.755, base: '1775078550000001000' }),
    })
    expect(spansOf(timeline).map(({ name, start }) => [name, start])).toEqual([['launch 0', 0], ['kernel 0', 500], ['launch 1', 1000], ['kernel 1', 1500]])
    const { trace } = asImported(timeline)
    expect(trace.clock).toMatchObject({ aligned: true, originNs: (1775078550000000000n + 88511388202255n).toString() })
    expect([0, 1, 2, 3].map((span) => rawStartMicros(timeline, span))).toEqual(['88511388202.255', '88511388202.755', '88511388202.255', '88511388202.755'])
  })

  test('without a base, times beyond 10^14 µs are Unix time', async () => {
    const at = 1723545784535521
    const [{ timeline }] = await openFiles({ 'a.json': rankFile(0, { at, base: null }), 'b.json': rankFile(1, { at: at + 2, base: null }) })
    expect(spansOf(timeline).filter(({ name }) => name.startsWith('kernel')).map(({ start }) => start)).toEqual([500, 2500])
    expect(asImported(timeline).trace.clock.aligned).toBe(true)
  })

  test('with clocks of their own each begins at 0, and that is said', async () => {
    const [{ timeline }] = await openFiles({ 'a.json': rankFile(0, { base: null }), 'b.json': rankFile(1, { at: 5000, base: null }) })
    expect(spansOf(timeline).map(({ start }) => start)).toEqual([0, 500, 0, 500])
    const { trace: { clock, ranks } } = asImported(timeline)
    expect([clock.aligned, clock.originNs]).toEqual([false, null])
    expect(ranks.map(({ uncertaintyNs }) => uncertaintyNs)).toEqual([0, null])
    expect([0, 2].map((span) => rawStartMicros(timeline, span))).toEqual(['999.500', '4999.500'])
  })

  test.each(['base', 'unix', 'own'] as const)('clocks (%s) that are off are put right by matched communication; raw times stay', async (clock) => {
    const { files, truth } = ringTrace({ world: 3, skewNs: [0, 3_000_000, -2_000_000], clock })
    const [{ timeline }] = await openFiles(Object.fromEntries(files.map(({ name, text }) => [name, text])))
    const { trace, spans } = asImported(timeline)
    for (const { rank, offsetNs, uncertaintyNs } of trace.ranks) {
      const known = truth.ranks.find((each) => each.rank === rank)
      expect(uncertaintyNs, `rank ${rank}`).not.toBeNull()
      expect(Math.abs(offsetNs - (known?.offsetNs ?? Number.NaN)), `rank ${rank}`).toBeLessThanOrEqual(uncertaintyNs ?? -1)
    }
    expect(Math.min(...spans.startNs)).toBe(0)
    const written = files.flatMap(({ text }) => (JSON.parse(text, (key, value: unknown, context?: { source?: string }) =>
      (key === 'ts' ? context?.source ?? value : value)) as { traceEvents: { ph: string; ts: string }[] }).traceEvents)
      .filter(({ ph }) => ph === 'X').map(({ ts }) => ts)
    const raw = Array.from({ length: spans.count }, (_, span) => rawStartMicros(timeline, span))
    expect(raw).toEqual(written)
    const { from } = trace.flows
    expect(from.every((span, at) => at === 0 || spans.startNs[from[at - 1]] <= spans.startNs[span])).toBe(true)
  })

  test('without a word on ranks they are numbered in order, and it says so', async () => {
    const plain = (name: string): object => [kernel(name, 1, 1)]
    const [{ timeline }] = await openFiles({ 'a.json': plain('a'), 'b.json': plain('b') })
    expect(asImported(timeline).trace.ranks.map(({ rank, rankFrom }) => [rank, rankFrom])).toEqual([[0, 'order'], [1, 'order']])
  })
})

describe('files that do not belong together', () => {
  test('a rank that is there already is of another run; our own traces are timelines of their own', async () => {
    const own = await traceBytes(simulatedRing(), { gzip: true })
    const opened = await openFiles({ 'a/0.json': rankFile(0), 'own.json.gz': own, 'b/0.json': rankFile(0), 'b/1.json': rankFile(1) })
    expect(opened.map(({ timeline: { title, source }, from }) => [title, source, from])).toEqual([
      ['0.json', 'trace', ['a/0.json']], ['ring (simulated)', 'simulation', ['own.json.gz']], ['b · 2 ranks', 'trace', ['b/0.json', 'b/1.json']],
    ])
  })

  test('one that is no trace refuses all, unless the caller takes note of it', async () => {
    const files = { 'good.json': rankFile(0), 'bad.json': '{"hello":1}' }
    await expect(openFiles(files)).rejects.toThrow(/bad\.json: this is JSON but no trace/)
    const refused: string[] = []
    const opened = await openFiles(files, { onRefused: (error) => refused.push(error.message) })
    expect(opened.map(({ from }) => from)).toEqual([['good.json']])
    expect(refused).toEqual([expect.stringMatching(/bad\.json: this is JSON/)])
    await expect(openFiles({ 'bad.json': '{"hello":1}' }, { onRefused: () => undefined })).rejects.toBeInstanceOf(TraceFormatError)
  })
})

describe('one file with several ranks', () => {
  test('merged by a tool: ranks are those of its processes', async () => {
    const named = (pid: string | number, name: string): object => ({ ph: 'M', name: 'process_name', pid, args: { name } })
    const [{ timeline }] = await openFiles({
      'merged.json': {
        distributedInfo: { rank: 0, world_size: 4 },
        traceEvents: [named(100, 'RANK 0 - GPU'), named(200, 'RANK 1 - GPU'), named(300, 'other'), kernel('a', 0, 1, { pid: 100 }), kernel('b', 0, 1, { pid: 200 }), kernel('c', 0, 1, { pid: '[rank 1] Spans' }), kernel('d', 0, 1, { pid: 300 })],
      },
    })
    const { lanes, trace } = asImported(timeline)
    expect(lanes.map(({ rank }) => rank)).toEqual([0, 1, 1, null])
    expect(trace.ranks.map(({ rank, rankFrom }) => [rank, rankFrom])).toEqual([[0, 'process name'], [1, 'process name']])
    expect(trace.world).toBe(4)
  })

  test('a device of Ascend: what runs there is device work, HCCL is communication', async () => {
    const named = (name: string, pid: number, args: object): object => ({ ph: 'M', name, pid, tid: 0, args })
    const [{ timeline }] = await openFiles({
      'trace_view.json': JSON.stringify([
        named('process_name', 7, { name: 'Ascend Hardware' }), named('process_labels', 7, { labels: 'NPU 3' }), named('process_name', 8, { name: 'CANN' }), named('process_labels', 8, { labels: 'CPU' }),
        { ph: 'X', name: 'MatMulV2', pid: 7, tid: 5, ts: '1723545784535521.354', dur: 17.28 }, { ph: 'X', name: 'hcom_send__123_0', pid: 7, tid: 6, ts: '1723545784535525.354', dur: 7.28 },
        { ph: 'X', name: 'AscendCL@aclnnMatmul', pid: 8, tid: 1, ts: '1723545784535520.354', dur: 1 },
      ]),
    })
    expect(spansOf(timeline).map(({ category, start }) => [category, start])).toEqual([['compute', 1000], ['communication', 5000], ['other', 0]])
    expect(timeline.lanes.map(({ kind, rank }) => [kind, rank])).toEqual([['gpu', 3], ['gpu', 3], ['host', 3]])
  })

  test('devices of XLA: what runs there is a kernel, but for the tracks of what encloses them', async () => {
    const named = (name: string, pid: number, args: object, tid?: number): object => ({ ph: 'M', name, pid, tid, args })
    const on = (name: string, pid: number, tid: number): object => ({ ph: 'X', name, pid, tid, ts: 1, dur: 1 })
    const [{ timeline }] = await openFiles({
      'host.trace.json': [
        named('process_name', 1, { name: '/device:GPU:0' }), named('process_name', 2, { name: '/device:GPU:1' }), named('process_name', 9, { name: '/host:CPU' }),
        named('thread_name', 1, { name: 'XLA Modules' }, 3), named('thread_name', 1, { name: 'Stream #20(Compute)' }, 20),
        on('ncclDevKernel_SendRecv', 1, 20), on('jit_step', 1, 3), on('fmha', 2, 20), on('python', 9, 1),
      ],
    })
    const { lanes, trace } = asImported(timeline)
    expect(spansOf(timeline).map(({ name, category }) => [name, category])).toEqual([
      ['ncclDevKernel_SendRecv', 'communication'], ['jit_step', 'other'], ['fmha', 'compute'], ['python', 'other'],
    ])
    expect(lanes.map(({ rank, kind }) => `${rank} ${kind}`).toSorted()).toEqual(['0 annotation', '0 gpu', '1 gpu', 'null host'])
    expect(trace.ranks.map(({ rank, rankFrom }) => [rank, rankFrom])).toEqual([[0, 'device'], [1, 'device']])
  })
})

describe('an opening', () => {
  test('tells how far it is, in bytes as stored', async () => {
    const seen: { doing: string; bytesRead: number; totalBytes: number; events: number }[] = []
    const packed = gzipSync(rankFile(1))
    await openFiles({ 'rank0.json': rankFile(0), 'rank1.json.gz': packed }, { onProgress: (progress) => seen.push(progress) })
    const total = rankFile(0).length + packed.length
    expect([...new Set(seen.map(({ doing }) => doing))]).toEqual(['reading rank0.json', 'reading rank1.json.gz', 'matching events', 'placing spans on lanes', 'matching ranks'])
    expect(seen[0]).toMatchObject({ bytesRead: 0, totalBytes: total, events: 0 })
    expect(seen.at(-1)).toMatchObject({ bytesRead: total, totalBytes: total, events: 10 })
    expect(seen.every(({ bytesRead, events }, at) => at === 0 || (bytesRead >= seen[at - 1].bytesRead && events >= seen[at - 1].events))).toBe(true)
  })

  test('can be stopped, at the next piece or step', async () => {
    const controller = new AbortController()
    const reason = new Error('stopped by the user')
    const doing: string[] = []
    await expect(openFiles({ 'rank0.json': rankFile(0), 'rank1.json': rankFile(1) }, {
      signal: controller.signal,
      onProgress: (progress) => {
        doing.push(progress.doing)
        if (progress.doing === 'reading rank1.json') controller.abort(reason)
      },
    })).rejects.toBe(reason)
    expect(doing.at(-1)).toBe('reading rank1.json')
  })

  test('columns are on memory that threads share', async () => {
    const [{ timeline }] = await openFiles({ 'rank0.json': rankFile(0) })
    const { spans, trace } = asImported(timeline)
    const { count, ...columns } = spans
    for (const column of [...Object.values(columns), trace.form, trace.kind, trace.args.digits, trace.args.template, trace.flows.from]) expect(column.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(count).toBe(2)
  })

  test('of a file that is not there, or is a folder, says so', async () => {
    await expect(openTrace('/no/such/file.json')).rejects.toThrow(/there is no such file/)
    await expect(openTrace(tmpdir())).rejects.toThrow(/it is a folder/)
  })
})
