import { LANES, LANE_BYTES, LOG2_E, NO_REFERENCE, exp2 } from "./simd";
import { scoreStrip } from "./scores";
import { foldStrip, scaleStrip } from "./values";
import { LARGEST_BOUND, boundedStrip, fixReferences, maskStrip, softmaxStrip } from "./softmax";
import { gatherStrip, largestNorm, largestRowNorm, scatterStrip } from "./strips";
import { areMasked, earliest, earliestTo, findRanges, setRanges, latest, latestFrom } from "./ranges";
import {
  batch, bias, blockK, blockQ, boundStrips, expTable, headDim, heads, kvHeadOffset, outputStrips, queryStrips, rangeFrom, rangeTo,
  referenceStrips, rescale, rowBytes, scoreScale, scores, stripBytes, sumStrips, tokens,
} from "./shape";

/**
 * Keys of a tile that all strips of a query tile meet before the next ones: at the usual head sizes their K and V stay in the
 * first-level cache meanwhile. A multiple of the 6 keys of a register tile.
 */
const PIECE: i32 = 72;

// A side's accumulators between begin() and normalize(): `output` f32[batch, heads, tokens, headDim] holds the unnormalised U,
// `rowReference` and `rowSum` f32[batch, heads, tokens] hold m in powers of two and l: out = U / l, lse = ln 2 * m + ln l.

/** Clears the accumulators: no key seen by any row. */
export function begin(output: usize, rowReference: usize, rowSum: usize): void {
  const rows = <usize>(batch * heads) * <usize>tokens;
  memory.fill(output, 0, rows * rowBytes);
  memory.fill(rowSum, 0, rows << 2);
  const end = rowReference + (rows << 2);
  for (let at = rowReference; at < end; at += 4) store<f32>(at, NO_REFERENCE);
}

/**
 * Folds one K/V block into the accumulators, every query row over the key range that rangeFrom and rangeTo hold.
 * @param queries f32[batch, heads, tokens, headDim]
 * @param keys f32[batch, kvHeads, tokens, headDim]
 * @param values same shape
 * @param rangeStep index of an item's first range minus that of the item before: 0 where all share theirs
 */
export function attend(
  queries: usize, output: usize, rowReference: usize, rowSum: usize, keys: usize, values: usize, rangeStep: i32
): void {
  for (let b = 0; b < batch; b++) {
    if (!findRanges(b * rangeStep, tokens, 0, tokens)) continue;
    const firstKey = earliest, keyCount = latest - earliest;
    for (let h = 0; h < heads; h++) {
      const kvHead = kvHeadOffset(b, h);
      const keyNorm = largestRowNorm(keys + kvHead + <usize>firstKey * rowBytes, keyCount, headDim);
      for (let first = 0; first < tokens; first += blockQ) {
        const rows = min(blockQ, tokens - first);
        const range = b * rangeStep + first;
        if (!findRanges(range, rows, 0, tokens)) continue;
        const start = earliest, end = latest, open = latestFrom, close = earliestTo;
        const row = <usize>(b * heads + h) * <usize>tokens + <usize>first;
        loadTile(queries + row * rowBytes, output + row * rowBytes, rowReference + (row << 2), rowSum + (row << 2), rows, keyNorm);
        // Tiles lie at multiples of blockK whatever the mask, as the sweep and the plan count them.
        for (let tile = start / blockK * blockK; tile < end; tile += blockK) {
          const tileEnd = min(min(tile + blockK, tokens), end);
          for (let piece = max(tile, start); piece < tileEnd; piece += PIECE) {
            const pieceEnd = min(piece + PIECE, tileEnd);
            const allSee = open <= piece && pieceEnd <= close;
            for (let strip = 0; strip * LANES < rows; strip++) {
              const at = strip * LANES;
              if (allSee) setRanges(piece, pieceEnd);
              else if (!findRanges(range + at, min(LANES, rows - at), piece, pieceEnd)) continue;
              attendStrip(strip, range + at, keys + kvHead, values + kvHead);
            }
          }
        }
        storeTile(output + row * rowBytes, rowReference + (row << 2), rowSum + (row << 2), rows);
      }
    }
  }
}

/**
 * One strip against the keys of one tile that findRanges() found: keys that no row of the strip sees are not touched, keys that
 * all of them see are not masked, the rest is masked element by element.
 */
function attendStrip(strip: i32, range: i32, keys: usize, values: usize): void {
  const count = latest - earliest;
  const skip = <usize>earliest * rowBytes;
  const panel = <usize>strip * stripBytes;
  const reference = referenceStrips + <usize>strip * LANE_BYTES;
  const sum = sumStrips + <usize>strip * LANE_BYTES;
  const masked = areMasked();
  if (!masked && load<f32>(boundStrips + (<usize>strip << 2)) <= LARGEST_BOUND && fixReferences(reference, bias)) {
    scoreStrip(bias, queryStrips + panel, keys + skip, count, headDim, scores);
    boundedStrip(scores, count, sum, expTable);
  } else {
    memory.fill(bias, 0, LANE_BYTES);
    scoreStrip(bias, queryStrips + panel, keys + skip, count, headDim, scores);
    if (masked) maskFound(range, scores);
    if (softmaxStrip(scores, count, reference, sum, rescale, expTable)) scaleStrip(rescale, headDim, outputStrips + panel);
  }
  foldStrip(scores, values + skip, count, headDim, outputStrips + panel);
}

