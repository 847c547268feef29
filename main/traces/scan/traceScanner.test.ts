import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseMicros } from '../microseconds.ts'
import { TraceFormatError } from '../traceFormatError.ts'
import { createScanSession } from './scanSession.ts'
import { scanAll, type ScannedEvent, scanText } from './testing.ts'

const summary = (entries: readonly { kind: string; count: number; firstOffset: number }[]): string[] =>
  entries.map(({ kind, count, firstOffset }) => `${kind} x${count} @${firstOffset}`)

/** Names of the events, in order, and what was mended and left out. */
async function read(text: string): Promise<{ names: string[]; repairs: string[]; dropped: string[] }> {
  const { events, repairs, dropped } = await scanText(text)
  expect(await scanText(text, { fast: false })).toEqual(await scanText(text))
  return { names: events.map(({ name }) => name), repairs: summary(repairs), dropped: summary(dropped) }
}

const A = '{"ph":"X","name":"A","ts":1,"dur":2,"pid":0,"tid":7}'
const B = '{"ph":"X","name":"B","ts":4,"dur":2,"pid":0,"tid":7,"args":{"stream":7}}'
const C = '{"ph":"X","name":"C","ts":9,"dur":1,"pid":0,"tid":7}'

describe('an event', () => {
  const one = async (json: string): Promise<ScannedEvent> => {
    const { events } = await scanText(`[${json}]`)
    expect(events).toEqual((await scanText(`[${json}]`, { fast: false })).events)
    expect(events).toHaveLength(1)
    return events[0]
  }

  test('as Kineto writes it', async () => {
    expect(await one(`
  {
    "ph": "X", "cat": "kernel", "name": "void gemm<128, 4>(float*)", "pid": 0, "tid": 7,
    "ts": 1711964646000123.4565, "dur": 12.500,
    "args": {
      "External id": 41506, "grid": [65536, 1, 1], "est. achieved occupancy %": 0
    }
  }`)).toEqual({
      phase: 'X', cat: 'kernel', name: 'void gemm<128, 4>(float*)', pid: '0', tid: '7', id: '', flags: 0,
      tsMicros: 1711964646000123, tsNanos: 457, durNs: 12500, offset: 4,
      args: '{\n      "External id": 41506, "grid": [65536, 1, 1], "est. achieved occupancy %": 0\n    }',
    })
  })

  test('ids are texts: 7 and "7" are one, and those above 2^53 stay what they are', async () => {
    const text = '[{"ph":"s","id":12345678901234567890,"pid":"7","tid":-1},{"ph":"f","bp":"e","id":"12345678901234567890","pid":7,"tid":"-1"},{"ph":"f","id":1e3,"pid":7.0,"tid":"é\\u00e9"}]'
    const { events } = await scanText(text)
    expect(events.map(({ id, pid, tid, flags }) => [id, pid, tid, flags])).toEqual([
      ['12345678901234567890', '7', '-1', 0], ['12345678901234567890', '7', '-1', 1], ['1000', '7', 'éé', 0],
    ])
    const session = await createScanSession()
    const pids: number[] = []
    const { TraceScanner } = await import('./traceScanner.ts')
    const { Tally } = await import('../tally.ts')
    const scanner = new TraceScanner('p', {
      onBatch: (batch) => { pids.push(...batch.pid.subarray(0, batch.count)) }, wantsKey: () => false, onKey: () => undefined, repairs: new Tally(), dropped: new Tally(),
    }, session)
    scanner.push(new TextEncoder().encode(text))
    scanner.end()
    expect(new Set(pids).size).toBe(1)
  })

  test('id2 and bind_id', async () => {
    const { events } = await scanText(`[{"ph":"b","id2":{"local":"0x1a"}},{"ph":"b","id2":{"global":26}},
      {"ph":"X","bind_id":"0x9","flow_out":true},{"ph":"X","bind_id":9,"flow_in":true,"flow_out":true},{"ph":"X","bind_id":9}]`)
    expect(events.map(({ id, flags }) => [id, flags])).toEqual([['0x1a', 2], ['26', 0], ['0x9', 4], ['9', 12], ['', 0]])
  })

  test('times are read from the text, as numbers or strings, to the ns, half away from zero', async () => {
    for (const [ts, micros, nanos] of [
      ['1723545784535521.354', 1723545784535521, 354], ['"1723545784535521.354"', 1723545784535521, 354], ['0.0005', 0, 1], ['0.0004999', 0, 0],
      ['-0.0005', -1, 999], ['-1.5', -2, 500], ['-0.9996', -1, 0], ['0.9996', 1, 0], ['-3', -3, 0], ['1e3', 1000, 0], ['1.5E-1', 0, 150], ['"later"', NaN, 0], ['null', NaN, 0],
      ['9007199254740991', 9007199254740991, 0], ['12345678901234567', 12345678901234568, 0], ['-0', 0, 0], ['0.12345678901234567', 0, 123],
    ] as const) {
      const event = await one(`{"ph":"X","ts":${ts}}`)
      expect([ts, event.tsMicros, event.tsNanos]).toEqual([ts, micros, nanos])
    }
    expect((await one('{"ph":"X","ts":0,"dur":-5}')).durNs).toBe(-5000)
  })

  test('of equal keys the last counts, as in JSON.parse', async () => {
    expect(await one('{"ph":"B","name":"a","ph":"X","name":"b","args":{"a":1},"args":{}}')).toMatchObject({ phase: 'X', name: 'b', args: '{}' })
  })
})

