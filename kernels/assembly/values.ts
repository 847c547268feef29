import { LANE_BYTES, madd } from "./simd";
import { foursIn, sixesIn } from "./split";

/** Keys folded in at a time: 72 rows of V at the usual head sizes stay in the first-level cache over all dimensions. */
const CHUNK: i32 = 72;

/**
 * U^T += V^T P for one strip of 8 queries: output[d][lane] gains the sum over keys of values[key][d] * weights[key][lane].
 *
 * @param weights f32[count][8]
 * @param values f32[count][headDim]
 * @param output f32[headDim][8]
 */
export function foldStrip(weights: usize, values: usize, count: i32, headDim: i32, output: usize): void {
  const rowBytes = <usize>headDim << 2;
  const sixes = sixesIn(headDim);
  const fours = foursIn(headDim);
  const ones = headDim - 6 * sixes - 4 * fours;
  for (let done = 0; done < count; done += CHUNK) {
    const end = weights + (<usize>min(CHUNK, count - done) << 5);
    let column = values;
    let sum = output;
    for (let i = 0; i < sixes; i++) {
      foldSix(weights, end, column, rowBytes, sum);
      column += 24;
      sum += 6 * LANE_BYTES;
    }
    for (let i = 0; i < fours; i++) {
      foldFour(weights, end, column, rowBytes, sum);
      column += 16;
      sum += 4 * LANE_BYTES;
    }
    for (let i = 0; i < ones; i++) {
      foldOne(weights, end, column, rowBytes, sum);
      column += 4;
      sum += LANE_BYTES;
    }
    weights = end;
    values += <usize>CHUNK * rowBytes;
  }
}

// @ts-ignore: decorator
@inline
function foldSix(weights: usize, end: usize, column: usize, rowBytes: usize, sum: usize): void {
  let a0 = v128.load(sum), b0 = v128.load(sum, 16);
  let a1 = v128.load(sum, 32), b1 = v128.load(sum, 48);
  let a2 = v128.load(sum, 64), b2 = v128.load(sum, 80);
  let a3 = v128.load(sum, 96), b3 = v128.load(sum, 112);
  let a4 = v128.load(sum, 128), b4 = v128.load(sum, 144);
  let a5 = v128.load(sum, 160), b5 = v128.load(sum, 176);
  while (weights < end) {
    const x = v128.load(weights), y = v128.load(weights, 16);
    let v = v128.load_splat<f32>(column);
    a0 = madd(v, x, a0); b0 = madd(v, y, b0);
    v = v128.load_splat<f32>(column, 4);
    a1 = madd(v, x, a1); b1 = madd(v, y, b1);
    v = v128.load_splat<f32>(column, 8);
    a2 = madd(v, x, a2); b2 = madd(v, y, b2);
    v = v128.load_splat<f32>(column, 12);
    a3 = madd(v, x, a3); b3 = madd(v, y, b3);
    v = v128.load_splat<f32>(column, 16);
    a4 = madd(v, x, a4); b4 = madd(v, y, b4);
    v = v128.load_splat<f32>(column, 20);
    a5 = madd(v, x, a5); b5 = madd(v, y, b5);
    column += rowBytes;
    weights += LANE_BYTES;
  }
  v128.store(sum, a0); v128.store(sum, b0, 16);
  v128.store(sum, a1, 32); v128.store(sum, b1, 48);
  v128.store(sum, a2, 64); v128.store(sum, b2, 80);
  v128.store(sum, a3, 96); v128.store(sum, b3, 112);
  v128.store(sum, a4, 128); v128.store(sum, b4, 144);
  v128.store(sum, a5, 160); v128.store(sum, b5, 176);
}

// @ts-ignore: decorator
@inline
function foldFour(weights: usize, end: usize, column: usize, rowBytes: usize, sum: usize): void {
  let a0 = v128.load(sum), b0 = v128.load(sum, 16);
  let a1 = v128.load(sum, 32), b1 = v128.load(sum, 48);
  let a2 = v128.load(sum, 64), b2 = v128.load(sum, 80);
  let a3 = v128.load(sum, 96), b3 = v128.load(sum, 112);
  while (weights < end) {
    const x = v128.load(weights), y = v128.load(weights, 16);
    let v = v128.load_splat<f32>(column);
    a0 = madd(v, x, a0); b0 = madd(v, y, b0);
    v = v128.load_splat<f32>(column, 4);
    a1 = madd(v, x, a1); b1 = madd(v, y, b1);
    v = v128.load_splat<f32>(column, 8);
    a2 = madd(v, x, a2); b2 = madd(v, y, b2);
    v = v128.load_splat<f32>(column, 12);
    a3 = madd(v, x, a3); b3 = madd(v, y, b3);
    column += rowBytes;
    weights += LANE_BYTES;
  }
  v128.store(sum, a0); v128.store(sum, b0, 16);
  v128.store(sum, a1, 32); v128.store(sum, b1, 48);
  v128.store(sum, a2, 64); v128.store(sum, b2, 80);
  v128.store(sum, a3, 96); v128.store(sum, b3, 112);
}

// @ts-ignore: decorator
@inline
function foldOne(weights: usize, end: usize, column: usize, rowBytes: usize, sum: usize): void {
  let a = v128.load(sum), b = v128.load(sum, 16);
  while (weights < end) {
    const v = v128.load_splat<f32>(column);
    a = madd(v, v128.load(weights), a);
    b = madd(v, v128.load(weights, 16), b);
    column += rowBytes;
    weights += LANE_BYTES;
  }
  v128.store(sum, a); v128.store(sum, b, 16);
}

/**
 * The rescaling of the online softmax: output[d][lane] *= rescale[lane].
 * @param rescale f32[8], 2^(old reference - new reference) of every query
 * @param output f32[headDim][8]
 */
export function scaleStrip(rescale: usize, headDim: i32, output: usize): void {
  const r0 = v128.load(rescale), r1 = v128.load(rescale, 16);
  const end = output + (<usize>headDim << 5);
  for (; output < end; output += LANE_BYTES) {
    v128.store(output, f32x4.mul(r0, v128.load(output)));
    v128.store(output, f32x4.mul(r1, v128.load(output, 16)), 16);
  }
}
