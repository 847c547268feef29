import { LANE_BYTES, madd } from "./simd";
import { foursIn, sixesIn } from "./split";

/** Bytes of 8 dimensions of a row. */
const PANEL_ROW_BYTES: usize = 32;
/** Bytes of 8 rows of a panel: what one strip of 8 queries meets. */
export const PANEL_STRIP_BYTES: usize = 256;

/**
 * dK += dS^T Q, or dV += P^T dO, for one key tile against the queries of a tile:
 * target[key][d] gains the sum over strips and lanes of weights[strip][key][lane] * panels[d / 8][8 * strip + lane][d % 8].
 *
 * A register tile is 6 keys x 8 dimensions, as in the other products, and runs over all queries of the tile before it is stored.
 * A strip that touches none of the 6 keys is passed over at either end, so that a causal tile costs its triangle.
 *
 * @param weights f32[strips][..][8], 0 where a strip does not touch a key
 * @param weightBytes from one strip of weights to the next
 * @param strips how many
 * @param spans i32[strips][2]: the keys that each strip touches, [from, to) counted as `count` is
 * @param panels f32[ceil(headDim / 8)][..][8]
 * @param panelBytes from one panel to the next
 * @param count keys
 * @param target f32[count][headDim]
 * @param edge f32[6][8], scratch
 */
export function gradientTile(
  weights: usize, weightBytes: usize, strips: i32, spans: usize, panels: usize, panelBytes: usize,
  count: i32, headDim: i32, target: usize, edge: usize
): void {
  const rowBytes = <usize>headDim << 2;
  const sixes = sixesIn(count);
  const fours = foursIn(count);
  let key = 0;
  while (key < count) {
    const height = key < 6 * sixes ? 6 : key < 6 * sixes + 4 * fours ? 4 : 1;
    let first = 0, last = strips;
    while (first < last && !touches(spans, first, key, height)) first++;
    while (first < last && !touches(spans, last - 1, key, height)) last--;
    if (first < last) {
      const from = weights + <usize>first * weightBytes + (<usize>key << 5);
      const end = weights + <usize>last * weightBytes + (<usize>key << 5);
      let panel = panels + <usize>first * PANEL_STRIP_BYTES;
      let to = target;
      let left = headDim;
      for (; left >= 8; left -= 8, to += PANEL_ROW_BYTES, panel += panelBytes) {
        gradientBlock(height, from, end, weightBytes, panel, to, rowBytes);
      }
      if (left > 0) {
        copyEdge(to, rowBytes, edge, PANEL_ROW_BYTES, height, left);
        gradientBlock(height, from, end, weightBytes, panel, edge, PANEL_ROW_BYTES);
        copyEdge(edge, PANEL_ROW_BYTES, to, rowBytes, height, left);
      }
    }
    key += height;
    target += <usize>height * rowBytes;
  }
}

/** Whether a strip touches any of the keys [key, key + height). */
// @ts-ignore: decorator
@inline
function touches(spans: usize, strip: i32, key: i32, height: i32): bool {
  const span = spans + (<usize>strip << 3);
  return load<i32>(span) < key + height && load<i32>(span, 4) > key;
}

/** Copies `height` rows of `width` floats. */
function copyEdge(from: usize, fromBytes: usize, to: usize, toBytes: usize, height: i32, width: i32): void {
  for (; height > 0; height--, from += fromBytes, to += toBytes) {
    for (let i: usize = 0; i < <usize>width << 2; i += 4) store<f32>(to + i, load<f32>(from + i));
  }
}

// @ts-ignore: decorator
@inline
function gradientBlock(
  height: i32, weights: usize, end: usize, weightBytes: usize, panel: usize, target: usize, targetBytes: usize
): void {
  if (height == 6) gradientSix(weights, end, weightBytes, panel, target, targetBytes);
  else if (height == 4) gradientFour(weights, end, weightBytes, panel, target, targetBytes);
  else gradientOne(weights, end, weightBytes, panel, target);
}

