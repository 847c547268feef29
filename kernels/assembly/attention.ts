import { LANES, LANE_BYTES, NO_MAXIMUM, writeExpTable } from "./simd";
import { scoreStrip } from "./scores";
import { foldStrip } from "./values";
import { maskStrip, softmaxStrip } from "./softmax";
import { gatherStrip, scatterStrip } from "./strips";

// The micro-kernels are exported for two reasons: the bench times them alone, and an exported function is not inlined
// into its one caller, so that the engine replaces each by optimised code in mid-pass, between two calls.
export { scoreStrip, foldStrip, maskStrip, softmaxStrip, gatherStrip, scatterStrip };

// Shape and addresses, set once by configure(). All arrays f32 unless said, row-major.
let batch: i32 = 0;
let heads: i32 = 0;
let kvHeads: i32 = 0;
let headDim: i32 = 0;
let tokens: i32 = 0;
let blockQ: i32 = 0;
let blockK: i32 = 0;
/** [batch, heads, tokens, headDim] */
let queries: usize = 0;
/** Same shape. Holds the unnormalised output U between the blocks of a pass. */
let output: usize = 0;
/** [batch, heads, tokens]: m in powers of two, and l. */
let rowMaximum: usize = 0;
let rowSum: usize = 0;
/** i32[tokens + 8]: the key range of every query row. */
let rangeFrom: usize = 0;
let rangeTo: usize = 0;
/** One query tile in strips of 8: [strips, headDim, 8] twice, [strips, 8] twice. */
let queryStrips: usize = 0;
let outputStrips: usize = 0;
let maximumStrips: usize = 0;
let sumStrips: usize = 0;
/** [8], and the scores of one strip against one key tile [blockK, 8]. */
let rescale: usize = 0;
let scores: usize = 0;
/** Constants of exp2, 9 floats. */
let expTable: usize = 0;
/** log2(e) / sqrt(headDim): scores come out ready for powers of two. */
let queryScale: f32 = 0;

export function configure(
  batch_: i32, heads_: i32, kvHeads_: i32, headDim_: i32, tokens_: i32, blockQ_: i32, blockK_: i32,
  queries_: usize, output_: usize, rowMaximum_: usize, rowSum_: usize, rangeFrom_: usize, rangeTo_: usize,
  queryStrips_: usize, outputStrips_: usize, maximumStrips_: usize, sumStrips_: usize, rescale_: usize, scores_: usize,
  expTable_: usize
): void {
  batch = batch_;
  heads = heads_;
  kvHeads = kvHeads_;
  headDim = headDim_;
  tokens = tokens_;
  blockQ = blockQ_;
  blockK = blockK_;
  queries = queries_;
  output = output_;
  rowMaximum = rowMaximum_;
  rowSum = rowSum_;
  rangeFrom = rangeFrom_;
  rangeTo = rangeTo_;
  queryStrips = queryStrips_;
  outputStrips = outputStrips_;
  maximumStrips = maximumStrips_;
  sumStrips = sumStrips_;
  rescale = rescale_;
  scores = scores_;
  expTable = expTable_;
  writeExpTable(expTable);
  queryScale = <f32>(1.4426950408889634 / sqrt(<f64>headDim_));
}

/** Clears the accumulators: no key seen by any row. */
export function begin(): void {
  const rows = <usize>(batch * heads) * <usize>tokens;
  memory.fill(output, 0, rows * (<usize>headDim << 2));
  memory.fill(rowSum, 0, rows << 2);
  const end = rowMaximum + (rows << 2);
  for (let at = rowMaximum; at < end; at += 4) store<f32>(at, NO_MAXIMUM);
}

/**
 * Folds one K/V block into the accumulators, every query row over the key range that rangeFrom and rangeTo hold.
 * @param keys f32[batch, kvHeads, tokens, headDim]
 * @param values same shape
 */
export function attend(keys: usize, values: usize): void {
  const headBytes = (<usize>headDim << 2) * <usize>tokens;
  const group = heads / kvHeads;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const head = <usize>(b * heads + h);
      const kvHead = <usize>(b * kvHeads + h / group) * headBytes;
      for (let first = 0; first < tokens; first += blockQ) {
        attendQueryTile(head, first, min(blockQ, tokens - first), keys + kvHead, values + kvHead);
      }
    }
  }
}

