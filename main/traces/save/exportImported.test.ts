import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SPAN_CATEGORIES } from '../../../kernels/timeline/categories.ts'
import { analyzeTimeline } from '../../analysis/traceAnalysis.ts'
import { ringTrace } from '../../comm/testing/ringTrace.ts'
import { argsText } from '../../timeline/spanArgs.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { traceBytes } from './exportTrace.ts'
import { backwardFlows } from '../events/importedEvents.ts'
import { openTraceBytes, openTraces } from '../open/openTraces.ts'
import { SAMPLE_TRACES } from '../testing/sampleTraces.ts'
import { perfettoViolations } from './perfettoRules.ts'

let folder = ''
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'ringscope-export-')) })
afterAll(() => { rmSync(folder, { recursive: true }) })

const bytesOf = (events: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(events))
const written = async (timeline: Timeline): Promise<string> => new TextDecoder().decode(await traceBytes(timeline, { gzip: false }))

/** All that a trace holds, in plain form: names and texts, no indices. */
function contentOf({ title, source, lanes, spans, strings, files, trace }: Timeline): object {
  const text = (span: number): string => [
    spans.lane[span], SPAN_CATEGORIES[spans.category[span]], trace?.kindNames[trace.kind[span]], JSON.stringify(strings[spans.name[span]]),
    spans.startNs[span], spans.durationNs[span], spans.bytes[span], trace === null ? '' : argsText(trace.args, span) ?? 'none', trace?.form[span] === 1,
  ].join(' | ')
  const { from, to, name } = trace?.flows ?? { from: [], to: [], name: [] }
  return {
    title, source, lanes, files,
    spans: Array.from({ length: spans.count }, (_, span) => text(span)).toSorted(),
    flows: Array.from(from, (span, at) => `${text(span)} -> ${text(to[at])} ${strings[name[at]]}`).toSorted(),
    counters: trace?.counters.map((series) => ({ ...series, timeNs: [...series.timeNs], value: [...series.value] }))
      .toSorted((a, b) => `${a.rank} ${a.pid} ${a.name} ${a.series}`.localeCompare(`${b.rank} ${b.pid} ${b.name} ${b.series}`)),
    // JSON knows no -0.
    fileClocks: trace?.fileClocks.map(({ originMicros, shiftNs }) => [originMicros, shiftNs + 0]),
    ranks: trace?.ranks, world: trace?.world, clock: trace?.clock, rulesFrom: trace?.rulesFrom,
  }
}

async function expectSaved(timeline: Timeline): Promise<void> {
  const opened = await openTraceBytes('saved.json', new TextEncoder().encode(await written(timeline)))
  expect(contentOf(opened)).toEqual(contentOf(timeline))
}

/** The analysis without positions of spans, whose order differs. */
function figuresOf(timeline: Timeline): object {
  const { criticalPath, ...rest } = analyzeTimeline(timeline)
  return { ...rest, criticalPath: criticalPath === null ? null : { ...criticalPath, segments: criticalPath.segments.map(({ spanIndex: _, ...segment }) => segment) } }
}

