import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CATEGORY_CODE } from '../../kernels/timeline/categories.ts'
import { comparable } from './argSearch.ts'
import { FoldedSearch } from './foldedSearch.ts'
import { searchTimeline } from './search.ts'
import { argsText } from './spanArgs.ts'
import { traceOf } from './testTrace.ts'
import type { Timeline } from './timeline.ts'

const lane = { rank: 0, name: 'stream 7', pid: 0, tid: 7 }

const timelineOf = (spans: readonly { name: string; args?: string | null; startNs?: number }[], templateLimit?: number): Timeline =>
  traceOf({ lanes: [lane], templateLimit, spans: spans.map(({ name, args, startNs }, at) => (
    { lane: 0, category: CATEGORY_CODE.other, name, args, startNs: startNs ?? at * 10, durationNs: 5 })) })

const found = (timeline: Timeline, text: string, limit = 100): number[] => [...searchTimeline(timeline, { text, limit }).spanIndex]

const kernels = timelineOf([
  { name: 'void flash_fwd_kernel<Half>', args: '{"External id": 1, "stream": 7, "grid": [1, 64, 1], "occupancy": 12.5}' },
  { name: 'ncclDevKernel_SendRecv', args: '{"External id": 123, "stream": 20, "Process Group Ranks": "[0, 1]"}' },
  { name: 'Memcpy HtoD', args: null },
  { name: 'ncclDevKernel_SendRecv', args: '{"External id": 4123, "stream": 70, "Process Group Ranks": "[0, 1]"}' },
])

describe('search', () => {
  test('names, whatever the capitals', () => {
    expect(found(kernels, 'SENDRECV')).toEqual([1, 3])
    expect(found(kernels, ' flash_fwd ')).toEqual([0])
  })

  test('keys and words of args', () => {
    expect(found(kernels, 'process group')).toEqual([1, 3])
  })

  test('digits, anywhere in a run', () => {
    expect(found(kernels, '123')).toEqual([1, 3])
    expect(found(kernels, '4123')).toEqual([3])
    expect(found(kernels, '31')).toEqual([])
    expect(found(kernels, '2')).toEqual([0, 1, 3])
  })

  test('a key with its value, however it is written', () => {
    for (const text of ['stream 7', 'stream=7', 'stream: 7', '"stream": 7', 'STREAM:7']) expect(found(kernels, text)).toEqual([0, 3])
    expect(found(kernels, '"stream": 7,')).toEqual([0])
    expect(found(kernels, 'external id=123')).toEqual([1])
  })

  test('arrays and decimals', () => {
    expect(found(kernels, '[1, 64')).toEqual([0])
    expect(found(kernels, '[0,1]')).toEqual([1, 3])
    expect(found(kernels, '12.5')).toEqual([0])
    expect(found(kernels, '2.5')).toEqual([0])
    expect(found(kernels, '12.6')).toEqual([])
  })

  test('the first ones by start are listed, all are counted', () => {
    const timeline = timelineOf([3, 1, 2, 1, 0].map((startNs) => ({ name: 'x', startNs })))
    expect(searchTimeline(timeline, { text: 'x', limit: 3 })).toEqual({
      total: 5, spanIndex: Uint32Array.of(4, 1, 3), lane: Uint32Array.of(0, 0, 0), startNs: Float64Array.of(0, 1, 1), durationNs: Float64Array.of(5, 5, 5),
    })
  })

  test('an empty text and one of separators only find nothing', () => {
    expect(['', '  ', '":"', '='].map((text) => searchTimeline(kernels, { text, limit: 5 }).total)).toEqual([0, 0, 0, 0])
  })

  test('digits of the columns that belong to no span are nobody\'s', () => {
    const timeline = timelineOf([{ name: 'a', args: '{"x": 12}' }, { name: 'b', args: '{"x": 55}' }])
    const { args } = timeline.trace!
    const digits = new Uint8Array(Buffer.from('12,777,55,'))
    const gapped = { ...timeline, trace: { ...timeline.trace!, args: { ...args, digits, digitsAt: Uint32Array.of(0, 7) } } }
    expect(['777', '77', '55', '12'].map((text) => found(gapped, text))).toEqual([[], [], [1], [0]])
    const backwards = { ...timeline, trace: { ...timeline.trace!, args: { ...args, digits, digitsAt: Uint32Array.of(7, 0) } } }
    expect(['777', '55', '12'].map((text) => found(backwards, text))).toEqual([[], [0], [1]])
  })

  const anyValue: fc.Arbitrary<unknown> = fc.oneof(fc.nat(200), fc.double({ min: -20, max: 20, noNaN: true }).map((x) => Number(x.toFixed(1))),
    fc.constantFrom('[0, 1]', 'Float', 'a"b', '\u00e9', '12', ''), fc.array(fc.nat(12), { maxLength: 4 }), fc.record({ in: fc.nat(12) }))
  const anyText = fc.dictionary(fc.constantFrom('stream', 'External id', 'arg1', 'arg2', 'Ranks'), anyValue, { maxKeys: 4, noNullPrototype: true })
    .chain((args) => fc.constantFrom(JSON.stringify(args), JSON.stringify(args, null, 1).replaceAll('\n', ' ')))
  const anySpans = fc.array(fc.record({ name: fc.constantFrom('aten::mul', 'Memcpy 12', 'K1'), args: fc.option(anyText), startNs: fc.nat(20) }), { maxLength: 12 })

  test('equals looking through names and args texts one by one', () => {
    fc.assert(fc.property(anySpans, fc.nat(4), fc.nat(), fc.nat(), fc.nat(12), (spans, templateLimit, pick, from, length) => {
      const timeline = timelineOf(spans, 2 + templateLimit)
      const texts = spans.map(({ args }) => args ?? '')
      // Texts that occur, as they are and as they are compared, and some that do not.
      const source = ['stream=1', '12', ...texts, ...texts.map(comparable)][pick % (2 + 2 * texts.length)]
      const text = source.slice(from % (source.length + 1)).slice(0, length)
      const wanted = text.trim()
      const matches = spans.flatMap(({ name, startNs }, span) => {
        const args = comparable(argsText(timeline.trace!.args, span) ?? '')
        const inArgs = comparable(wanted).trim() !== '' && args.includes(comparable(wanted))
        return wanted !== '' && (name.toLowerCase().includes(wanted.toLowerCase()) || inArgs) ? [{ span, startNs }] : []
      }).sort((a, b) => a.startNs - b.startNs).map(({ span }) => span)
      const result = searchTimeline(timeline, { text, limit: 4 })
      expect([...result.spanIndex]).toEqual(matches.slice(0, 4))
      expect(result.total).toBe(matches.length)
    }), { numRuns: 2000 })
  })
})

describe('search in bytes', () => {
  test('agrees with indexOf on small letters', () => {
    const anyLetters = fc.array(fc.constantFrom('a', 'b', 'A', 'B', '1'), { maxLength: 30 }).map((chars) => chars.join(''))
    fc.assert(fc.property(anyLetters, anyLetters.filter((text) => text !== ''), fc.nat(5), (text, pattern, from) => {
      const start = Math.min(from, text.length)
      expect(new FoldedSearch(pattern.slice(0, 4)).indexIn(Buffer.from(text), start, text.length))
        .toBe(text.toLowerCase().indexOf(pattern.slice(0, 4).toLowerCase(), start))
    }))
  })
})
