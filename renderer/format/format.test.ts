import { describe, expect, it } from 'vitest'
import { plainText } from './args.ts'
import { formatAxisTime } from './axis.ts'
import { clockNote, clockNotes } from './clock.ts'
import { toCsv } from './csv.ts'
import { fileStem } from './download.ts'
import { failureTitle } from './failure.ts'
import { describeMending } from './mending.ts'
import { fileName, parentFolder } from './paths.ts'
import {
  formatBytes, formatCount, formatError, formatGflops, formatMoment, formatMs, formatNs, formatPercent, NO_FIGURE, threeDigits,
} from './quantity.ts'

describe('three significant digits', () => {
  it.each([
    [0, '0'], [1234, '1230'], [123.4, '123'], [12.34, '12.3'], [1.234, '1.23'], [0.01234, '0.0123'],
    [99.96, '100'], [9.996, '10.0'], [-1.5, '-1.50'], [1.2e-9, '1.20e-9'],
  ])('%d reads %s', (value, text) => expect(threeDigits(value)).toBe(text))
})

describe('quantities carry their unit', () => {
  it.each([
    [0, '0'], [812, '812 ns'], [3214, '3.21 µs'], [12_345_678, '12.3 ms'], [1.5e9, '1.50 s'],
    // Rounding must not leave 1000 of a unit.
    [999_960, '1.00 ms'],
  ])('%d ns reads %s', (ns, text) => expect(formatNs(ns)).toBe(text))
  it('shows a moment to the ns, whatever its unit', () => {
    expect([0, 200, 1500, 8_860_123, 2_468_354_219, 0.3, 999.6].map(formatMoment))
      .toEqual(['0', '200 ns', '1.500 µs', '8.860123 ms', '2.468354219 s', '0', '1.000 µs'])
  })
  it('converts milliseconds', () => expect(formatMs(0.25)).toBe('250 µs'))
  it('counts bytes in powers of two', () => {
    expect([0, 512, 1024, 1_572_864].map(formatBytes)).toEqual(['0 B', '512 B', '1.00 KiB', '1.50 MiB'])
  })
  it('scales rates, also below 1 GFLOP/s', () => {
    expect([0, 0.5, 38.2, 1500].map(formatGflops)).toEqual(['0', '500 MFLOP/s', '38.2 GFLOP/s', '1.50 TFLOP/s'])
  })
  it('shows percentages of fractions, without the dust of rounding', () => {
    expect([0, 6e-9, 0.4712, 1].map(formatPercent)).toEqual(['0 %', '0 %', '47.1 %', '100 %'])
  })
  it('keeps small counts exact', () => expect([36, 9999, 2_097_152].map(formatCount)).toEqual(['36', '9999', '2.10 M']))
  it('shows error bounds as powers of ten', () => expect(formatError(2.13e-7)).toBe('2.1e-7'))
  it('says when there is no figure', () => {
    expect([formatNs(null), formatBytes(null), formatPercent(null)]).toEqual([NO_FIGURE, NO_FIGURE, NO_FIGURE])
  })
})

describe('time axis', () => {
  it('uses the unit of the window', () => {
    expect(formatAxisTime(2_000_000, 10_000_000)).toBe('2 ms')
    expect(formatAxisTime(2_500_000, 10_000_000)).toBe('3 ms')
    expect(formatAxisTime(2_500_000, 5_000_000)).toBe('2.5 ms')
  })
  it('keeps neighbouring ticks apart when zoomed in late on the axis', () => {
    const ticks = [1_234_560_000, 1_234_570_000, 1_234_580_000].map((ns) => formatAxisTime(ns, 100_000))
    expect(new Set(ticks).size).toBe(3)
    expect(ticks[0]).toBe('1\u2009234\u2009560 µs')
  })
})

describe('what went wrong, in a sentence', () => {
  it('names the rank, the step and the iteration of a failure as far as they are known', () => {
    expect(failureTitle({ kind: 'crashed', rank: 3, step: 0, iteration: 1 })).toBe('The run crashed at rank 3, step 0 of iteration 1')
    expect(failureTitle({ kind: 'timed-out', rank: null, step: null, iteration: 2 })).toBe('The run stopped answering in iteration 2')
    expect(failureTitle({ kind: 'cancelled', rank: null, step: null, iteration: null })).toBe('The run was cancelled')
  })
  it('counts what reading a trace mended and left out', () => {
    const entry = (kind: string, count: number) => ({ kind, count, firstOffset: 0 })
    expect(describeMending([
      { repairs: [entry('begin without an end', 1)], dropped: [entry('flow', 12)] }, { repairs: [], dropped: [entry('flow', 3)] },
    ])).toBe('Mended: 1 x begin without an end. Left out: 15 x flow')
    expect(describeMending([{ repairs: [], dropped: [] }])).toBe('')
  })
})

describe('clocks', () => {
  it('read as an offset with its uncertainty', () => {
    expect(clockNote({ offsetNs: 1_240_000, uncertaintyNs: 12_000 })).toBe('+1.24 ms ±12.0 µs')
    expect(clockNote({ offsetNs: -5000, uncertaintyNs: 0 })).toBe('-5.00 µs')
    expect(clockNote({ offsetNs: 0, uncertaintyNs: 0 })).toBe('reference clock')
    expect(clockNote({ offsetNs: 0, uncertaintyNs: 50_000_000 })).toBe('±50.0 ms')
    expect(clockNote({ offsetNs: 0, uncertaintyNs: null })).toBe('unaligned')
  })
  it('are noted where there are several to relate', () => {
    const rank = { rank: 3, from: 'order', offsetNs: 0, uncertaintyNs: 0 }
    expect(clockNotes(null).size).toBe(0)
    expect(clockNotes({ method: '', aligned: true, ranks: [rank] }).size).toBe(0)
    expect([...clockNotes({ method: '', aligned: true, ranks: [rank, { ...rank, rank: 4 }] }).keys()]).toEqual(['3', '4'])
  })
})

describe('arguments', () => {
  it('show a string\'s content, and everything else as it is written', () => {
    expect([String.raw`"a\n\"b\""`, '[1, 2]', '1.50', '"cut'].map(plainText)).toEqual(['a\n"b"', '[1, 2]', '1.50', '"cut'])
  })
})

describe('files', () => {
  it('writes RFC 4180', () => {
    expect(toCsv({ header: ['a', 'b'], rows: [['x, "y"', 1], [null, true]] })).toBe('a,b\r\n"x, ""y""",1\r\n,true\r\n')
  })
  it('knows the paths of either kind of system', () => {
    expect(['/data/job/rank-0.json', String.raw`C:\data\rank-0.json`, 'rank-0.json'].map(fileName)).toEqual(['rank-0.json', 'rank-0.json', 'rank-0.json'])
    expect(['/home/ada/ringscope/configs', String.raw`C:\ada\configs`].map(parentFolder)).toEqual(['/home/ada/ringscope', String.raw`C:\ada`])
  })
  it('makes a file name of a title', () => {
    expect(fileStem('causal zigzag / 8 ranks')).toBe('causal-zigzag-8-ranks')
    expect(fileStem('***')).toBe('ringscope')
  })
})
