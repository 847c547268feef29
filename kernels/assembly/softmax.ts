import { LANE_BYTES, MASKED, SEEN, exp2, exp2InRange, madd } from "./simd";

/**
 * Scores whose size is at most this (in powers of two) can be exponentiated as they are, relative to any reference of such size:
 * weights stay within 2^-80 and 2^80, and sums of a billion of them within float32.
 */
export const LARGEST_BOUND: f32 = 40;

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
 * Makes ready for boundedStrip: rows without a reference get 0, and scores shall start from bias = -reference.
 * @param reference f32[8]
 * @param bias f32[8], written
 * @returns false, with nothing changed, when a reference is larger than LARGEST_BOUND
 */
export function fixReferences(reference: usize, bias: usize): bool {
  const m0 = v128.load(reference), m1 = v128.load(reference, 16);
  const fixed0 = v128.and(m0, f32x4.gt(m0, f32x4.splat(SEEN))), fixed1 = v128.and(m1, f32x4.gt(m1, f32x4.splat(SEEN)));
  const bound = f32x4.splat(LARGEST_BOUND);
  if (!i32x4.all_true(v128.and(f32x4.le(f32x4.abs(fixed0), bound), f32x4.le(f32x4.abs(fixed1), bound)))) return false;
  v128.store(reference, fixed0); v128.store(reference, fixed1, 16);
  v128.store(bias, f32x4.neg(fixed0)); v128.store(bias, f32x4.neg(fixed1), 16);
  return true;
}

/**
 * The softmax step for scores that are known to be small, which needs no maximum: weights = 2^(scores - m), l += sum of weights.
 * For keys that all rows of the strip see.
 *
 * @param scores f32[count][8] relative to m, become the weights
 * @param sum f32[8], l, updated
 * @param table constants of the exponentials
 */
export function boundedStrip(scores: usize, count: i32, sum: usize, table: usize): void {
  const end = scores + (<usize>count << 5);
  // Summed from 0 and added to l once, so that rounding grows with the tile and not with the sequence.
  let sum0 = f32x4.splat(0), sum1 = f32x4.splat(0);
  for (let at = scores; at < end; at += LANE_BYTES) {
    const weight0 = exp2InRange(v128.load(at), table);
    const weight1 = exp2InRange(v128.load(at, 16), table);
    v128.store(at, weight0);
    v128.store(at, weight1, 16);
    sum0 = f32x4.add(sum0, weight0);
    sum1 = f32x4.add(sum1, weight1);
  }
  v128.store(sum, f32x4.add(v128.load(sum), sum0));
  v128.store(sum, f32x4.add(v128.load(sum, 16), sum1), 16);
}

/**
 * The step of the online softmax (Milakov and Gimelshein 2018; Dao et al. 2022), in powers of two, for any scores:
 * m' = max(m, max scores), weights = 2^(scores - m'), rescale = 2^(m - m'), l' = rescale * l + sum of weights.
 *
 * @param scores f32[count][8], MASKED where a row does not see a key; become the weights
 * @param reference f32[8], m, updated; NO_REFERENCE for rows that have seen no key
 * @param sum f32[8], l, updated
 * @param rescale f32[8], written
 * @param table constants of the exponentials
 * @returns whether rescale is other than 1 anywhere
 */
export function softmaxStrip(scores: usize, count: i32, reference: usize, sum: usize, rescale: usize, table: usize): bool {
  const end = scores + (<usize>count << 5);
  const old0 = v128.load(reference), old1 = v128.load(reference, 16);
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
  let sum0 = f32x4.splat(0), sum1 = f32x4.splat(0);
  for (at = scores; at < end; at += LANE_BYTES) {
    const weight0 = exp2(f32x4.sub(v128.load(at), max0), table);
    const weight1 = exp2(f32x4.sub(v128.load(at, 16), max1), table);
    v128.store(at, weight0);
    v128.store(at, weight1, 16);
    sum0 = f32x4.add(sum0, weight0);
    sum1 = f32x4.add(sum1, weight1);
  }
  v128.store(reference, max0); v128.store(reference, max1, 16);
  v128.store(sum, madd(scale0, v128.load(sum), sum0));
  v128.store(sum, madd(scale1, v128.load(sum, 16), sum1), 16);
  v128.store(rescale, scale0); v128.store(rescale, scale1, 16);
  return v128.any_true(v128.or(f32x4.ne(old0, max0), f32x4.ne(old1, max1)));
}
