import { exp2InRange, writeExpTable } from "./simd";

/** Bytes that one round of readAll() takes in. */
const ROUND_BYTES: usize = 128;
/** Constants of the exponentials, 9 floats, in whole cache lines. */
const TABLE_BYTES: usize = 64;

/**
 * Reads a buffer from its first byte to its last, `passes` times, eight independent loads at a time.
 *
 * @param bytes a multiple of 128
 * @param sum v128, written, so that the loads are for something
 */
export function readAll(from: usize, bytes: usize, passes: i32, sum: usize): void {
  const zero = i32x4.splat(0);
  let a = zero, b = zero, c = zero, d = zero, e = zero, f = zero, g = zero, h = zero;
  const end = from + bytes;
  for (; passes > 0; passes--) {
    for (let at = from; at < end; at += ROUND_BYTES) {
      a = v128.xor(a, v128.load(at)); b = v128.xor(b, v128.load(at, 16));
      c = v128.xor(c, v128.load(at, 32)); d = v128.xor(d, v128.load(at, 48));
      e = v128.xor(e, v128.load(at, 64)); f = v128.xor(f, v128.load(at, 80));
      g = v128.xor(g, v128.load(at, 96)); h = v128.xor(h, v128.load(at, 112));
    }
  }
  v128.store(sum, v128.xor(v128.xor(v128.xor(a, b), v128.xor(c, d)), v128.xor(v128.xor(e, f), v128.xor(g, h))));
}

/**
 * The kernel's exponentials of a few numbers that stay in the first-level cache, `passes` times over, as its softmax takes them.
 *
 * @param from f32[floats], in the range of exp2InRange
 * @param floats a multiple of 16
 * @param scratch 128 bytes, written: constants, and the sum of the exponentials
 */
export function exponentials(from: usize, floats: i32, passes: i32, scratch: usize): void {
  writeExpTable(scratch);
  let a = f32x4.splat(0), b = a, c = a, d = a;
  const end = from + (<usize>floats << 2);
  for (; passes > 0; passes--) {
    for (let at = from; at < end; at += 64) {
      a = f32x4.add(a, exp2InRange(v128.load(at), scratch));
      b = f32x4.add(b, exp2InRange(v128.load(at, 16), scratch));
      c = f32x4.add(c, exp2InRange(v128.load(at, 32), scratch));
      d = f32x4.add(d, exp2InRange(v128.load(at, 48), scratch));
    }
  }
  v128.store(scratch + TABLE_BYTES, f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
}
