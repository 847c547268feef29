import { expect, test } from 'vitest'
import { type ArgColumns, HOLE } from '../../timeline/traceContent.ts'
import { ArgTexts } from './argTexts.ts'

/** Spans by their templates and digits; the texts kept whole lie in the digits too. */
const columns = (templates: readonly string[], spans: readonly (readonly [template: number, digits: string])[]): ArgColumns => {
  let text = ''
  const digitsAt = spans.map(([, digits]) => {
    const at = text.length
    text += digits
    return at
  })
  return {
    templates: ['', '', ...templates], template: Uint32Array.from(spans, ([template]) => template), digitsAt: Uint32Array.from(digitsAt),
    digits: new TextEncoder().encode(text),
  }
}

test('args come out as they were written; a span without any has none', () => {
  const args = new ArgTexts(columns([`{"grid":[${HOLE},${HOLE}], "x": -${HOLE}.${HOLE}e${HOLE}}`], [[2, '1,22,3,4,5,'], [0, ''], [2, '7,8,9,10,11,'], [1, '{"whole":"12"}\0']]))
  expect([0, 1, 2, 3].map((span) => args.of(span))).toEqual(['{"grid":[1,22], "x": -3.4e5}', null, '{"grid":[7,8], "x": -9.10e11}', '{"whole":"12"}'])
})

test('what is no JSON object is kept as text in one: it must not spoil a file, and viewers take nothing else', () => {
  const args = new ArgTexts(columns([`{"datatype": ncclFloat${HOLE}}`, `[${HOLE}]`], [[2, '32,'], [3, '5,'], [1, '{cut\0']]))
  expect([0, 1, 2].map((span) => JSON.parse(args.of(span) ?? '') as unknown)).toEqual([{ args: '{"datatype": ncclFloat32}' }, { args: '[5]' }, { args: '{cut' }])
})

test('on one line where that is wanted, whatever the layout of the file', () => {
  const spread = columns([`{\n    "a": ${HOLE},\r\n\t"b c": "d  e"\n}`], [[2, '4,']])
  expect(new ArgTexts(spread, { oneLine: true }).of(0)).toBe('{ "a": 4, "b c": "d  e" }')
  expect(new ArgTexts(spread).of(0)).toBe('{\n    "a": 4,\r\n\t"b c": "d  e"\n}')
})
