import { LANE_BYTES, madd } from "./simd";
import { foursIn, sixesIn } from "./split";

/**
 * S = bias + K Q^T for one strip of 8 queries: scores[key][lane] = bias[lane] + sum over d of keys[key][d] * queries[d][lane].
 *
 * Queries lie in the lanes, so that a row's running maximum, sum and rescaling never cross lanes, K is read as it came
 * over the ring (no packing) and the output of this product is laid out as the next one wants it. A register tile is 6
 * keys x 8 queries: 12 accumulators, 2 query registers and 1 broadcast, the 15 that V8 leaves free on x64.
 *
 * @param bias f32[8]: what a score is taken relative to, negated
 * @param queries f32[headDim][8]
 * @param keys f32[count][headDim]
 * @param scores f32[count][8], overwritten
 */
export function scoreStrip(bias: usize, queries: usize, keys: usize, count: i32, headDim: i32, scores: usize): void {
  const rowBytes = <usize>headDim << 2;
  let sixes = sixesIn(count);
  let fours = foursIn(count);
  let ones = count - 6 * sixes - 4 * fours;
  // The addresses live on from one register tile to the next: computed anew, they would keep the multiply-adds waiting.
  let k0 = keys, k1 = k0 + rowBytes, k2 = k1 + rowBytes;
  let k3 = k2 + rowBytes, k4 = k3 + rowBytes, k5 = k4 + rowBytes;
  const onward = rowBytes + (rowBytes << 2), back = rowBytes << 3;
  for (; sixes > 0; sixes--) {
    let a0 = v128.load(bias), b0 = v128.load(bias, 16);
    let a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0;
    let b1 = b0, b2 = b0, b3 = b0, b4 = b0, b5 = b0;
    const end = k1;
    while (k0 < end) {
      const x = v128.load(queries), y = v128.load(queries, 16);
      let k = v128.load_splat<f32>(k0);
      a0 = madd(k, x, a0); b0 = madd(k, y, b0);
      k = v128.load_splat<f32>(k1);
      a1 = madd(k, x, a1); b1 = madd(k, y, b1);
      k = v128.load_splat<f32>(k2);
      a2 = madd(k, x, a2); b2 = madd(k, y, b2);
      k = v128.load_splat<f32>(k3);
      a3 = madd(k, x, a3); b3 = madd(k, y, b3);
      k = v128.load_splat<f32>(k4);
      a4 = madd(k, x, a4); b4 = madd(k, y, b4);
      k = v128.load_splat<f32>(k5);
      a5 = madd(k, x, a5); b5 = madd(k, y, b5);
      k0 += 4; k1 += 4; k2 += 4; k3 += 4; k4 += 4; k5 += 4;
      queries += LANE_BYTES;
    }
    v128.store(scores, a0); v128.store(scores, b0, 16);
    v128.store(scores, a1, 32); v128.store(scores, b1, 48);
    v128.store(scores, a2, 64); v128.store(scores, b2, 80);
    v128.store(scores, a3, 96); v128.store(scores, b3, 112);
    v128.store(scores, a4, 128); v128.store(scores, b4, 144);
    v128.store(scores, a5, 160); v128.store(scores, b5, 176);
    k0 += onward; k1 += onward; k2 += onward; k3 += onward; k4 += onward; k5 += onward;
    queries -= back;
    scores += 6 * LANE_BYTES;
  }
  keys = k0;
  for (; fours > 0; fours--) {
    scoreFour(bias, queries, keys, rowBytes, scores);
    keys += 4 * rowBytes;
    scores += 4 * LANE_BYTES;
  }
  for (; ones > 0; ones--) {
    scoreOne(bias, queries, keys, rowBytes, scores);
    keys += rowBytes;
    scores += LANE_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function scoreFour(bias: usize, queries: usize, keys: usize, rowBytes: usize, scores: usize): void {
  let a0 = v128.load(bias), a1 = v128.load(bias), a2 = v128.load(bias), a3 = v128.load(bias);
  let b0 = v128.load(bias, 16), b1 = v128.load(bias, 16), b2 = v128.load(bias, 16), b3 = v128.load(bias, 16);
  let k0 = keys, k1 = k0 + rowBytes, k2 = k1 + rowBytes, k3 = k2 + rowBytes;
  const end = k1;
  while (k0 < end) {
    const x = v128.load(queries), y = v128.load(queries, 16);
    let k = v128.load_splat<f32>(k0);
    a0 = madd(k, x, a0); b0 = madd(k, y, b0);
    k = v128.load_splat<f32>(k1);
    a1 = madd(k, x, a1); b1 = madd(k, y, b1);
    k = v128.load_splat<f32>(k2);
    a2 = madd(k, x, a2); b2 = madd(k, y, b2);
    k = v128.load_splat<f32>(k3);
    a3 = madd(k, x, a3); b3 = madd(k, y, b3);
    k0 += 4; k1 += 4; k2 += 4; k3 += 4;
    queries += LANE_BYTES;
  }
  v128.store(scores, a0); v128.store(scores, b0, 16);
  v128.store(scores, a1, 32); v128.store(scores, b1, 48);
  v128.store(scores, a2, 64); v128.store(scores, b2, 80);
  v128.store(scores, a3, 96); v128.store(scores, b3, 112);
}

// @ts-ignore: decorator
@inline
function scoreOne(bias: usize, queries: usize, key: usize, rowBytes: usize, scores: usize): void {
  let a = v128.load(bias), b = v128.load(bias, 16);
  const end = key + rowBytes;
  while (key < end) {
    const k = v128.load_splat<f32>(key);
    a = madd(k, v128.load(queries), a);
    b = madd(k, v128.load(queries, 16), b);
    key += 4;
    queries += LANE_BYTES;
  }
  v128.store(scores, a); v128.store(scores, b, 16);
}