/** Masks the scores of the keys that findRanges() found and that not every row sees. @param range index of the strip's first range */
export function maskFound(range: i32, scores: usize): void {
  // [earliest, open) and [close, latest) hold pairs to mask; between them every row sees every key.
  const open = min(latestFrom, latest);
  const close = max(open, min(earliestTo, latest));
  const from = rangeFrom + (<usize>range << 2);
  const to = rangeTo + (<usize>range << 2);
  maskStrip(from, to, earliest, open - earliest, scores);
  maskStrip(from, to, close, latest - close, scores + (<usize>(close - earliest) << 5));
}

function loadTile(queries: usize, output: usize, rowReference: usize, rowSum: usize, rows: i32, keyNorm: f32): void {
  for (let strip = 0; strip * LANES < rows; strip++) {
    const count = min(LANES, rows - strip * LANES);
    const at = <usize>(strip * LANES) * rowBytes;
    const panel = <usize>strip * stripBytes;
    gatherStrip(queries + at, count, headDim, scoreScale, queryStrips + panel);
    // |q k| <= |q| |k| (Cauchy and Schwarz). NaN, which memory past the real rows may hold, is above every bound.
    store<f32>(boundStrips + (<usize>strip << 2), sqrt<f32>(keyNorm * largestNorm(queryStrips + panel, headDim)));
    gatherStrip(output + at, count, headDim, 1, outputStrips + panel);
  }
  memory.copy(referenceStrips, rowReference, <usize>rows << 2);
  memory.copy(sumStrips, rowSum, <usize>rows << 2);
  // Lanes past the last row repeat it, as gatherStrip has it: what lay there might look like a reference too large to be fixed.
  for (let row = rows; row % LANES != 0; row++) {
    store<f32>(referenceStrips + (<usize>row << 2), load<f32>(referenceStrips + (<usize>(rows - 1) << 2)));
    store<f32>(sumStrips + (<usize>row << 2), load<f32>(sumStrips + (<usize>(rows - 1) << 2)));
  }
}

function storeTile(output: usize, rowReference: usize, rowSum: usize, rows: i32): void {
  for (let strip = 0; strip * LANES < rows; strip++) {
    const at = <usize>(strip * LANES) * rowBytes;
    scatterStrip(outputStrips + <usize>strip * stripBytes, min(LANES, rows - strip * LANES), headDim, output + at);
  }
  memory.copy(rowReference, referenceStrips, <usize>rows << 2);
  memory.copy(rowSum, sumStrips, <usize>rows << 2);
}

/**
 * Joins a finished result over other keys: U' = a U + b out', l' = a l + b with a = 2^(m - M), b = 2^(m' - M),
 * M = max(m, m') and m' = log2(e) * lse'. Rows whose lse' is -Infinity bring nothing.
 * @param partialOut f32[batch, heads, tokens, headDim], normalised
 * @param partialLse f32[batch, heads, tokens], natural logarithm
 */
export function merge(output: usize, rowReference: usize, rowSum: usize, partialOut: usize, partialLse: usize): void {
  const rows = <usize>(batch * heads) * <usize>tokens;
  for (let row: usize = 0; row < rows; row++) {
    const lse = load<f32>(partialLse + (row << 2));
    if (lse == -Infinity) continue;
    const own = load<f32>(rowReference + (row << 2));
    const other = <f32>(LOG2_E * <f64>lse);
    const most = max(own, other);
    const weights = exp2(f32x4.replace_lane(f32x4.splat(own - most), 1, other - most), expTable);
    const a = f32x4.extract_lane(weights, 0), b = f32x4.extract_lane(weights, 1);
    store<f32>(rowReference + (row << 2), most);
    store<f32>(rowSum + (row << 2), a * load<f32>(rowSum + (row << 2)) + b);
    let to = output + row * rowBytes, from = partialOut + row * rowBytes;
    const end = to + rowBytes;
    for (; to + 16 <= end; to += 16, from += 16) {
      v128.store(to, f32x4.add(f32x4.mul(f32x4.splat(a), v128.load(to)), f32x4.mul(f32x4.splat(b), v128.load(from))));
    }
    for (; to < end; to += 4, from += 4) store<f32>(to, a * load<f32>(to) + b * load<f32>(from));
  }
}

/** Divides U by l. Rows that saw no key have U = 0 and l = 0 and keep the output 0. */
export function normalize(output: usize, rowSum: usize): void {
  const rows = <usize>(batch * heads) * <usize>tokens;
  let at = output;
  for (let row: usize = 0; row < rows; row++) {
    const sum = load<f32>(rowSum + (row << 2));
    const end = at + rowBytes;
    if (sum == 0) {
      at = end;
      continue;
    }
    const divisor = f32x4.splat(sum);
    for (; at + 16 <= end; at += 16) v128.store(at, f32x4.div(v128.load(at), divisor));
    for (; at < end; at += 4) store<f32>(at, load<f32>(at) / sum);
  }
}
