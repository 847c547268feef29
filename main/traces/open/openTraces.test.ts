import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { analyzeTimeline } from '../../analysis/traceAnalysis.ts'
import { createClassifier } from '../../classify/classifier.ts'
import { ClassTable } from '../events/classTable.ts'
import { traceBytes } from '../save/exportTrace.ts'
import { FileImport } from '../events/fileImport.ts'
import { openTrace, openTraceBytes } from './openTraces.ts'
import { createScanSession } from '../scan/scanSession.ts'
import { TraceScanner } from '../scan/traceScanner.ts'
import { asImported, droppedOf, kernel, kindsOf, open, repairsOf, spansOf } from '../events/testImport.ts'
import { simulatedRing } from '../save/testTimelines.ts'
import { SAMPLE_TRACES } from '../testing/sampleTraces.ts'
import { TraceFormatError } from '../traceFormatError.ts'

const A = JSON.stringify(kernel('A', 1, 2))
const B = JSON.stringify(kernel('B', 4, 2))

describe('containers', () => {
  test('array and object form, keys in any order', async () => {
    for (const content of [`[${A},${B}]`, `{"traceEvents":[${A},${B}]}`, `{"z":{"a":[1,"]}"]},"traceEvents":[${A},${B}],"y":"\\"{"}`]) {
      const timeline = await open(content)
      expect(spansOf(timeline).map(({ name }) => name)).toEqual(['A', 'B'])
      expect([repairsOf(timeline), droppedOf(timeline)]).toEqual([[], []])
    }
  })

  test('an array that is cut off between events or inside one', async () => {
    const between = await open(`[${A},\n${B}\n`)
    expect(spansOf(between)).toHaveLength(2)
    expect(repairsOf(between)).toEqual([`array not closed x1 @${A.length + B.length + 4}`])
    const inside = await open(`{"traceEvents":[${A},${B.slice(0, -4)}`)
    expect(spansOf(inside).map(({ name }) => name)).toEqual(['A'])
    expect(droppedOf(inside)).toEqual([`event cut off by the end of the file x1 @${17 + A.length}`])
    expect(repairsOf(inside)[0]).toMatch(/^object not closed/)
  })

  test('trailing comma, final {}, byte order mark, a missing comma: mended and counted', async () => {
    const timeline = await open(`\uFEFF[${A} ${B},{},]`)
    expect(spansOf(timeline)).toHaveLength(2)
    expect(kindsOf(repairsOf(timeline)))
      .toEqual(['byte order mark x1', 'comma missing between events x1', 'empty event x1', 'trailing comma x1'])
  })

  test('raw control characters are mended; an event that is not JSON is left out and counted', async () => {
    const timeline = await open(`[${A.replace('"A"', '"A\u0001\tx"')},{"ph":"X" "name" "bad"},${B}]`)
    expect(spansOf(timeline).map(({ name }) => name)).toEqual(['A\u0001 x', 'B'])
    expect(droppedOf(timeline)[0]).toMatch(/^event is not valid JSON x1/)
    expect(repairsOf(timeline)[0]).toMatch(/^control character in a text x1/)
  })

  test('gzip is known by its bytes, in one member or several, whatever the name; half a file gives what it held', async () => {
    const halves = [gzipSync(`[${A},`), gzipSync(`${B}]`)]
    expect(spansOf(await openTraceBytes('trace.json', Buffer.concat(halves)))).toHaveLength(2)
    const cut = await openTraceBytes('trace.json', gzipSync(`[${A},${B.repeat(3000)}]`).subarray(0, 120))
    expect(cut.files[0].repairs.some(({ kind }) => kind === 'array not closed')).toBe(true)
  })

  test('bytes in pieces of any size give the same events', async () => {
    const bytes = new TextEncoder().encode(`{"skipped":[{"\\\\":"}"},1.5e3],"traceEvents":[${A},${B}],"distributedInfo":{"rank":3}}`)
    for (const size of [1, 2, 3, 7, 1000]) {
      const session = await createScanSession()
      const file = new FileImport('p', new ClassTable(createClassifier(), (id) => session.text(id)))
      const scanner = new TraceScanner('p', file, session)
      for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size))
      scanner.end()
      expect([file.events, file.facts.rank, file.repairs.entries(), file.dropped.entries()]).toEqual([2, 3, [], []])
      expect([...file.spans.take('name')].map((id) => session.text(id))).toEqual(['A', 'B'])
    }
  })
})