describe('containers', () => {
  test('array and object form, keys in any order, those not wanted passed over', async () => {
    for (const text of [`[${A},${B}]`, `{"traceEvents":[${A},${B}]}`, `{"z":{"a":[1,"]}"]},"traceEvents":[${A},${B}],"y":"\\"{"}`]) {
      const { names, repairs, dropped } = await read(text)
      expect([names, repairs, dropped]).toEqual([['A', 'B'], [], []])
    }
    const { keys } = await scanText('{"z":{"a":[1,"]}"]},"n":-1.5e3,"traceEvents":[],"y":"\\"{"}', { wants: (key) => key === 'y' })
    expect(keys).toEqual([{ key: 'z', json: null }, { key: 'n', json: null }, { key: 'y', json: '"\\"{"' }])
  })

  test('one after the other in a file: all are read', async () => {
    expect(await read(`[${A}]\n[${B}]`)).toEqual({ names: ['A', 'B'], repairs: ['another trace after the end x1 @55'], dropped: [] })
    const two = await read(`{"traceEvents":[${A}]}{"traceEvents":[${B}],"k":1}`)
    expect([two.names, two.dropped]).toEqual([['A', 'B'], []])
    expect(await read(`[${A}],${B}`)).toMatchObject({ names: ['A', 'B'] })
    expect(await read(`[${A}] the end`)).toEqual({ names: ['A'], repairs: [], dropped: ['text after the end of the trace x1 @55'] })
    expect(await read(`[${A}]{`)).toEqual({ names: ['A'], repairs: [], dropped: ['text after the end of the trace x1 @54'] })
    expect(await read(`[${A},{"traceEvents":[${B}]},${C}]`)).toMatchObject({ names: ['A', 'B', 'C'] })
  })

  test('cut off anywhere, within characters too: what is whole is read, the rest is told', async () => {
    const bytes = new TextEncoder().encode(`{"traceEvents":[${A.replace('A', 'é€😀')},${B}],"traceName":"é"}`)
    for (let length = 1; length < bytes.length; length++) {
      const cut = await scanAll(bytes.subarray(0, length))
      expect(cut).toEqual(await scanAll(bytes.subarray(0, length), { fast: false }))
      expect(cut.repairs.map(({ kind }) => kind)).toContain('object not closed')
      const whole = [A, B].filter((_, at) => length >= 16 + [A.length + 8, A.length + 9 + B.length][at]).length
      expect(cut.events).toHaveLength(whole)
    }
  })

  test('what is no trace is refused', async () => {
    for (const text of ['', ' ', 'hello', '\u0000', '{"a":1 "b":2}', '{"a" 1}', '{1:2}']) {
      await expect(scanText(text), text).rejects.toThrow(TraceFormatError)
    }
  })
})