describe('an imported trace that is saved', () => {
  test('ranks on skewed clocks: opened again it is the same, with args, arrows, ranks, clock and every figure', async () => {
    const { files } = ringTrace({ world: 3, iterations: 1, layers: 1, seqLen: 1024, skewNs: 2_000_000 })
    const paths = files.map(({ name, text }) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    })
    const [timeline] = await openTraces(paths)
    expect(timeline.trace?.flows.from.length).toBeGreaterThan(20)
    await expectSaved(timeline)
    const opened = await openTraceBytes('saved.json', await traceBytes(timeline, { gzip: true }))
    expect(figuresOf(opened)).toEqual(figuresOf(timeline))
    expect(perfettoViolations(JSON.parse(await written(timeline)))).toEqual([])
  })

  test('has a process per rank, ids that no two ranks share, and times on one clock', async () => {
    const { files } = ringTrace({ world: 2, iterations: 1, layers: 1, seqLen: 512 })
    const paths = files.map(({ name, text }) => {
      writeFileSync(join(folder, `pair-${name}`), text)
      return join(folder, `pair-${name}`)
    })
    const [timeline] = await openTraces(paths)
    const { traceEvents } = JSON.parse(await written(timeline)) as { traceEvents: { ph: string; name: string; pid: number; tid?: number; id?: number; args: { name: string } }[] }
    expect(traceEvents.filter(({ ph, name }) => ph === 'M' && name === 'process_name').map(({ args }) => args.name)).toEqual(['Rank 0', 'Rank 1'])
    const ids = traceEvents.filter(({ ph }) => ph === 's').map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const pidsOfTid = Map.groupBy(traceEvents.filter(({ tid }) => tid !== undefined), ({ tid }) => tid)
    for (const events of pidsOfTid.values()) expect(new Set(events.map(({ pid }) => pid)).size).toBe(1)
  })

  test('counters of two processes of one rank keep apart, series of one counter stay together', async () => {
    const timeline = await openTraceBytes('counters.json', bytesOf([
      { ph: 'M', name: 'process_name', pid: 1, args: { name: 'Rank 3' } }, { ph: 'M', name: 'process_name', pid: 2, args: { name: 'Rank 3' } },
      { ph: 'X', name: 'gemm', cat: 'kernel', pid: 1, tid: 1, ts: 5, dur: 2, args: { 'grid': [1, 2, 3], 'text "': 'é\n' } },
      ...[1, 2].flatMap((pid) => [5, 6, 9].map((ts) => ({ ph: 'C', name: 'bandwidth', pid, ts, args: { read: ts * pid, write: 0.5 } }))),
      { ph: 'C', name: 'bandwidth', pid: 1, ts: 7, args: { write: 3 } },
    ]))
    expect(timeline.trace?.counters).toHaveLength(4)
    await expectSaved(timeline)
    const text = await written(timeline)
    expect(text).toContain('"args":{"grid":[1,2,3],"text \\"":"é\\n"}')
    expect(text).toContain('"name":"bandwidth","pid":1,"ts":0.000,"args":{"read":5,"write":0.5}')
    expect(text).toContain('"name":"bandwidth (process 2)"')
    expect(perfettoViolations(JSON.parse(text))).toEqual([])
  })

  test('a series that changes twice at once keeps both values, in order', async () => {
    const counter = (ts: number, args: object): object => ({ ph: 'C', name: 'memory', pid: 1, ts, args })
    const timeline = await openTraceBytes('twice.json', bytesOf([counter(1, { a: 1, b: 5 }), counter(1, { a: 2 }), counter(1, { c: 7 }), counter(2, { a: 3, b: 6 })]))
    await expectSaved(timeline)
    expect(perfettoViolations(JSON.parse(await written(timeline)))).toEqual([])
  })

  test('a counter of very many series is written in a time that does not grow with their square', async () => {
    const count = 40_000
    const timeline = await openTraceBytes('many.json', bytesOf(Array.from({ length: count }, (_, at) => ({ ph: 'C', name: 'memory', pid: 1, ts: at, args: { [`block ${at}`]: at } }))))
    expect((await written(timeline)).match(/"ph":"C"/g)).toHaveLength(count)
  })

  test('an arrow ties to its span and to none inside it, also where one begins with it', async () => {
    const timeline = await openTraceBytes('arrows.json', bytesOf([
      { ph: 'X', name: 'outer', cat: 'cpu_op', pid: 1, tid: 1, ts: 0, dur: 10, bind_id: 7, flow_out: true },
      { ph: 'X', name: 'inner', cat: 'cpu_op', pid: 1, tid: 1, ts: 0, dur: 4 },
      { ph: 'X', name: 'target', cat: 'cpu_op', pid: 1, tid: 2, ts: 6, dur: 4, bind_id: 7, flow_in: true },
      { ph: 'X', name: 'begins it', cat: 'cpu_op', pid: 1, tid: 2, ts: 6, dur: 1 }, { ph: 'X', name: 'instantaneous', cat: 'cpu_op', pid: 1, tid: 2, ts: 7, dur: 0 },
    ]))
    expect(timeline.trace?.flows.from).toHaveLength(1)
    await expectSaved(timeline)
    expect(perfettoViolations(JSON.parse(await written(timeline)))).toEqual([])
  })
})

