import { describe, expect, test } from 'vitest'
import { arrowsOf, droppedOf, formsOf, kernel, kindsOf, openForeign, repairsOf, spansOf } from './testImport.ts'

const on = (ph: string, ts: number, fields: object = {}): object => ({ ph, ts, pid: 1, tid: 1, ...fields })

describe('begin and end', () => {
  test('are one span with the args of both; the end wins where both have a key', async () => {
    const timeline = await openForeign([
      on('B', 0, { name: 'a', args: { step: 1, note: 'begun 7' } }), on('E', 5, { args: { step: 2, 'bytes 3': 40 } }),
      on('B', 6, { name: 'b' }), on('E', 7, { args: { only: 'end' } }),
      on('B', 8, { name: 'c', args: { only: 'begin' } }), on('E', 9, { args: {} }),
    ])
    expect(formsOf(timeline)).toEqual([
      ['a', 'begin-end', { step: 2, note: 'begun 7', 'bytes 3': 40 }], ['b', 'begin-end', { only: 'end' }], ['c', 'begin-end', { only: 'begin' }],
    ])
  })

  test('an end with a name closes what is open inside it', async () => {
    const timeline = await openForeign([on('B', 0, { name: 'outer' }), on('B', 1, { name: 'inner' }), on('E', 4, { name: 'outer' }), on('E', 5)])
    expect(formsOf(timeline).map(([name, form]) => [name, form])).toEqual([['outer', 'begin-end'], ['inner', 'unfinished']])
    expect(spansOf(timeline).map(({ length }) => length)).toEqual([4000, 3000])
    expect(kindsOf(repairsOf(timeline))).toEqual(['begin without an end x1'])
    expect(kindsOf(droppedOf(timeline))).toEqual(['end without a begin x1'])
  })

  test('as many as there are, with ends that close none: in a time that does not grow with their square', async () => {
    const count = 100_000
    const begins = Array.from({ length: count }, (_, at) => on('B', at, { name: `b${at % 5}` }))
    const timeline = await openForeign([...begins, ...begins.map((_, at) => on('E', count + at, { name: 'other' }))])
    expect(kindsOf(repairsOf(timeline))).toEqual([`begin without an end x${count}`])
    expect(kindsOf(droppedOf(timeline))).toEqual([`end without a begin x${count}`])
  })

  test('match on their own thread only', async () => {
    const timeline = await openForeign([on('B', 0, { name: 'a' }), on('E', 3, { tid: 2 }), on('E', 5)])
    expect(spansOf(timeline).map(({ length }) => length)).toEqual([5000])
    expect(kindsOf(droppedOf(timeline))).toEqual(['end without a begin x1'])
  })
})

describe('instants', () => {
  test('i, I and R are spans without length', async () => {
    const timeline = await openForeign([on('i', 1, { name: 'a', s: 'g' }), on('I', 2, { name: 'b' }), on('R', 3, { name: 'c' })])
    expect(formsOf(timeline).map(([name, form]) => [name, form])).toEqual([['a', 'instant'], ['b', 'instant'], ['c', 'instant']])
    expect(spansOf(timeline).map(({ start, length }) => [start, length])).toEqual([[0, 0], [1000, 0], [2000, 0]])
  })
})

