import { LANE_BYTES, MASKED, exp2, madd } from "./simd";

/**
 * Masks a run of keys element by element: a pair stays where from[lane] <= key < to[lane], else its score is MASKED.
 *
 * @param from i32[8], first local key row of every query in the strip
 * @param to i32[8], one past the last
 * @param key local row of the first score
 * @param scores f32[count][8], in place
 */
export function maskStrip(from: usize, to: usize, key: i32, count: i32, scores: usize): void {
  const from0 = v128.load(from), from1 = v128.load(from, 16);
  const to0 = v128.load(to), to1 = v128.load(to, 16);
  const masked = f32x4.splat(MASKED);
  let at = i32x4.splat(key);
  for (let i = 0; i < count; i++) {
    const keep0 = v128.and(i32x4.ge_s(at, from0), i32x4.lt_s(at, to0));
    const keep1 = v128.and(i32x4.ge_s(at, from1), i32x4.lt_s(at, to1));
    v128.store(scores, v128.bitselect(v128.load(scores), masked, keep0));
    v128.store(scores, v128.bitselect(v128.load(scores, 16), masked, keep1), 16);
    at = i32x4.add(at, i32x4.splat(1));
    scores += LANE_BYTES;
  }
}

/**
 * The online softmax step of one strip (Milakov and Gimelshein 2018; Dao et al. 2022), in powers of two:
 * m' = max(m, max scores), weights = 2^(scores - m'), rescale = 2^(m - m'), l' = rescale * l + sum of weights.
 *
 * @param scores f32[count][8], become the weights
 * @param maximum f32[8], m, updated
 * @param sum f32[8], l, updated
 * @param rescale f32[8], written
 * @param table constants of exp2
 */
export function softmaxStrip(scores: usize, count: i32, maximum: usize, sum: usize, rescale: usize, table: usize): void {
  const end = scores + (<usize>count << 5);
  const old0 = v128.load(maximum), old1 = v128.load(maximum, 16);
  let max0 = old0, max1 = old1, other0 = old0, other1 = old1;
  let at = scores;
  if (count & 1) {
    max0 = f32x4.pmax(max0, v128.load(at));
    max1 = f32x4.pmax(max1, v128.load(at, 16));
    at += LANE_BYTES;
  }
  for (; at < end; at += 2 * LANE_BYTES) {
    max0 = f32x4.pmax(max0, v128.load(at));
    max1 = f32x4.pmax(max1, v128.load(at, 16));
    other0 = f32x4.pmax(other0, v128.load(at, 32));
    other1 = f32x4.pmax(other1, v128.load(at, 48));
  }
  max0 = f32x4.pmax(max0, other0);
  max1 = f32x4.pmax(max1, other1);
  const scale0 = exp2(f32x4.sub(old0, max0), table);
  const scale1 = exp2(f32x4.sub(old1, max1), table);
  // Summed from 0 and added to l once, so that rounding grows with the tile and not with the sequence.
  let sum0 = f32x4.splat(0), sum1 = f32x4.splat(0);
  for (at = scores; at < end; at += LANE_BYTES) {
    const weight0 = exp2(f32x4.sub(v128.load(at), max0), table);
    const weight1 = exp2(f32x4.sub(v128.load(at, 16), max1), table);
    v128.store(at, weight0);
    v128.store(at, weight1, 16);
    sum0 = f32x4.add(sum0, weight0);
    sum1 = f32x4.add(sum1, weight1);
  }
  v128.store(maximum, max0); v128.store(maximum, max1, 16);
  v128.store(sum, madd(scale0, v128.load(sum), sum0));
  v128.store(sum, madd(scale1, v128.load(sum, 16), sum1), 16);
  v128.store(rescale, scale0); v128.store(rescale, scale1, 16);
}
