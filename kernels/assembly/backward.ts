import { LANES, LANE_BYTES, LOG2_E, MASKED, exp2, exp2AtLeast } from "./simd";
import { scoreStrip } from "./scores";
import { foldStrip } from "./values";
import { PANEL_STRIP_BYTES, gradientTile } from "./gradients";
import { maskFound } from "./forward";
import { addStrip, clearLane, gatherStrip, packRow } from "./strips";
import { areMasked, earliest, findRanges, latest } from "./ranges";
import {
  batch, blockK, blockQ, expTable, headDim, heads, kvHeadOffset, outputStrips, queryStrips, rangeFrom, rangeTo,
  referenceStrips, rowBytes, scale, scoreScale, stripBytes, sumStrips, tokens,
} from "./shape";

// A query tile in strips, beside those of shape.ts: dO like the queries, dQ in outputStrips, and what the two score products start
// from: -log2(e) lse in referenceStrips, -delta in sumStrips. f32[strips, headDim, 8] and [strips, 8].
let gradStrips: usize = 0;
/** The tile's q / sqrt(headDim) and dO in panels of 8 dimensions, f32[ceil(headDim / 8), 8 * strips, 8]. */
let queryPanels: usize = 0;
let gradPanels: usize = 0;
/** P and dS of one query tile against one key tile, f32[strips][blockK][8], `pairBytes` from one strip to the next. */
let weights: usize = 0;
let weightGrads: usize = 0;
let pairBytes: usize = 0;
/** i32[strips][2]: the keys of the tile that each strip touches. */
let spans: usize = 0;
/** f32[6][8] */
let edge: usize = 0;

export function configureBackward(
  gradStrips_: usize, queryPanels_: usize, gradPanels_: usize, weights_: usize, weightGrads_: usize, pairBytes_: usize,
  spans_: usize, edge_: usize
): void {
  gradStrips = gradStrips_;
  queryPanels = queryPanels_;
  gradPanels = gradPanels_;
  weights = weights_;
  weightGrads = weightGrads_;
  pairBytes = pairBytes_;
  spans = spans_;
  edge = edge_;
}

/** delta = rowsum(dO o O), 0 for rows that attend to nothing. */
export function rowDots(output: usize, outputGrads: usize, lse: usize, delta: usize): void {
  const rows = <usize>(batch * heads) * <usize>tokens;
  for (let row: usize = 0; row < rows; row++) {
    let at = output + row * rowBytes, from = outputGrads + row * rowBytes;
    const end = at + rowBytes;
    let sums = f32x4.splat(0);
    let sum: f32 = 0;
    if (load<f32>(lse + (row << 2)) != -Infinity) {
      for (; at + 16 <= end; at += 16, from += 16) sums = f32x4.add(sums, f32x4.mul(v128.load(at), v128.load(from)));
      for (; at < end; at += 4, from += 4) sum += load<f32>(at) * load<f32>(from);
    }
    sum += (f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1)) + (f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3));
    store<f32>(delta + (row << 2), sum);
  }
}

/**
 * Adds what one K/V block contributes to dQ, dK and dV, every query row over the key range that rangeFrom and rangeTo hold:
 * P = 2^(log2(e) (S - lse)); dP = dO V^T; dS = P o (dP - delta); dV += P^T dO; dK += dS^T Q / sqrt(d); dQ += dS K / sqrt(d).
 *
 * @param queries f32[batch, heads, tokens, headDim], as outputGrads (dO) and queryGrads (dQ)
 * @param lse f32[batch, heads, tokens], natural logarithm over all keys, as delta
 * @param keys f32[batch, kvHeads, tokens, headDim], as values, keyGrads and valueGrads
 * @param rangeStep as in attend()
 */
export function attendBackward(
  queries: usize, outputGrads: usize, lse: usize, delta: usize, queryGrads: usize, keys: usize, values: usize,
  keyGrads: usize, valueGrads: usize, rangeStep: i32
): void {
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = kvHeadOffset(b, h);
      for (let first = 0; first < tokens; first += blockQ) {
        const rows = min(blockQ, tokens - first);
        const range = b * rangeStep + first;
        if (!findRanges(range, rows, 0, tokens)) continue;
        const start = earliest, end = latest;
        const row = <usize>(b * heads + h) * <usize>tokens + <usize>first;
        loadTile(queries + row * rowBytes, outputGrads + row * rowBytes, lse + (row << 2), delta + (row << 2), range, rows);
        for (let tile = start / blockK * blockK; tile < end; tile += blockK) {
          const from = max(tile, start), to = min(min(tile + blockK, tokens), end);
          const block = kvHead + <usize>from * rowBytes;
          attendTile(range, rows, from, to, keys + block, values + block, keyGrads + block, valueGrads + block);
        }
        for (let strip = 0; strip * LANES < rows; strip++) {
          const at = row + <usize>(strip * LANES);
          addStrip(outputStrips + <usize>strip * stripBytes, min(LANES, rows - strip * LANES), headDim, scale, queryGrads + at * rowBytes);
        }
      }
    }
  }
}