describe('asynchronous spans', () => {
  const async = (ph: string, ts: number, fields: object = {}): object => on(ph, ts, { cat: 'net', name: 'send', id: 1, ...fields })

  test('go to lanes of their process; what overlaps goes to a further one', async () => {
    const timeline = await openForeign([async('b', 0), async('b', 2, { id: 2 }), async('n', 3, { name: 'mark' }), async('e', 5), async('e', 9, { id: 2 })])
    expect(spansOf(timeline).map(({ name, lane, length }) => [name, lane, length])).toEqual([
      ['send', 'process 1 / net async', 5000], ['send', 'process 1 / net async (lane 2)', 7000], ['mark', 'process 1 / net async', 0],
    ])
    expect(timeline.lanes.map(({ kind }) => kind)).toEqual(['async', 'async'])
    expect(formsOf(timeline).every(([, form]) => form === 'async')).toBe(true)
  })

  test('a global id matches across processes, a local one in its own', async () => {
    const global = await openForeign([async('b', 0), async('e', 4, { pid: 2 })])
    expect(spansOf(global).map(({ length }) => length)).toEqual([4000])
    const local = (ph: string, ts: number, pid: number): object => async(ph, ts, { id: undefined, id2: { local: '0x1' }, pid })
    const timeline = await openForeign([local('b', 0, 1), local('b', 1, 2), local('e', 4, 2), local('e', 9, 1)])
    expect(spansOf(timeline).map(({ length }) => length)).toEqual([9000, 3000])
  })

  test('an id that several threads and things use at once: name and thread tell which', async () => {
    const timeline = await openForeign([
      async('b', 0, { name: 'Ring', tid: 1 }), async('b', 1, { name: 'Ring', tid: 2 }), async('b', 2, { name: 'KernelCh', tid: 1 }),
      async('e', 10, { name: 'Ring', tid: 1 }), async('e', 20, { name: 'Ring', tid: 2 }), async('e', 30, { name: 'KernelCh', tid: 2 }),
    ])
    expect(spansOf(timeline).map(({ name, length }) => [name, length])).toEqual([['Ring', 10000], ['Ring', 19000], ['KernelCh', 28000]])
  })

  test('an end without a name closes the innermost on its thread, else the innermost', async () => {
    const timeline = await openForeign([
      async('b', 0, { name: 'a', tid: 1 }), async('b', 1, { name: 'b', tid: 1 }), async('b', 2, { name: 'c', tid: 2 }),
      async('e', 10, { name: undefined, tid: 1 }), async('e', 20, { name: undefined, tid: 3 }), async('e', 30, { name: undefined, tid: 3 }), async('e', 40, { tid: 1 }),
    ])
    expect(spansOf(timeline).map(({ name, length }) => [name, length])).toEqual([['a', 30000], ['b', 9000], ['c', 18000]])
    expect(kindsOf(droppedOf(timeline))).toEqual(['async end without a begin x1'])
  })

  test('what an id leaves open does not end with the next id', async () => {
    const timeline = await openForeign([async('b', 0, { id: 1 }), async('e', 5, { id: 2 }), async('b', 6, { id: 2 }), async('e', 9, { id: 2 })])
    expect(formsOf(timeline).map(([, form]) => form)).toEqual(['unfinished', 'async'])
    expect(kindsOf(droppedOf(timeline))).toEqual(['async end without a begin x1'])
  })

  test('one id for as many as there are: in a time that does not grow with their square', async () => {
    const count = 100_000
    const begins = Array.from({ length: count }, (_, at) => async('b', at, { name: `span ${at}` }))
    const first = await openForeign([...begins, ...begins.map((_, at) => async('e', count + at, { name: `span ${at}` }))])
    expect(spansOf(first).every(({ length }) => length === count * 1000)).toBe(true)
    const none = await openForeign([...begins, ...begins.map((_, at) => async('e', count + at, { name: 'other' }))])
    expect(kindsOf(repairsOf(none))).toEqual([`async begin without an end x${count}`])
    expect(kindsOf(droppedOf(none))).toEqual([`async end without a begin x${count}`])
  })

  test('the older S, T, p and F', async () => {
    const timeline = await openForeign([async('S', 0), async('T', 1, { name: 'send', args: { step: 'queued' } }), async('p', 2), async('F', 3)])
    expect(spansOf(timeline).map(({ length }) => length)).toEqual([3000, 0, 0])
  })

  test('an end with time 0, as NCCL writes where it does not know, leaves its span without length', async () => {
    const timeline = await openForeign([async('b', 1e9, { name: 'KernelCh' }), async('e', 0, { name: 'KernelCh' }), kernel('k', 1e9, 5)])
    expect(spansOf(timeline).map(({ name, start, length }) => [name, start, length])).toEqual([['KernelCh', 0, 0], ['k', 0, 5000]])
    expect(kindsOf(repairsOf(timeline))).toEqual(['async end before its begin x1'])
  })

  test('one that never ends lasts to the end of the trace', async () => {
    const timeline = await openForeign([async('b', 0), kernel('k', 5, 5), async('e', 7, { id: 9 })])
    expect(formsOf(timeline)[0][1]).toBe('unfinished')
    expect(spansOf(timeline)[0].length).toBe(10000)
    expect(kindsOf(repairsOf(timeline))).toEqual(['async begin without an end x1'])
    expect(kindsOf(droppedOf(timeline))).toEqual(['async end without a begin x1'])
  })
})