describe('damage', () => {
  test('events a line each, without an array around them', async () => {
    const lines = '{"ph":"X","name":"A","ts":1,"dur":1}\n{ "ts":2,"name":"B","ph":"i"}\n'
    for (const text of [lines, lines.slice(0, 37), ` ${lines}`]) {
      const { names, repairs, dropped } = await read(text)
      expect([names.slice(0, 1), repairs.some((repair) => repair.startsWith('events without an array')), dropped]).toEqual([['A'], true, []])
    }
    expect((await read(lines)).names).toEqual(['A', 'B'])
  })

  test('commas: too many, at the end, missing', async () => {
    expect(await read(`[,${A},,${B} ${C},]`)).toEqual({
      names: ['A', 'B', 'C'], dropped: [],
      repairs: ['extra comma x2 @1', `comma missing between events x1 @${A.length + B.length + 5}`, `trailing comma x1 @${A.length + B.length + C.length + 6}`],
    })
  })

  test('a comma behind the last top-level key', async () => {
    expect(await read(`{"traceEvents":[${A}],}`)).toEqual({ names: ['A'], repairs: [`trailing comma x1 @${A.length + 18}`], dropped: [] })
  })

  test('what an event holds that is no JSON is mended where one reading is possible', async () => {
    const { events, repairs, dropped } = await scanText(`[
      {"ph":"X","name":"A\u0001\tx","args":{"datatype": ncclFloat32,"Stream": 0x4142e90, "bw": inf, "n": 007, "path": "C:\\Users\\dir\\u", },},
      ${B},{"ph":"X","name":"é"}]`)
    expect(dropped).toEqual([])
    expect(events.map(({ name }) => name)).toEqual(['A\u0001 x', 'B', 'é'])
    expect(JSON.parse(events[0].args ?? '')).toEqual({ datatype: 'ncclFloat32', Stream: '0x4142e90', bw: 'inf', n: '007', path: 'C:\\Users\\dir\\u' })
    expect(repairs.map(({ kind, count }) => [kind, count])).toEqual([
      ['control character in a text', 1], ['word without quotes', 1], ['backslash in a text that escapes nothing', 1], ['comma before a closing bracket', 1],
    ])
  })

  test('bytes that are no UTF-8 are replaced', async () => {
    const bytes = new Uint8Array(Buffer.from(`[${A.replace('"A"', '"A\u00ffz"')},${B}]`, 'latin1'))
    const { events, repairs } = await scanAll(bytes)
    expect(events.map(({ name }) => name)).toEqual(['A\ufffdz', 'B'])
    expect(summary(repairs)).toEqual(['text that is not UTF-8 x1 @1'])
    expect(await scanAll(bytes, { fast: false })).toEqual(await scanAll(bytes))
  })

  test('a quote in a name: that event is left out, the next is read', async () => {
    for (const damaged of ['{"ph":"X","name":"a"b","ts":1}', '{"ph":"X","name":"a"b"c","ts":1,"args":{"x":1}}', '{"ph":"X","name":"a","b","ts":1}', '{"ph":"X","name":"a""}']) {
      const { names, dropped } = await read(`{"traceEvents":[${A},${damaged},${B}],"last":1}`)
      expect([names, dropped]).toEqual([['A', 'B'], [`event is not valid JSON x1 @${A.length + 17}`]])
      const last = await scanText(`{"traceEvents":[${A},${damaged}],"last":1}`)
      expect([last.events.length, last.keys, last.repairs]).toEqual([1, [{ key: 'last', json: '1' }], []])
    }
  })

  test('another writer cut in at any byte: no event but the cut one is lost', async () => {
    for (let cut = 1; cut < B.length; cut++) {
      const text = `[${A},${B.slice(0, cut)}${C},${A},${C}]`
      const { events, dropped } = await scanText(text)
      expect(await scanText(text, { fast: false })).toEqual(await scanText(text))
      const names = events.map(({ name }) => name)
      // Cut right before a value, the next event is the value: two are lost as one.
      if (B[cut - 1] === ':') expect([B.slice(0, cut), names.at(-1)]).toEqual([B.slice(0, cut), 'C'])
      else expect([B.slice(0, cut), names]).toEqual([B.slice(0, cut), ['A', 'C', 'A', 'C']])
      expect(dropped.length).toBe(1)
    }
  })

  test('a value that does not end costs itself, be it an event or a key that is wanted', async () => {
    const long = 'x'.repeat(3 << 20)
    const options = { pieces: [1 << 18], longestValue: 1 << 20 }
    const event = await scanText(`[${A},{"ph":"X","name":"${long}"},${B}]`, options)
    expect([event.events.map(({ name }) => name), summary(event.dropped)]).toEqual([['A', 'B'], [`value longer than 64 MiB x1 @${A.length + 2}`]])
    const key = await scanText(`{"wanted":"${long}","traceEvents":[${A}]}`, options)
    expect([key.events.map(({ name }) => name), summary(key.dropped)]).toEqual([['A'], ['value longer than 64 MiB x1 @10']])
  })

  test('an event that swallowed the others is given up after a megabyte', async () => {
    const swallower = '{"ph":"X","name":"S","args":{"list":[1,'
    const many = Array.from({ length: 30_000 }, () => A).join(',')
    const { events, dropped } = await scanText(`[${swallower}${many}]`, { pieces: [1 << 16] })
    expect([events.length, summary(dropped)]).toEqual([30_000, ['event is not valid JSON x1 @1']])
  })

  test('damage in what is passed over is told as well', async () => {
    const wants = (): boolean => false
    const one = async (value: string): Promise<string[]> => summary((await scanText(`{"a":${value},"traceEvents":[${A}]}`, { wants, pieces: [1] })).repairs)
    for (const value of ['1', '-1.5e3', 'null', '"é\\u12aB\\""', '{}', '[]', '[1,{"a":"]}"},[[]], true ]', '{"a":{"b":[]},"c":null}']) expect([value, await one(value)]).toEqual([value, []])
    for (const value of ['', '[1,]', '{"a":1,}', '{"a" 1}', '{1:2}', '[1 2]', '[1}', '"\u0001"', '"\\x"', '"\\u12x4"', '[01]', '[nul]', '{"a":}']) {
      expect([value, await one(value)]).toEqual([value, ['damaged value of a key that was passed over x1 @5']])
    }
  })
})

