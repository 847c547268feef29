import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ArgLookup } from './argLookup.ts'
import { jsonEntries } from './jsonEntries.ts'
import { argsOf, argsText } from './spanArgs.ts'
import { argColumnsOf } from './testArgs.ts'

const lookupOf = (...texts: (string | null)[]): ArgLookup => new ArgLookup(argColumnsOf(texts))

describe('lookup of args', () => {
  test('numbers, strings, arrays and what is not there', () => {
    const lookup = lookupOf('{"External id": 12, "stream": "7", "rate": -1.5e-3, "Process Group Ranks": "[0, 1]", "grid": [64, 1, 1], "x": null, "on": true}')
    expect(lookup.number(0, 'External id')).toBe(12)
    expect(lookup.number(0, 'stream')).toBe(7)
    expect(lookup.number(0, 'rate')).toBe(-0.0015)
    expect(lookup.text(0, 'rate')).toBe('-1.5e-3')
    expect(lookup.text(0, 'Process Group Ranks')).toBe('[0, 1]')
    expect(lookup.text(0, 'grid')).toBe('[64, 1, 1]')
    expect(lookup.json(0, 'Process Group Ranks')).toBe('"[0, 1]"')
    expect([lookup.text(0, 'x'), lookup.has(0, 'x'), lookup.text(0, 'on'), lookup.number(0, 'on')]).toEqual([null, true, 'true', null])
    expect([lookup.number(0, 'absent'), lookup.text(0, 'absent'), lookup.has(0, 'absent')]).toEqual([null, null, false])
    expect(lookup.number(0, 'toString')).toBeNull()
  })

  test('spans of one template have values of their own; keys in nested objects are not top-level', () => {
    const lookup = lookupOf('{"in": {"stream": 1}, "stream": 22}', null, '{"in": {"stream": 333}, "stream": 4}')
    expect([0, 1, 2].map((span) => lookup.number(span, 'stream'))).toEqual([22, null, 4])
  })

  test('a key with digits is one of several that share a template', () => {
    const lookup = lookupOf('{"arg0": 5, "arg1": 6}', '{"arg1": 7, "arg2": 8}')
    expect([lookup.number(0, 'arg1'), lookup.number(1, 'arg1'), lookup.number(0, 'arg2'), lookup.has(1, 'arg0')]).toEqual([6, 7, null, false])
  })

  test('ids beyond 2^53 keep their digits as text', () => {
    expect(lookupOf('{"id": 18446744073709551615}').text(0, 'id')).toBe('18446744073709551615')
    expect(lookupOf('{"id": 18446744073709551615}').number(0, 'id')).toBe(2 ** 64)
  })

  test('values that are no JSON are found as written', () => {
    expect(lookupOf('{"datatype": ncclFloat32, "Stream": 0x4142e90, "n": 3}').text(0, 'Stream')).toBe('0x4142e90')
    expect(lookupOf('{"datatype": ncclFloat32, "Stream": 0x4142e90, "n": 3}').number(0, 'n')).toBe(3)
  })

  const anyKey = fc.oneof(fc.constantFrom('stream', 'arg0', 'arg1', 'a"b', 'é1', '__proto__', 'x\\'), fc.string({ maxLength: 3 }))
  const anyArgs = fc.dictionary(anyKey, fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string(),
    fc.maxSafeNat().map(String), fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>), { maxKeys: 6, noNullPrototype: true })
  const anyText = fc.tuple(anyArgs, fc.constantFrom(undefined, 1)).map(([args, indent]) =>
    // As importers leave them: no control characters, which is what indentation would put there.
    JSON.stringify(args, null, indent).replaceAll('\n', ' '))

  test('equals what parsing the text gives, for texts in templates and for texts kept whole', () => {
    fc.assert(fc.property(fc.array(fc.option(anyText), { maxLength: 8 }), fc.nat(5), anyKey, (texts, templateLimit, otherKey) => {
      const args = argColumnsOf(texts, 2 + templateLimit)
      const lookup = new ArgLookup(args)
      for (const [span, text] of texts.entries()) {
        expect(argsText(args, span)).toBe(text)
        const parsed = argsOf(args, span)
        for (const key of [...Object.keys(parsed), otherKey]) {
          const value = Object.hasOwn(parsed, key) ? parsed[key] : undefined
          const numeric = typeof value === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? Number(value) : null
          expect(lookup.number(span, key)).toBe(typeof value === 'number' ? value : numeric)
          expect(lookup.has(span, key)).toBe(value !== undefined)
          const found = lookup.text(span, key)
          if (value === undefined || value === null) expect(found).toBeNull()
          else if (typeof value === 'string') expect(found).toBe(value)
          else expect(JSON.parse(found ?? '')).toEqual(value)
        }
      }
    }))
  })
})

describe('entries of an object\'s text', () => {
  test('in the order written, doubled ones included, values untouched', () => {
    const text = ' { "b" : [1, {"a": 2}] , "a":"x,}", "b": -1.50 } '
    expect(jsonEntries(text).map(({ key, from, to }) => [key, text.slice(from, to)])).toEqual([['b', '[1, {"a": 2}]'], ['a', '"x,}"'], ['b', '-1.50']])
  })

  test('what is no object has none', () => {
    expect(['', '[1]', '12', '{}', '{"a" 1}'].map((text) => jsonEntries(text))).toEqual([[], [], [], [], []])
  })
})