describe('counters', () => {
  const counter = (ts: number, args: object, fields: object = {}): object => on('C', ts, { name: 'memory', args, ...fields })

  test('one series for each key of the args, by time, also numbers in quotes', async () => {
    const { trace } = await openForeign([kernel('k', 0, 9), counter(2, { used: 7, free: '1.5' }), counter(1, { used: -3 }), counter(3, { used: 2e3 })])
    expect(trace.counters.map(({ name, series, timeNs, value }) => [name, series, [...timeNs], [...value]])).toEqual([
      ['memory', 'used', [1000, 2000, 3000], [-3, 7, 2000]], ['memory', 'free', [2000], [1.5]],
    ])
  })

  test('are told apart by process and id; keys may hold digits', async () => {
    const { trace } = await openForeign([kernel('k', 0, 9), counter(1, { 'core 0': 1, 'core 1': 2 }), counter(2, { 'core 2': 3 }), counter(3, { a: 4 }, { id: 'x' }), counter(4, { a: 5 }, { pid: 2 })])
    expect(trace.counters.map(({ pid, name, series }) => [pid, name, series])).toEqual([
      [1, 'memory', 'core 0'], [1, 'memory', 'core 1'], [1, 'memory', 'core 2'], [1, 'memory [x]', 'a'], [2, 'memory', 'a'],
    ])
  })

  test('a value that is no number is counted', async () => {
    const timeline = await openForeign([kernel('k', 0, 9), counter(1, { state: 'idle', ok: 1 }), counter(2, {}), counter(3, { huge: '1e999' })])
    expect(timeline.trace.counters.map(({ series }) => series)).toEqual(['ok'])
    expect(kindsOf(droppedOf(timeline))).toEqual(['counter without a number x3'])
  })
})