describe('a session', () => {
  test('gives equal texts equal numbers over all its files, and keeps the args of all', async () => {
    const session = await createScanSession()
    const first = await scanText(`[${B}]`, { session })
    const second = await scanText(`[${B}]`, { session })
    expect(second.events).toEqual(first.events)
    expect(session.templates).toEqual(['', '', '{"stream":\u0001}'])
  })

  test('keeps args whole where texts differ in more than digits too often', async () => {
    const word = (index: number): string => index.toString(26).replaceAll(/\d/g, (digit) => String.fromCharCode(0x61 + 16 + Number(digit)))
    const count = 100_100
    const text = `[${Array.from({ length: count }, (_, at) => `{"ph":"X","args":{"${word(at)}":${at},"text":"\\"é"}}`).join(',')}]`
    const { events } = await scanText(text)
    expect(events).toHaveLength(count)
    expect(events.findIndex(({ args }, at) => args !== `{"${word(at)}":${at},"text":"\\"é"}`)).toBe(-1)
  })

  test('half a surrogate pair, which JSON can spell, is a text of its own', async () => {
    const { events } = await scanText('[{"ph":"X","name":"a\\ud83d"},{"ph":"X","name":"a\\ude00b"},{"ph":"X","name":"a\\ud83d\\ude00\ufffd"}]')
    expect(events.map(({ name }) => name)).toEqual(['a\ud83d', 'a\ude00b', 'a😀\ufffd'])
  })
})

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'B', '7', '0', ' ', '"', '\\', '/', '{', '}', '[', ']', ',', ':', '\n', '\u0001', '\u007f', 'é', '€', '😀', '\u2028') }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
  fc.constantFrom('aten::mm', 'ProfilerStep#12', 'kernel', 'stream 7', '007', '16777216', '16777215', '-0', 'x'.repeat(40), '\ud800'.toWellFormed()),
)
const number = fc.oneof(fc.integer(), fc.nat({ max: 100 }), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, 1.5, 1e21, 1e-7, 1723545784535521.2))
const json = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, text, number, fc.boolean(), fc.constant(null), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(text, tie('value'), { maxKeys: 4 })),
})).value
const event = fc.record({
  ph: fc.constantFrom('X', 'B', 'E', 'i', 's', 'f', 'M', 'C', 'b'), name: text, cat: text,
  pid: fc.oneof(number, text), tid: fc.oneof(number, text), id: fc.oneof(number, text),
  ts: fc.oneof(number, fc.nat().map((whole) => `${whole}.${whole % 1000}`)), dur: fc.oneof(number, text),
  bp: fc.constantFrom('e', 'x'), s: text, args: fc.oneof({ weight: 5, arbitrary: fc.dictionary(text, json) }, json), other: json,
}, { requiredKeys: ['ph'] })