describe('events', () => {
  test('times are read from the text, to the ns, and start at 0', async () => {
    const timeline = await open({ traceEvents: [kernel('k', '1723545784535521.354', '40.3'), kernel('l', '1723545784535561.655', 0.0015)] })
    expect(spansOf(timeline).map(({ start, length }) => [start, length])).toEqual([[0, 40300], [40301, 2]])
  })

  test('"7" and 7 are one track; names serve as ids too', async () => {
    const timeline = await open([kernel('a', 0, 1, { tid: '7' }), kernel('b', 2, 1), kernel('c', 4, 1, { pid: 'GPU 0', tid: 'stream 7' })])
    expect(spansOf(timeline).map(({ lane }) => lane)).toEqual(['process 0 / thread 7', 'process 0 / thread 7', 'process GPU 0 / stream 7'])
  })

  test('overlapping spans of one track go to further lanes; nested ones stay', async () => {
    const timeline = await open([kernel('outer', 0, 10), kernel('inner', 2, 3), kernel('over', 8, 5), kernel('over too', 9, 5), kernel('after', 14, 1)])
    expect(spansOf(timeline).map(({ lane }) => lane.replace('process 0 / thread 7', '')))
      .toEqual(['', '', ' (lane 2)', ' (lane 3)', ''])
    expect(timeline.lanes.map(({ pid, tid }) => [pid, tid])).toEqual([[0, 7], [0, 7], [0, 7]])
  })

  test('begin and end are matched by time, not by order in the file', async () => {
    const mark = (ph: string, ts: number, name?: string): object => ({ ph, pid: 1, tid: 1, ts, ...(name === undefined ? {} : { name }) })
    const timeline = await open([mark('E', 20), mark('B', 10, 'outer'), mark('B', 12, 'inner'), mark('E', 15, 'inner'), mark('E', 30), mark('B', 40, 'open'), mark('i', 50, 'instant')])
    expect(spansOf(timeline).map(({ name, start, length }) => [name, start, length]).toSorted()).toEqual([
      ['inner', 2000, 3000], ['instant', 40000, 0], ['open', 30000, 10000], ['outer', 0, 10000],
    ])
    expect(repairsOf(timeline)[0]).toMatch(/^begin without an end x1/)
    expect(droppedOf(timeline)[0]).toMatch(/^end without a begin x1/)
  })

  test('what has no place on a timeline is counted, not silently left out', async () => {
    const timeline = await open([kernel('k', 0, 1), { ph: 's', id: 1, ts: 0 }, { ph: 'P', ts: 0 }, { ph: 'Z' }, { ph: 'X', name: 'no time' }, { ph: 'e', id: 1, ts: 0 }])
    expect(kindsOf(droppedOf(timeline))).toEqual([
      'phase "P" x1', 'phase "Z" x1', 'event without a time x1', 'async end without a begin x1', 'flow outside of any span x1',
    ])
  })

  test('a span without a duration, or a negative one, is kept with none', async () => {
    const timeline = await open('[{"ph":"X","name":"a","ts":1,"pid":1,"tid":1},{"ph":"X","name":"b","ts":2,"dur":-5,"pid":1,"tid":1}]')
    expect(spansOf(timeline).map(({ length }) => length)).toEqual([0, 0])
    expect(kindsOf(repairsOf(timeline))).toEqual(['span without a duration x1', 'negative duration x1'])
  })

  test('a duration that no clock measures, as of an end before its start taken without a sign, is none; saved again it is still JSON', async () => {
    const timeline = await open('[{"ph":"X","name":"a","ts":1,"dur":18446744073709551.615,"pid":1,"tid":1},{"ph":"X","name":"b","ts":2,"dur":1e300,"pid":1,"tid":1}]')
    expect(spansOf(timeline).map(({ length }) => length)).toEqual([0, 0])
    expect(kindsOf(repairsOf(timeline))).toEqual(['duration out of range x2'])
    const saved = Buffer.from(await traceBytes(timeline, { gzip: false })).toString()
    expect(() => { JSON.parse(saved) }).not.toThrow()
  })

  test('a time that no clock has is left out and counted, and costs the others nothing', async () => {
    const timeline = await open('[{"ph":"X","name":"far","ts":1e300,"dur":1},{"ph":"X","name":"a","ts":5.001,"dur":1},{"ph":"X","name":"b","ts":5.002,"dur":1}]')
    expect(spansOf(timeline).map(({ name, start }) => [name, start])).toEqual([['a', 0], ['b', 1]])
    expect(kindsOf(droppedOf(timeline))).toEqual(['time out of range x1'])
  })

  test('times too far apart for single ns are kept and counted', async () => {
    const timeline = await open('[{"ph":"X","name":"a","ts":0,"dur":1},{"ph":"X","name":"b","ts":1723545784535521.354,"dur":1}]')
    expect(spansOf(timeline).map(({ name }) => name)).toEqual(['a', 'b'])
    expect(kindsOf(repairsOf(timeline))).toEqual(['times more than 104 days apart, single ns are lost x1'])
  })

  test('categories come from cat and name, as HTA tells kernels apart', async () => {
    const timeline = await open([
      kernel('flash_fwd', 0, 1), kernel('ncclDevKernel_SendRecv(x)', 1, 1), kernel('Memcpy HtoD', 2, 1, { cat: 'gpu_memcpy' }),
      kernel('Memset (Device)', 3, 1, { cat: 'Memset' }), kernel('aten::mm', 4, 1, { cat: 'cpu_op', pid: 9 }), kernel('note', 5, 1, { cat: 'gpu_user_annotation' }),
    ])
    expect(spansOf(timeline).map(({ category }) => category)).toEqual(['compute', 'communication', 'memory', 'memory', 'other', 'other'])
    expect(spansOf(timeline).at(-1)?.lane).toBe('process 0 / thread 7 annotations')
  })

  test('a key that cannot be read is counted and costs nothing else', async () => {
    const timeline = await open(`{"distributedInfo":{"rank":}, "traceEvents":[${A}]}`)
    expect(droppedOf(timeline)).toEqual(['unreadable "distributedInfo" x1 @19'])
    expect(spansOf(timeline)).toHaveLength(1)
  })

  test('distributedInfo with numbers in quotes, and with groups of which not all say their size', async () => {
    const quoted = asImported(await open(`{"distributedInfo":{"rank":"1","world_size":"4"},"traceEvents":[${A}]}`))
    expect([quoted.trace.ranks.map(({ rank }) => rank), quoted.trace.world]).toEqual([[1], 4])
    const groups = asImported(await open(`{"distributedInfo":{"rank":1,"pg_config":[{"pg_size":2},{"pg_name":"x"},{"pg_size":8}]},"traceEvents":[${A}]}`))
    expect(groups.trace.world).toBe(8)
    const neither = asImported(await open(`{"distributedInfo":{"rank":"first","world_size":-1,"pg_config":"[]"},"traceEvents":[${A}]}`))
    expect(neither.trace.world).toBeNull()
  })

  test('args named like ours mean nothing in a trace that is not ours', async () => {
    const { spans } = await open([kernel('a', 0, 1, { args: { hop: 3, step: 2, iteration: 1, bytes: 64, payload: 'kv', channel: 'kv' } })])
    expect([spans.hop[0], spans.step[0], spans.iteration[0], spans.bytes[0], spans.payload[0]]).toEqual([-1, -1, -1, 64, 0])
  })

  test('processes that say their rank are that rank, drawn in the order the trace asks for', async () => {
    const timeline = await open([
      { ph: 'M', name: 'process_name', pid: 5, args: { name: 'Rank 1' } }, { ph: 'M', name: 'process_sort_index', pid: 5, args: { sort_index: 2 } },
      { ph: 'M', name: 'process_name', pid: 6, args: { name: 'rank_0 worker' } }, { ph: 'M', name: 'process_sort_index', pid: 6, args: { sort_index: 1 } },
      kernel('a', 0, 1, { pid: 5 }), kernel('b', 0, 3, { pid: 6 }),
    ])
    expect(timeline.lanes.map(({ rank, name }) => [rank, name])).toEqual([[0, 'rank_0 worker / thread 7'], [1, 'Rank 1 / thread 7']])
    expect(analyzeTimeline(timeline).ranks.map(({ rank, computeUs }) => [rank, computeUs])).toEqual([[0, 3], [1, 1]])
  })

  test('a trace that does not say and has no kernels has one rank a process, and no HTA figures', async () => {
    const host = (pid: number): object => ({ ph: 'X', cat: 'host', name: 'f', pid, tid: 1, ts: pid, dur: 1 })
    const { ranks, steps, run } = analyzeTimeline(await open([host(3), host(8)]))
    expect(ranks.map(({ rank, hta }) => [rank, hta])).toEqual([[0, null], [1, null]])
    expect([steps, run]).toEqual([[], null])
  })
})

