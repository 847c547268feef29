import { describe, expect, test } from 'vitest'
import { jsonErrorPlace } from './jsonError.ts'

describe('the place of a JSON error', () => {
  test.each([
    ['', 1, 1],
    ['{"world": 2,\n  "seqLen": x}', 2, 13],
    ['{"world": 2,\n  "seqLen": 4096', 2, 17],
    ['{"world": 2\n  "seqLen": 4096}', 2, 3],
    ['{"world": 2,}', 1, 13],
    ['{"a": "b\nc"}', 1, 9],
    ['{"a": "\\x"}', 1, 8],
    ['{"a": [1, ]}', 1, 11],
    ['{"a" 1}', 1, 6],
    ["{'a': 1}", 1, 2],
    ['{"a": 01}', 1, 8],
    ['{"a": .5}', 1, 7],
    ['{"a": NaN}', 1, 7],
    ['{"a": 1} // why', 1, 10],
    ['{"a": 1}}', 1, 9],
  ])('%j stops at line %i, column %i', (text, line, column) => {
    expect(() => { JSON.parse(text) }).toThrow(SyntaxError)
    expect(jsonErrorPlace(text)).toEqual({ line, column })
  })

  test.each(['{}', ' [ ] ', '{"a": [1, -2.5e+3, true, false, null, "\\u00e9\\n"], "b": {"c": {}}}\n', '0', '"text"'])('%j has none', (text) => {
    expect(() => { JSON.parse(text) }).not.toThrow()
    expect(jsonErrorPlace(text)).toBeNull()
  })

  test('text nested too deep to follow has no place, and no crash', () => {
    expect(jsonErrorPlace('['.repeat(1 << 20))).toBeNull()
  })
})