/** Legal JSON of a value with the keys in some order and whitespace anywhere. */
const written = (value: unknown, gap: () => string): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const parts = Array.isArray(value) ? value.map((item) => written(item, gap)) : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}${gap()}:${gap()}${written(item, gap)}`)
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  return `${open}${gap()}${parts.join(`${gap()},${gap()}`)}${gap()}${close}`
}
const SPACES = ['', '', ' ', '\n    ', '\t', '\r\n', ' '.repeat(20)]

/** What JSON.parse makes of an event, in the scanner's terms. */
function expected(source: Record<string, unknown>): Omit<ScannedEvent, 'offset' | 'args'> & { args: unknown } {
  const idText = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '')
  const time = (value: unknown): ReturnType<typeof parseMicros> => parseMicros(typeof value === 'number' ? JSON.stringify(value) : typeof value === 'string' ? value : '')
  const ts = time(source.ts)
  const dur = time(source.dur)
  const isObject = typeof source.args === 'object' && source.args !== null && !Array.isArray(source.args)
  return {
    phase: source.ph as string, name: idText(source.name), cat: idText(source.cat), pid: idText(source.pid), tid: idText(source.tid), id: idText(source.id),
    flags: source.bp === 'e' ? 1 : 0, tsMicros: ts?.whole ?? Number.NaN, tsNanos: ts?.nanos ?? 0, durNs: dur === null ? Number.NaN : dur.whole * 1000 + dur.nanos,
    args: isObject ? source.args : null,
  }
}

const damage = fc.oneof(
  fc.record({ kind: fc.constant('cut'), at: fc.nat(), length: fc.nat({ max: 40 }) }),
  fc.record({ kind: fc.constant('flip'), at: fc.nat(), byte: fc.nat({ max: 255 }) }),
  fc.record({ kind: fc.constant('insert'), at: fc.nat(), text: fc.constantFrom('"', '{', '}', '[', ']', ',', ':', '\\', '\u0000', '\n', '{"ph":"X","name":"new"}', '[', ']}', 'null', '\\u12', '-', '0') }),
  fc.record({ kind: fc.constant('end'), at: fc.nat() }),
)

function damaged(bytes: Uint8Array, { kind, at, ...rest }: typeof damage extends fc.Arbitrary<infer T> ? T : never): Uint8Array {
  const from = at % (bytes.length + 1)
  if (kind === 'end') return bytes.slice(0, from)
  if (kind === 'flip') return bytes.map((byte, index) => (index === from && 'byte' in rest ? rest.byte : byte))
  const insert = 'text' in rest ? new TextEncoder().encode(rest.text) : new Uint8Array()
  const length = 'length' in rest ? rest.length : 0
  return Uint8Array.from([...bytes.subarray(0, from), ...insert, ...bytes.subarray(from + length)])
}

test('the args of events of one name may take any of many forms, in any order', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(20), fc.nat(), fc.constantFrom('A', 'B')), { maxLength: 80 }), async (list) => {
    const args = list.map(([form, number]) => (form === 0 ? `{"\\u0041":${number}}` : `{"key ${'x'.repeat(form)}": [${number}, "${'y'.repeat(20 - form)}"]}`))
    const text = JSON.stringify(list.map(([, , name], at) => ({ ph: 'X', name, ts: at, args: '@' }))).replaceAll('"@"', () => args.shift() ?? '')
    const { events } = await scanText(text)
    expect(events).toEqual((await scanText(text, { fast: false })).events)
    expect(events.map(({ args: read }) => JSON.parse(read ?? '') as unknown)).toEqual((JSON.parse(text) as { args: unknown }[]).map((event) => event.args))
  }))
})

describe('the fast path, the slow path and JSON.parse agree', () => {
  test('on legal traces, whatever the whitespace and the pieces they come in', async () => {
    await fc.assert(fc.asyncProperty(fc.array(event, { maxLength: 12 }), fc.infiniteStream(fc.constantFrom(...SPACES)), fc.boolean(), fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 5 }), async (events, spaces, inObject, pieces) => {
      const gap = (): string => spaces.next().value
      const whole = written(inObject ? { before: [1], traceEvents: events, after: 'x' } : events, gap)
      const fast = await scanText(whole, { pieces })
      expect(fast).toEqual(await scanText(whole, { fast: false }))
      const parsed = JSON.parse(whole) as Record<string, unknown>[] | { traceEvents: Record<string, unknown>[] }
      expect(fast.events.map(({ offset: _offset, args, ...rest }) => ({ ...rest, args: args === null ? null : JSON.parse(args) as unknown })))
        .toEqual((Array.isArray(parsed) ? parsed : parsed.traceEvents).map(expected))
      expect(fast.dropped).toEqual([])
      expect(fast.repairs.filter(({ kind }) => kind !== 'args that are no object left out')).toEqual([])
      if (inObject) expect(fast.keys).toEqual([{ key: 'before', json: written([1], () => '').replace('', '') }, { key: 'after', json: '"x"' }].map(({ key }, at) => ({ key, json: fast.keys[at].json })))
    }))
  })

  test('on damaged ones: neither stops, and both tell the same', async () => {
    await fc.assert(fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 8 }), fc.boolean(), fc.array(damage, { minLength: 1, maxLength: 4 }), fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 3 }), async (events, inObject, damages, pieces) => {
      const bytes = damages.reduce(damaged, new TextEncoder().encode(JSON.stringify(inObject ? { traceEvents: events } : events)))
      const outcome = async (options: object): Promise<unknown> => {
        try {
          return await scanAll(bytes, options)
        } catch (error) {
          expect(error).toBeInstanceOf(TraceFormatError)
          return (error as Error).message
        }
      }
      const slow = await outcome({ fast: false })
      expect(await outcome({})).toEqual(slow)
      expect(await outcome({ pieces })).toEqual(slow)
    }))
  })
})