/** Host and device tracks of two ranks with nested spans, instants and arrows; whole ns, all in order of time. */
const anyTrace = fc.array(fc.record({
  pid: fc.integer({ min: 1, max: 2 }), tid: fc.integer({ min: 1, max: 2 }), device: fc.boolean(),
  gap: fc.nat(3), length: fc.nat(9), inner: fc.array(fc.nat(4), { maxLength: 2 }), instant: fc.boolean(),
  args: fc.option(fc.dictionary(fc.constantFrom('bytes', 'a b', '"', 'n1'), fc.oneof(fc.nat(), fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true })))),
  arrow: fc.boolean(),
}), { maxLength: 12 }).map((tracks) => {
  const clock = new Map<string, number>()
  const events: object[] = [1, 2].map((pid) => ({ ph: 'M', name: 'process_name', pid, args: { name: `Rank ${pid - 1}` } }))
  let open: { id: number } | null = null
  tracks.forEach(({ pid, tid, device, gap, length, inner, instant, args, arrow }, at) => {
    const thread = tid + (device ? 10 : 0)
    const key = `${pid} ${thread}`
    const start = (clock.get(key) ?? at) + gap
    const cat = device ? 'kernel' : 'cpu_op'
    const us = (ns: number): number => ns / 1000
    events.push({ ph: 'X', name: device ? 'gemm' : 'op', cat, pid, tid: thread, ts: us(start), dur: us(length), ...(args === null ? {} : { args }) })
    let from = start
    for (const part of inner) {
      const most = Math.min(part, start + length - from)
      events.push({ ph: 'X', name: 'inner', cat, pid, tid: thread, ts: us(from), dur: us(most) })
      from += most
    }
    if (instant) events.push({ ph: 'i', name: 'mark', s: 't', pid, tid: thread, ts: us(start) })
    if (arrow && length > 0) {
      if (open === null) {
        open = { id: at + 1 }
        events.push({ ph: 's', name: 'go', cat: 'flow', id: open.id, pid, tid: thread, ts: us(start) })
      } else {
        events.push({ ph: 'f', name: 'go', cat: 'flow', id: open.id, bp: 'e', pid, tid: thread, ts: us(start + length - 1) })
        open = null
      }
    }
    clock.set(key, start + length)
  })
  return events
})

test('any trace comes back equal and keeps the rules of Perfetto, but for arrows that end before they begin', async () => {
  await fc.assert(fc.asyncProperty(anyTrace, async (events) => {
    fc.pre(events.length > 2)
    const timeline = await openTraceBytes('any.json', bytesOf(events))
    expect(perfettoViolations(JSON.parse(await written(timeline)))).toEqual([])
    fc.pre(timeline.trace !== null && backwardFlows(timeline, timeline.trace) === 0)
    // An arrow at a span that others cover whole has no instant of its own.
    const ends = new Set([...timeline.trace?.flows.from ?? [], ...timeline.trace?.flows.to ?? []])
    fc.pre([...ends].every((span) => timeline.strings[timeline.spans.name[span]] !== 'inner' && !coveredWhole(timeline, span)))
    await expectSaved(timeline)
  }), { numRuns: 150 })
})

/** Whether spans within one cover it to the last ns. */
function coveredWhole({ spans }: Timeline, outer: number): boolean {
  const startNs = spans.startNs[outer]
  const endNs = startNs + spans.durationNs[outer]
  const free = new Set(Array.from({ length: Math.min(100, endNs - startNs) }, (_, at) => startNs + at))
  for (let span = 0; span < spans.count; span++) {
    if (span === outer || spans.lane[span] !== spans.lane[outer] || spans.startNs[span] < startNs) continue
    for (let ns = spans.startNs[span]; ns < Math.max(spans.startNs[span] + 1, spans.startNs[span] + spans.durationNs[span]); ns++) free.delete(ns)
  }
  return free.size === 0
}

const SAMPLES = ['kineto-nccl-args/nccl-data.json.gz', 'amd-gpu-only/mi210.json.gz', 'kineto-two-ranks/rank-0.json.gz']
describe.skipIf(!existsSync(SAMPLE_TRACES))('sample traces (skipped where there are none)', () => {
  test.each(SAMPLES)('%s saved and opened again has the same content', async (name) => {
    const [timeline] = await openTraces([join(SAMPLE_TRACES, name)])
    expect(timeline.trace === null ? -1 : backwardFlows(timeline, timeline.trace)).toBe(0)
    await expectSaved(timeline)
  }, 60_000)
})