/** The query tile against the keys [from, to); the addresses are those of key `from`. */
function attendTile(
  range: i32, rows: i32, from: i32, to: i32, keys: usize, values: usize, keyGrads: usize, valueGrads: usize
): void {
  let strips = 0;
  for (; strips * LANES < rows; strips++) {
    const at = strips * LANES;
    const p = weights + <usize>strips * pairBytes, ds = weightGrads + <usize>strips * pairBytes;
    const span = spans + (<usize>strips << 3);
    if (!findRanges(range + at, min(LANES, rows - at), from, to)) {
      clearPairs(p, ds, 0, to - from);
      store<i32>(span, 0);
      store<i32>(span, 0, 4);
      continue;
    }
    const first = earliest - from, last = latest - from;
    store<i32>(span, first);
    store<i32>(span, last, 4);
    clearPairs(p, ds, 0, first);
    clearPairs(p, ds, last, to - from);
    attendStrip(strips, range + at, keys + <usize>first * rowBytes, values + <usize>first * rowBytes, last - first,
      p + (<usize>first << 5), ds + (<usize>first << 5));
  }
  const panelBytes = <usize>strips * PANEL_STRIP_BYTES;
  gradientTile(weights, pairBytes, strips, spans, gradPanels, panelBytes, to - from, headDim, valueGrads, edge);
  gradientTile(weightGrads, pairBytes, strips, spans, queryPanels, panelBytes, to - from, headDim, keyGrads, edge);
}

/** P, dS and dQ of one strip against the `count` keys that findRanges() found. */
function attendStrip(strip: i32, range: i32, keys: usize, values: usize, count: i32, p: usize, ds: usize): void {
  const panel = <usize>strip * stripBytes;
  const lanes = <usize>strip * LANE_BYTES;
  scoreStrip(referenceStrips + lanes, queryStrips + panel, keys, count, headDim, p);
  scoreStrip(sumStrips + lanes, gradStrips + panel, values, count, headDim, ds);
  if (areMasked()) {
    maskFound(range, p);
    maskedWeightStrip(p, ds, count, expTable);
  } else {
    weightStrip(p, ds, count, expTable);
  }
  foldStrip(ds, keys, count, headDim, outputStrips + panel);
}

/**
 * P = 2^scores, dS = P o (dP - delta).
 * @param scores f32[count][8], relative to the log-sum-exp, become P
 * @param grads f32[count][8], dP - delta, become dS
 * @param table constants of the exponentials
 */
export function weightStrip(scores: usize, grads: usize, count: i32, table: usize): void {
  for (const end = scores + (<usize>count << 5); scores < end; scores += LANE_BYTES, grads += LANE_BYTES) {
    const p0 = exp2AtLeast(v128.load(scores), table);
    const p1 = exp2AtLeast(v128.load(scores, 16), table);
    v128.store(scores, p0);
    v128.store(scores, p1, 16);
    v128.store(grads, f32x4.mul(p0, v128.load(grads)));
    v128.store(grads, f32x4.mul(p1, v128.load(grads, 16)), 16);
  }
}

/** The same where scores may be MASKED: P and dS are exactly 0 there, whatever dP is. */
export function maskedWeightStrip(scores: usize, grads: usize, count: i32, table: usize): void {
  const zero = f32x4.splat(0);
  for (const end = scores + (<usize>count << 5); scores < end; scores += LANE_BYTES, grads += LANE_BYTES) {
    const p0 = exp2(v128.load(scores), table);
    const p1 = exp2(v128.load(scores, 16), table);
    v128.store(scores, p0);
    v128.store(scores, p1, 16);
    v128.store(grads, v128.and(f32x4.gt(p0, zero), f32x4.mul(p0, v128.load(grads))));
    v128.store(grads, v128.and(f32x4.gt(p1, zero), f32x4.mul(p1, v128.load(grads, 16))), 16);
  }
}

/** Makes P and dS of the keys [from, to) of a strip 0. */
function clearPairs(p: usize, ds: usize, from: i32, to: i32): void {
  if (from >= to) return;
  memory.fill(p + (<usize>from << 5), 0, <usize>(to - from) << 5);
  memory.fill(ds + (<usize>from << 5), 0, <usize>(to - from) << 5);
}

/**
 * Brings a query tile into strips and panels. Rows that attend to nothing, or to nothing in this block, and lanes past the last
 * row enter as zeros with P = 0, whatever their memory holds.
 */
function loadTile(queries: usize, outputGrads: usize, lse: usize, delta: usize, range: i32, rows: i32): void {
  const strips = (rows + LANES - 1) / LANES;
  const panelBytes = <usize>strips * PANEL_STRIP_BYTES;
  memory.fill(outputStrips, 0, <usize>strips * stripBytes);
  for (let strip = 0; strip < strips; strip++) {
    const count = min(LANES, rows - strip * LANES);
    const at = <usize>(strip * LANES) * rowBytes;
    const panel = <usize>strip * stripBytes;
    gatherStrip(queries + at, count, headDim, scoreScale, queryStrips + panel);
    gatherStrip(outputGrads + at, count, headDim, 1, gradStrips + panel);
  }
  for (let row = 0; row < strips * LANES; row++) {
    const index = <usize>row << 2;
    const panelRow = <usize>row * LANE_BYTES;
    if (row < rows && isLive(range + row, lse + index)) {
      store<f32>(referenceStrips + index, <f32>(-LOG2_E * <f64>load<f32>(lse + index)));
      store<f32>(sumStrips + index, -load<f32>(delta + index));
      packRow(queries + <usize>row * rowBytes, headDim, scale, panelBytes, queryPanels + panelRow);
      packRow(outputGrads + <usize>row * rowBytes, headDim, 1, panelBytes, gradPanels + panelRow);
      continue;
    }
    store<f32>(referenceStrips + index, MASKED);
    store<f32>(sumStrips + index, 0);
    const panel = <usize>(row / LANES) * stripBytes;
    clearLane(queryStrips + panel, row % LANES, headDim);
    clearLane(gradStrips + panel, row % LANES, headDim);
    packRow(0, headDim, 0, panelBytes, queryPanels + panelRow);
    packRow(0, headDim, 0, panelBytes, gradPanels + panelRow);
  }
}

function isLive(range: i32, lse: usize): bool {
  const from = load<i32>(rangeFrom + (<usize>range << 2));
  const to = load<i32>(rangeTo + (<usize>range << 2));
  return from < to && load<f32>(lse) != -Infinity;
}