describe('flows', () => {
  const flow = (ph: string, ts: number, fields: object = {}): object => on(ph, ts, { cat: 'ac2g', name: 'ac2g', id: 5, ...fields })
  const launch = (name: string, ts: number, dur: number): object => on('X', ts, { name, dur, cat: 'cuda_runtime' })

  test('run from the innermost span around their start to the one around their end', async () => {
    const timeline = await openForeign([
      launch('outer', 0, 10), launch('launch', 2, 3), flow('s', 2), flow('f', 20, { pid: 0, tid: 7, bp: 'e' }),
      kernel('k', 20, 5), kernel('note', 19.999, 5.002, { cat: 'gpu_user_annotation' }),
    ])
    expect(arrowsOf(timeline)).toEqual(['launch -> k (ac2g)'])
    expect(droppedOf(timeline)).toEqual([])
  })

  test('an end that does not bind to the span around it takes the next one on its thread', async () => {
    const timeline = await openForeign([launch('from', 0, 5), launch('around', 10, 10), launch('next', 21, 1), flow('s', 1, { name: 'n' }), flow('f', 12, { name: 'n' })])
    expect(arrowsOf(timeline)).toEqual(['from -> next (ac2g: n)'])
  })

  test('steps are joined in time, whatever their order in the file', async () => {
    const timeline = await openForeign([flow('f', 21, { bp: 'e' }), flow('t', 11), flow('s', 1), launch('a', 0, 5), launch('b', 10, 5), launch('c', 20, 5)])
    expect(arrowsOf(timeline)).toEqual(['a -> b (ac2g)', 'b -> c (ac2g)'])
  })

  test('a start may have several ends, and an id may be used again', async () => {
    const timeline = await openForeign([
      launch('graph', 0, 5), flow('s', 1), launch('k1', 10, 1), flow('f', 10, { bp: 'e' }), launch('k2', 12, 1), flow('f', 12, { bp: 'e' }),
      launch('again', 20, 5), flow('s', 21), launch('k3', 30, 1), flow('f', 30, { bp: 'e' }),
    ])
    expect(arrowsOf(timeline)).toEqual(['graph -> k1 (ac2g)', 'graph -> k2 (ac2g)', 'again -> k3 (ac2g)'])
  })

  test('an end a little before its only start belongs to it: clocks of host and device differ', async () => {
    const timeline = await openForeign([launch('launch', 10, 5), flow('s', 11), kernel('k', 9, 5), flow('f', 9, { pid: 0, tid: 7, bp: 'e' })])
    expect(arrowsOf(timeline)).toEqual(['launch -> k (ac2g)'])
    expect(droppedOf(timeline)).toEqual([])
  })

  test('category, name and id make a flow; ids may be texts or beyond 2^53', async () => {
    const timeline = await openForeign(`[${[
      launch('a', 0, 5), launch('b', 10, 5), flow('s', 1, { id: '0x7f' }), flow('f', 11, { id: '0x7f', bp: 'e' }),
      flow('f', 11, { id: '0x7f', cat: 'other', bp: 'e' }),
    ].map((event) => JSON.stringify(event)).join(',')},${JSON.stringify(flow('s', 2)).replace('"id":5', '"id":9007199254740993')},${
      JSON.stringify(flow('f', 12, { bp: 'e' })).replace('"id":5', '"id":9007199254740992')}]`)
    expect(arrowsOf(timeline)).toEqual(['a -> b (ac2g)'])
    expect(kindsOf(droppedOf(timeline)).toSorted()).toEqual(['flow end without a start x2', 'flow start without an end x1'])
  })

  test('bind_id: flows in the spans themselves', async () => {
    const timeline = await openForeign([
      on('X', 0, { name: 'a', dur: 1, bind_id: '0x9', flow_out: true }), on('X', 5, { name: 'b', dur: 1, bind_id: '0x9', flow_in: true, flow_out: true }),
      on('X', 9, { name: 'c', dur: 1, bind_id: '0x9', flow_in: true }),
    ])
    expect(arrowsOf(timeline)).toEqual(['a -> b (bind_id)', 'b -> c (bind_id)'])
  })

  test('what leads nowhere is counted, once each', async () => {
    const timeline = await openForeign([
      launch('a', 0, 5), flow('s', 50), flow('s', 1, { id: 6 }), flow('f', 2, { id: 7, bp: 'e' }), flow('s', 3, { id: 8 }), flow('s', 4, { id: 8 }), on('i', 60, { name: 'instant' }), flow('f', 60, { id: 8, bp: 'e' }),
    ])
    expect(arrowsOf(timeline)).toEqual([])
    expect(kindsOf(droppedOf(timeline)).toSorted()).toEqual(['flow end without a start x1', 'flow outside of any span x2', 'flow start without an end x3'])
  })
})

describe('bytes', () => {
  test('are taken from args, whatever they are written as', async () => {
    const { spans } = await openForeign([kernel('a', 0, 1, { args: { bytes: 64 } }), kernel('b', 1, 1, { args: { bytes: '32' } }), kernel('c', 2, 1, { args: { 'in bytes': 8 } }), kernel('d', 3, 1)])
    expect([...spans.bytes]).toEqual([64, 32, Number.NaN, Number.NaN])
  })
})