function gradientSix(weights: usize, end: usize, weightBytes: usize, panel: usize, target: usize, targetBytes: usize): void {
  const t1 = target + targetBytes, t2 = t1 + targetBytes, t3 = t2 + targetBytes, t4 = t3 + targetBytes, t5 = t4 + targetBytes;
  let a0 = v128.load(target), b0 = v128.load(target, 16);
  let a1 = v128.load(t1), b1 = v128.load(t1, 16);
  let a2 = v128.load(t2), b2 = v128.load(t2, 16);
  let a3 = v128.load(t3), b3 = v128.load(t3, 16);
  let a4 = v128.load(t4), b4 = v128.load(t4, 16);
  let a5 = v128.load(t5), b5 = v128.load(t5, 16);
  for (; weights < end; weights += weightBytes) {
    let lane = weights;
    const lanesEnd = lane + LANE_BYTES;
    while (lane < lanesEnd) {
      const x = v128.load(panel), y = v128.load(panel, 16);
      let w = v128.load_splat<f32>(lane);
      a0 = madd(w, x, a0); b0 = madd(w, y, b0);
      w = v128.load_splat<f32>(lane, 32);
      a1 = madd(w, x, a1); b1 = madd(w, y, b1);
      w = v128.load_splat<f32>(lane, 64);
      a2 = madd(w, x, a2); b2 = madd(w, y, b2);
      w = v128.load_splat<f32>(lane, 96);
      a3 = madd(w, x, a3); b3 = madd(w, y, b3);
      w = v128.load_splat<f32>(lane, 128);
      a4 = madd(w, x, a4); b4 = madd(w, y, b4);
      w = v128.load_splat<f32>(lane, 160);
      a5 = madd(w, x, a5); b5 = madd(w, y, b5);
      lane += 4;
      panel += PANEL_ROW_BYTES;
    }
  }
  v128.store(target, a0); v128.store(target, b0, 16);
  v128.store(t1, a1); v128.store(t1, b1, 16);
  v128.store(t2, a2); v128.store(t2, b2, 16);
  v128.store(t3, a3); v128.store(t3, b3, 16);
  v128.store(t4, a4); v128.store(t4, b4, 16);
  v128.store(t5, a5); v128.store(t5, b5, 16);
}

function gradientFour(weights: usize, end: usize, weightBytes: usize, panel: usize, target: usize, targetBytes: usize): void {
  const t1 = target + targetBytes, t2 = t1 + targetBytes, t3 = t2 + targetBytes;
  let a0 = v128.load(target), b0 = v128.load(target, 16);
  let a1 = v128.load(t1), b1 = v128.load(t1, 16);
  let a2 = v128.load(t2), b2 = v128.load(t2, 16);
  let a3 = v128.load(t3), b3 = v128.load(t3, 16);
  for (; weights < end; weights += weightBytes) {
    let lane = weights;
    const lanesEnd = lane + LANE_BYTES;
    while (lane < lanesEnd) {
      const x = v128.load(panel), y = v128.load(panel, 16);
      let w = v128.load_splat<f32>(lane);
      a0 = madd(w, x, a0); b0 = madd(w, y, b0);
      w = v128.load_splat<f32>(lane, 32);
      a1 = madd(w, x, a1); b1 = madd(w, y, b1);
      w = v128.load_splat<f32>(lane, 64);
      a2 = madd(w, x, a2); b2 = madd(w, y, b2);
      w = v128.load_splat<f32>(lane, 96);
      a3 = madd(w, x, a3); b3 = madd(w, y, b3);
      lane += 4;
      panel += PANEL_ROW_BYTES;
    }
  }
  v128.store(target, a0); v128.store(target, b0, 16);
  v128.store(t1, a1); v128.store(t1, b1, 16);
  v128.store(t2, a2); v128.store(t2, b2, 16);
  v128.store(t3, a3); v128.store(t3, b3, 16);
}

function gradientOne(weights: usize, end: usize, weightBytes: usize, panel: usize, target: usize): void {
  let a = v128.load(target), b = v128.load(target, 16);
  for (; weights < end; weights += weightBytes) {
    let lane = weights;
    const lanesEnd = lane + LANE_BYTES;
    while (lane < lanesEnd) {
      const w = v128.load_splat<f32>(lane);
      a = madd(w, v128.load(panel), a);
      b = madd(w, v128.load(panel, 16), b);
      lane += 4;
      panel += PANEL_ROW_BYTES;
    }
  }
  v128.store(target, a); v128.store(target, b, 16);
}
