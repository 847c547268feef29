import type { HomeTensors } from '../backends/arena.ts'
import type { Segment } from '../backends/segments.ts'

/*
 * bfloat16 is the upper half of a float32: same sign and exponent, 8 bits of precision instead of 24. Decoding is exact;
 * encoding rounds to nearest, ties to even. K/V may travel so; everything else stays float32.
 */

const QUIET_BIT = 0x0040
const INFINITY_BITS = 0x7f80_0000

/** float32 to bfloat16, to nearest even. Values past the largest become infinity, NaN stays NaN (quiet), denormals stay. */
export function encodeBfloat16(floats: Float32Array, target: Uint16Array): void {
  if (floats.length !== target.length) throw new RangeError(`${floats.length} floats do not fit ${target.length} halves`)
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length)
  for (let at = 0; at < bits.length; at++) {
    const value = bits[at]
    target[at] = (value & 0x7fff_ffff) > INFINITY_BITS
      ? (value >>> 16) | QUIET_BIT
      : (value + 0x7fff + ((value >>> 16) & 1)) >>> 16
  }
}

/** bfloat16 to float32; exact. */
export function decodeBfloat16(halves: Uint16Array, target: Float32Array): void {
  if (halves.length !== target.length) throw new RangeError(`${halves.length} halves do not fit ${target.length} floats`)
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length)
  for (let at = 0; at < bits.length; at++) bits[at] = halves[at] << 16
}

/**
 * Puts a rank's own K/V into the form in which it travels, and rounds its floats to what that stands for: its owner must
 * compute with the K/V that everybody else sees, and with the same in both passes. With other K/V in the backward pass than
 * the log-sum-exps were made of, its probabilities would not sum to 1. Nothing to do where K/V travels as float32.
 */
export function encodeOwnKv({ k, v, wire }: HomeTensors): void {
  if (wire === null) return
  for (const [floats, halves] of [[k, wire.subarray(0, k.length)], [v, wire.subarray(k.length)]] as const) {
    encodeBfloat16(floats, halves)
    decodeBfloat16(halves, floats)
  }
}

/** Writes the floats of received segments that are bfloat16. @param memory of the arena that the segments are of. */
export function decodeSegments(memory: ArrayBufferLike, segments: readonly Segment[]): void {
  for (const { byteOffset, bytes, floatsByteOffset } of segments) {
    if (floatsByteOffset === null) continue
    decodeBfloat16(new Uint16Array(memory, byteOffset, bytes / 2), new Float32Array(memory, floatsByteOffset, bytes / 2))
  }
}