function attendQueryTile(head: usize, first: i32, rows: i32, keys: usize, values: usize): void {
  let earliest = i32.MAX_VALUE;
  let latest = 0;
  for (let row = first; row < first + rows; row++) {
    const from = load<i32>(rangeFrom + (<usize>row << 2));
    const to = load<i32>(rangeTo + (<usize>row << 2));
    if (from < to) {
      earliest = min(earliest, from);
      latest = max(latest, to);
    }
  }
  if (earliest >= latest) return;
  loadTile(head, first, rows);
  // Tiles lie at multiples of blockK whatever the mask, as the sweep and the plan count them.
  for (let tile = earliest / blockK * blockK; tile < latest; tile += blockK) {
    const tileEnd = min(tile + blockK, tokens);
    for (let strip = 0; strip * LANES < rows; strip++) {
      attendStrip(strip, first + strip * LANES, min(LANES, rows - strip * LANES), tile, tileEnd, keys, values);
    }
  }
  storeTile(head, first, rows);
}

/**
 * One strip against one key tile: keys that no row of the strip sees are not touched, keys that all of them see are
 * not masked, the rest is masked element by element.
 */
function attendStrip(
  strip: i32, row: i32, rows: i32, tile: i32, tileEnd: i32, keys: usize, values: usize
): void {
  let earliest = tileEnd, latestFrom = tile;
  let latest = tile, earliestTo = tileEnd;
  for (let lane = 0; lane < rows; lane++) {
    const from = load<i32>(rangeFrom + (<usize>(row + lane) << 2));
    const to = load<i32>(rangeTo + (<usize>(row + lane) << 2));
    latestFrom = max(latestFrom, from);
    earliestTo = min(earliestTo, to);
    if (from < to) {
      earliest = min(earliest, from);
      latest = max(latest, to);
    }
  }
  earliest = max(earliest, tile);
  latest = min(latest, tileEnd);
  if (earliest >= latest) return;
  const count = latest - earliest;
  const rowBytes = <usize>headDim << 2;
  const skip = <usize>earliest * rowBytes;
  const panelBytes = <usize>strip * (<usize>headDim << 5);
  scoreStrip(queryStrips + panelBytes, keys + skip, count, headDim, scores);
  if (latestFrom > earliest || earliestTo < latest) {
    // [earliest, open) and [close, latest) hold pairs to mask; between them every row sees every key.
    const open = min(latestFrom, latest);
    const close = max(open, min(earliestTo, latest));
    const from = rangeFrom + (<usize>row << 2);
    const to = rangeTo + (<usize>row << 2);
    maskStrip(from, to, earliest, open - earliest, scores);
    maskStrip(from, to, close, latest - close, scores + (<usize>(close - earliest) << 5));
  }
  const lanes = <usize>strip * LANE_BYTES;
  softmaxStrip(scores, count, maximumStrips + lanes, sumStrips + lanes, rescale, expTable);
  foldStrip(rescale, scores, values + skip, count, headDim, outputStrips + panelBytes);
}

function loadTile(head: usize, first: i32, rows: i32): void {
  const rowBytes = <usize>headDim << 2;
  const row = head * <usize>tokens + <usize>first;
  for (let strip = 0; strip * LANES < rows; strip++) {
    const count = min(LANES, rows - strip * LANES);
    const at = row + <usize>(strip * LANES);
    const panelBytes = <usize>strip * (<usize>headDim << 5);
    gatherStrip(queries + at * rowBytes, count, headDim, queryScale, queryStrips + panelBytes);
    gatherStrip(output + at * rowBytes, count, headDim, 1, outputStrips + panelBytes);
  }
  memory.copy(maximumStrips, rowMaximum + (row << 2), <usize>rows << 2);
  memory.copy(sumStrips, rowSum + (row << 2), <usize>rows << 2);
}

function storeTile(head: usize, first: i32, rows: i32): void {
  const rowBytes = <usize>headDim << 2;
  const row = head * <usize>tokens + <usize>first;
  for (let strip = 0; strip * LANES < rows; strip++) {
    const count = min(LANES, rows - strip * LANES);
    const at = row + <usize>(strip * LANES);
    scatterStrip(outputStrips + <usize>strip * (<usize>headDim << 5), count, headDim, output + at * rowBytes);
  }
  memory.copy(rowMaximum + (row << 2), maximumStrips, <usize>rows << 2);
  memory.copy(rowSum + (row << 2), sumStrips, <usize>rows << 2);
}

/** Divides U by l. Rows that saw no key have U = 0 and l = 0 and keep the output 0. */
export function normalize(): void {
  const rows = batch * heads * tokens;
  let at = output;
  for (let row = 0; row < rows; row++) {
    const sum = load<f32>(rowSum + (<usize>row << 2));
    const end = at + (<usize>headDim << 2);
    if (sum == 0) {
      at = end;
      continue;
    }
    const divisor = f32x4.splat(sum);
    for (; at <= end - 16; at += 16) v128.store(at, f32x4.div(v128.load(at), divisor));
    for (; at < end; at += 4) store<f32>(at, load<f32>(at) / sum);
  }
}