describe('refusals say what is wrong, where and what to do', () => {
  const cases: [string, string | Uint8Array, RegExp][] = [
    ['an empty file', '', /the file is empty.*Expected.*Check/],
    ['blank text', ' \n ', /the file is empty/],
    ['text', 'hello', /starts with "h" and is no JSON trace at byte 0/],
    ['binary', new Uint8Array([0x7f, 0x45, 0x4c, 0x46]), /at byte 0/],
    ['another binary', new Uint8Array([0, 1, 2]), /binary, not text/],
    ['other JSON', '{"hello":[1,2,3]}', /no "traceEvents" among its keys \("hello"\)/],
    ['events that are no array', '{"traceEvents":{"a":1}}', /its "traceEvents" is no array/],
    ['an object cut off before its events', '{"schemaVersion":1,"trac', /the file ends before its list of events at byte 24.*again/],
    ['an array of numbers', '[1,2,3]', /none of its items is an event.* at byte 1/],
    ['an array of other objects', '[{"a":1}]', /none of its items is an event/],
    ['a broken object', '{"distributedInfo":1 "b":2}', /no "," or "}" after a top-level value at byte 21/],
    ['damaged gzip', Buffer.concat([gzipSync(`[${A}]`).subarray(0, 12), Buffer.from('garbagegarbage')]), /gzip data is damaged.*Copy or download/],
  ]
  test.each(cases)('%s', async (_, content, message) => {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
    const refusal = await openTraceBytes('file.json', bytes).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(TraceFormatError)
    expect((refusal as TraceFormatError).message).toMatch(/^file\.json: /)
    expect((refusal as TraceFormatError).message).toMatch(message)
  })

  test('a file that is not there, and a folder', async () => {
    await expect(openTrace('/no/such/file.json')).rejects.toThrow(/there is no such file/)
    await expect(openTrace(fileURLToPath(new URL('.', import.meta.url)))).rejects.toThrow(/it is a folder/)
  })

  test('an empty trace is a trace', async () => {
    expect(spansOf(await open('[]'))).toEqual([])
    expect(spansOf(await open('{"traceEvents":[]}'))).toEqual([])
  })

  test('our own record from a newer version, or damaged', async () => {
    const saved = new TextDecoder().decode(await traceBytes(simulatedRing(), { gzip: false }))
    await expect(open(saved.replace('"format":2', '"format":3'))).rejects.toThrow(/newer Ringscope \(trace format 3\)/)
    await expect(open(saved.replace('"modelled":true', '"modelled":1'))).rejects.toThrow(/"ringscope" record is damaged: run\.modelled/)
    await expect(open(saved.replace('"world":4', '"world":-4'))).rejects.toThrow(/run\.config.*\n? *world/s)
  })

  test('a trace of ours from before payloads and gradients opens with neither', async () => {
    const saved = new TextDecoder().decode(await traceBytes(simulatedRing(), { gzip: false }))
    const old = saved.replace('"format":2', '"format":1').replaceAll(/,"payload":"kv"(,"channel":"kv")?/g, '')
      .replace('"verification":null', '"verification":{"checkedRows":9,"maxAbsError":1e-7,"maxAbsGradError":null,"tolerance":1e-5,"passed":true}')
    expect(/"args":\{[^}]*(payload|channel)|checkedGradRows/.test(old)).toBe(false)
    const { spans, run } = await open(old)
    expect(spans.payload.subarray(0, spans.count).every((code) => code === 0)).toBe(true)
    expect(run?.verification).toMatchObject({ checkedRows: 9, checkedGradRows: 0, gradTolerance: null })
  })

  test('a payload that this version does not know is none', async () => {
    const saved = new TextDecoder().decode(await traceBytes(simulatedRing(), { gzip: false }))
    const { spans } = await open(saved.replaceAll('"payload":"kv"', '"payload":"moon"'))
    expect(spans.payload.subarray(0, spans.count).every((code) => code === 0)).toBe(true)
  })

  test('our own record may come last: JSON keys have no order', async () => {
    const timeline = simulatedRing()
    const { ringscope, ...rest } = JSON.parse(new TextDecoder().decode(await traceBytes(timeline, { gzip: false }))) as Record<string, unknown>
    const opened = await open({ ...rest, ringscope })
    expect(opened.lanes).toEqual(timeline.lanes)
    expect(opened.run).toEqual(timeline.run)
  })
})


