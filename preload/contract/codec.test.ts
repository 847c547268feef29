import { describe, expect, it } from 'vitest'
import { decode, encode } from './codec.ts'

const roundTrip = (value: unknown): unknown => decode(encode(value))

describe('codec', () => {
  it('is plain JSON for plain values', () => {
    const value = { a: [1, 'two', null, true], b: { c: -1.5e300 } }
    expect(encode(value)).toBe(JSON.stringify(value))
    expect(roundTrip(value)).toEqual(value)
  })

  it.each([
    new Uint8Array([0, 127, 255]), new Uint32Array([0, 2 ** 32 - 1]), new Int32Array([-(2 ** 31), 1]),
    new Float32Array([0.5, -0]), new Float64Array([Number.NaN, Number.MAX_VALUE, 2 ** 53 - 1]), new Float64Array(0),
  ])('keeps the kind and the content of %o', (array) => {
    expect(roundTrip({ deep: [array] })).toEqual({ deep: [array] })
  })

  it('sends only the window a view covers', () => {
    const whole = new Uint32Array([1, 2, 3, 4])
    expect(roundTrip(whole.subarray(1, 3))).toEqual(new Uint32Array([2, 3]))
  })

  it('takes a Buffer for bytes, at any depth and at the root', () => {
    const bytes = new Uint8Array([104, 105])
    expect(roundTrip(Buffer.from('hi'))).toEqual(bytes)
    expect(roundTrip({ list: [Buffer.from('hi')] })).toEqual({ list: [bytes] })
  })

  it('moves arrays longer than one call may have arguments', () => {
    const long = new Uint8Array(300_000).map((_, at) => at % 251)
    expect(roundTrip(long)).toEqual(long)
  })

  it('refuses to encode a view that the contract does not use', () => {
    expect(() => encode({ view: new BigInt64Array(1) })).toThrow(TypeError)
    expect(() => encode(new DataView(new ArrayBuffer(4)))).toThrow(TypeError)
  })

  it.each([
    ['no array', '{"$typed": 5}'], ['null', '{"$typed": null}'], ['an unknown kind', '{"$typed": ["BigInt64Array", ""]}'],
    ['an inherited name for a kind', '{"$typed": ["constructor", ""]}'], ['no data', '{"$typed": ["Uint8Array"]}'],
    ['data that is not base64', '{"$typed": ["Uint8Array", "*"]}'],
    ['half an element', '{"$typed": ["Float64Array", "AAAA"]}'], ['no JSON', '{'],
  ])('reports %s as a SyntaxError', (_what, text) => {
    expect(() => decode(text)).toThrow(SyntaxError)
  })
})
