import { describe, expect, it } from 'vitest'
import { decodeBfloat16, decodeSegments, encodeBfloat16, encodeOwnKv } from './bfloat16.ts'

const HALVES = 1 << 16
const allHalves = Uint16Array.from({ length: HALVES }, (_, half) => half)

function decoded(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length)
  decodeBfloat16(halves, floats)
  return floats
}

function encoded(bits: Uint32Array): Uint16Array {
  const halves = new Uint16Array(bits.length)
  encodeBfloat16(new Float32Array(bits.buffer), halves)
  return halves
}

describe('bfloat16', () => {
  it('is exact for each of its 65536 values, infinities and both zeros among them', () => {
    const floats = decoded(allHalves)
    expect(floats[0x3f80]).toBe(1)
    expect(floats[0xc000]).toBe(-2)
    expect(floats[0x0001]).toBe(2 ** -133)
    expect(Object.is(floats[0x8000], -0)).toBe(true)
    expect([floats[0x7f80], floats[0xff80]]).toEqual([Infinity, -Infinity])
    const back = new Uint16Array(HALVES)
    encodeBfloat16(floats, back)
    for (let half = 0; half < HALVES; half++) {
      if (Number.isNaN(floats[half])) expect(Number.isNaN(decoded(back.subarray(half, half + 1))[0])).toBe(true)
      else if (back[half] !== half) throw new Error(`${half} came back as ${back[half]}`)
    }
  })

  it('takes the nearer neighbour, and the even one half way, everywhere between two of its values', () => {
    // In the gap above each half: just above it, around the middle and just below the next; a sign bit does not matter.
    const offsets = [0x0001, 0x4000, 0x7fff, 0x8000, 0x8001, 0xc000, 0xffff]
    const finite = allHalves.filter((half) => (half & 0x7fff) < 0x7f80)
    const bits = Uint32Array.from([...finite].flatMap((half) => offsets.map((offset) => half * HALVES + offset)))
    const values = new Float32Array(bits.buffer)
    const halves = encoded(bits)
    const floats = decoded(allHalves)
    for (let at = 0; at < bits.length; at++) {
      const below = bits[at] >>> 16
      const above = below + 1
      // Past the largest value comes infinity; it is chosen as if it were the next value of an unbounded range.
      const aboveValue = Number.isFinite(floats[above]) ? floats[above] : Math.sign(floats[below]) * 2 ** 128
      const toBelow = Math.abs(values[at] - floats[below])
      const toAbove = Math.abs(aboveValue - values[at])
      const nearest = toBelow < toAbove ? below : toAbove < toBelow ? above : below % 2 === 0 ? below : above
      if (halves[at] !== nearest) throw new Error(`0x${bits[at].toString(16)} became 0x${halves[at].toString(16)}, not 0x${nearest.toString(16)}`)
    }
    expect(bits.length).toBe(2 * 0x7f80 * offsets.length)
  })

  it('keeps NaN a NaN, also where only its lower bits say so', () => {
    const nans = Uint32Array.of(0x7f80_0001, 0x7fff_ffff, 0xff80_0001, 0x7fc0_0000, 0xffff_ffff)
    expect([...decoded(encoded(nans))].every(Number.isNaN)).toBe(true)
  })

  it('refuses places of another size', () => {
    expect(() => encodeBfloat16(new Float32Array(2), new Uint16Array(3))).toThrow(RangeError)
    expect(() => decodeBfloat16(new Uint16Array(2), new Float32Array(3))).toThrow(RangeError)
  })
})

describe('K/V on the wire', () => {
  it('is encoded from the floats of its owner, which become what it stands for', () => {
    const k = Float32Array.of(1 + 2 ** -20, 2)
    const v = Float32Array.of(-3, 0.5)
    const wire = new Uint16Array(4)
    const none = new Float32Array()
    encodeOwnKv({ q: none, k, v, out: none, dOut: none, dq: none, dk: none, dv: none, wire, parts: [] })
    expect([...decoded(wire)]).toEqual([1, 2, -3, 0.5])
    expect([...k, ...v]).toEqual([1, 2, -3, 0.5])
  })

  it('is decoded beside the bytes that arrived; float32 segments are left alone', () => {
    const memory = new ArrayBuffer(64)
    new Uint16Array(memory, 8, 2).set([0x3f80, 0xc000])
    const other = new Float32Array(memory, 48, 2)
    other.set([7, 8])
    decodeSegments(memory, [
      { byteOffset: 8, bytes: 4, floatsByteOffset: 16 }, { byteOffset: 48, bytes: 8, floatsByteOffset: null },
    ])
    expect([...new Float32Array(memory, 16, 2)]).toEqual([1, -2])
    expect([...other]).toEqual([7, 8])
  })
})