describe.skipIf(!existsSync(SAMPLE_TRACES))('sample traces of other tools', () => {
  test('every sample opens, or is refused in a sentence', async () => {
    const files = (await readdir(SAMPLE_TRACES, { recursive: true })).filter((name) => /\.json(\.gz)?$/.test(name))
    expect(files.length).toBeGreaterThan(10)
    const refused: string[] = []
    for (const file of files) {
      try {
        const timeline = await openTrace(join(SAMPLE_TRACES, file))
        expect(timeline.spans.count, file).toBeGreaterThan(0)
      } catch (error) {
        expect(error, file).toBeInstanceOf(TraceFormatError)
        refused.push(file)
      }
    }
    expect(refused).toEqual([join('edge', '16_not_a_trace.json')])
  })

  const golden = [
    ['kineto-two-ranks/rank-0', 1222847, 675191, 210320, 396199, 1325, 59216],
    ['kineto-two-ranks/rank-1', 1231186, 651136, 271973, 379053, 16504, 75530],
    ['kineto-nccl-args/nccl-data', 660551, 503051, 115655.8, 46876.5, 2653.5, 7317.0],
    ['compare-pair/control', 464594, 76007, 281336, 163535, 54638, 75614],
  ] as const
  test.each(golden)('%s: the figures HTA gives', async (file, spanUs, idleUs, computeUs, commUs, memoryUs, overlapUs) => {
    const { ranks } = analyzeTimeline(await openTrace(join(SAMPLE_TRACES, `${file}.json.gz`)))
    const near = (value: number): number => expect.closeTo(value, 1) as number
    expect(ranks).toHaveLength(1)
    expect(ranks[0].hta).toMatchObject({
      spanUs: expect.closeTo(spanUs, 0) as number, idleUs: expect.closeTo(idleUs, 0) as number,
      computeUs: near(computeUs), commUs: near(commUs), memoryUs: near(memoryUs), overlapUs: near(overlapUs),
    })
  })
})
