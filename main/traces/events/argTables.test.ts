import fc from 'fast-check'
import { expect, test } from 'vitest'
import { argsText } from '../../timeline/spanArgs.ts'
import { argColumnsOf } from '../../timeline/testArgs.ts'
import { ArgTables } from './argTables.ts'

/** The args of a begin and an end joined, where at most so many templates may be kept. */
function joined(begin: string | null, end: string | null, templateLimit?: number): string | null {
  const columns = argColumnsOf([begin, end], templateLimit)
  const tables = new ArgTables(columns.templates, columns.digits)
  const place = (row: number) => ({ template: columns.template[row], digitsAt: columns.digitsAt[row] })
  const found = tables.join(place(0), place(1))
  return argsText({ templates: tables.templates, digits: tables.digits(), template: Uint32Array.of(found.template), digitsAt: Uint32Array.of(found.digitsAt) }, 0)
}

const anyArgs = fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string(), fc.array(fc.nat())), { maxKeys: 4 })

test('the entries of both are there, those of the end last, with templates or without', () => {
  fc.assert(fc.property(anyArgs, anyArgs, fc.constantFrom(2, 3, undefined), (begin, end, templateLimit) => {
    const text = joined(JSON.stringify(begin), JSON.stringify(end), templateLimit)
    expect(JSON.parse(text ?? '')).toEqual(JSON.parse(JSON.stringify({ ...begin, ...end })))
  }))
})

test('one that is absent adds nothing', () => {
  expect([joined('{"a":1}', null), joined(null, '{"b":2}'), joined(null, null)]).toEqual(['{"a":1}', '{"b":2}', null])
})

test('an end whose args are no object adds nothing', () => {
  expect(joined('{"a":1}', '[2]')).toBe('{"a":1}')
})

test('many are joined one after the other', () => {
  const columns = argColumnsOf(Array.from({ length: 200 }, (_, at) => `{"k":${at},"v":"${'7'.repeat(at)}"}`))
  const tables = new ArgTables(columns.templates, columns.digits)
  const places = Array.from({ length: 100 }, (_, at) => tables.join(
    { template: columns.template[at], digitsAt: columns.digitsAt[at] }, { template: columns.template[199 - at], digitsAt: columns.digitsAt[199 - at] }))
  const args = {
    templates: tables.templates, digits: tables.digits(), template: Uint32Array.from(places, ({ template }) => template), digitsAt: Uint32Array.from(places, ({ digitsAt }) => digitsAt),
  }
  places.forEach((_, at) => {
    expect(argsText(args, at)).toBe(`{"k":${at},"v":"${'7'.repeat(at)}","k":${199 - at},"v":"${'7'.repeat(199 - at)}"}`)
  })
})
