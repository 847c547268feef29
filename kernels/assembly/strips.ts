import { LANE_BYTES, madd } from "./simd";

/** Address of row `lane`, or of the last row there is: lanes past it repeat that row and are never written back. */
// @ts-ignore: decorator
@inline
function rowAt(rows: usize, lane: i32, count: i32, rowBytes: usize): usize {
  return rows + <usize>min(lane, count - 1) * rowBytes;
}

/** Transposes four floats of four rows into four lanes of four dimensions; `scale` multiplies on the way. */
// @ts-ignore: decorator
@inline
function gatherFour(r0: usize, r1: usize, r2: usize, r3: usize, scale: v128, strip: usize): void {
  const a = v128.load(r0), b = v128.load(r1), c = v128.load(r2), d = v128.load(r3);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(strip, f32x4.mul(scale, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5)));
  v128.store(strip, f32x4.mul(scale, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7)), 32);
  v128.store(strip, f32x4.mul(scale, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5)), 64);
  v128.store(strip, f32x4.mul(scale, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7)), 96);
}

/**
 * Lays rows side by side: strip[d][lane] = scale * rows[lane][d].
 * @param rows f32[count][headDim], 1 <= count; lanes from `count` on repeat the last row
 * @param strip f32[headDim][8], overwritten
 */
export function gatherStrip(rows: usize, count: i32, headDim: i32, scale: f32, strip: usize): void {
  const rowBytes = <usize>headDim << 2;
  const factor = f32x4.splat(scale);
  for (let half = 0; half < 2; half++) {
    const lane = half << 2;
    let r0 = rowAt(rows, lane, count, rowBytes), r1 = rowAt(rows, lane + 1, count, rowBytes);
    let r2 = rowAt(rows, lane + 2, count, rowBytes), r3 = rowAt(rows, lane + 3, count, rowBytes);
    let at = strip + (<usize>half << 4);
    let d = 0;
    for (; d <= headDim - 4; d += 4) {
      gatherFour(r0, r1, r2, r3, factor, at);
      r0 += 16; r1 += 16; r2 += 16; r3 += 16;
      at += 4 * LANE_BYTES;
    }
    for (; d < headDim; d++) {
      store<f32>(at, scale * load<f32>(r0)); store<f32>(at, scale * load<f32>(r1), 4);
      store<f32>(at, scale * load<f32>(r2), 8); store<f32>(at, scale * load<f32>(r3), 12);
      r0 += 4; r1 += 4; r2 += 4; r3 += 4;
      at += LANE_BYTES;
    }
  }
}

/**
 * The way back: rows[lane][d] = strip[d][lane] for lane < count.
 * @param strip f32[headDim][8]
 * @param rows f32[count][headDim], overwritten
 */
export function scatterStrip(strip: usize, count: i32, headDim: i32, rows: usize): void {
  const rowBytes = <usize>headDim << 2;
  for (let lane = 0; lane < count; lane++) {
    let from = strip + (<usize>lane << 2);
    let to = rows + <usize>lane * rowBytes;
    const end = to + rowBytes;
    for (; to <= end - 16; to += 16, from += 4 * LANE_BYTES) {
      let row = v128.load32_zero(from);
      row = v128.load_lane<f32>(from, row, 1, 32);
      row = v128.load_lane<f32>(from, row, 2, 64);
      row = v128.load_lane<f32>(from, row, 3, 96);
      v128.store(to, row);
    }
    for (; to < end; to += 4, from += LANE_BYTES) store<f32>(to, load<f32>(from));
  }
}

/**
 * As scatterStrip, scaled and added: rows[lane][d] += scale * strip[d][lane] for lane < count.
 * @param strip f32[headDim][8]
 * @param rows f32[count][headDim]
 */
export function addStrip(strip: usize, count: i32, headDim: i32, scale: f32, rows: usize): void {
  const rowBytes = <usize>headDim << 2;
  const factor = f32x4.splat(scale);
  for (let lane = 0; lane < count; lane++) {
    let from = strip + (<usize>lane << 2);
    let to = rows + <usize>lane * rowBytes;
    const end = to + rowBytes;
    for (; to + 16 <= end; to += 16, from += 4 * LANE_BYTES) {
      let row = v128.load32_zero(from);
      row = v128.load_lane<f32>(from, row, 1, 32);
      row = v128.load_lane<f32>(from, row, 2, 64);
      row = v128.load_lane<f32>(from, row, 3, 96);
      v128.store(to, f32x4.add(v128.load(to), f32x4.mul(factor, row)));
    }
    for (; to < end; to += 4, from += LANE_BYTES) store<f32>(to, load<f32>(to) + scale * load<f32>(from));
  }
}

/** The largest |row|^2 of a strip's rows. @param strip f32[headDim][8] */
export function largestNorm(strip: usize, headDim: i32): f32 {
  let squares0 = f32x4.splat(0), squares1 = f32x4.splat(0);
  for (const end = strip + (<usize>headDim << 5); strip < end; strip += LANE_BYTES) {
    const x = v128.load(strip), y = v128.load(strip, 16);
    squares0 = madd(x, x, squares0);
    squares1 = madd(y, y, squares1);
  }
  return largestLane(f32x4.max(squares0, squares1));
}

/** The largest |row|^2 of `count` rows; NaN where there is one. @param rows f32[count][headDim] */
export function largestRowNorm(rows: usize, count: i32, headDim: i32): f32 {
  let largest: f32 = 0;
  const rowBytes = <usize>headDim << 2;
  for (let row = 0; row < count; row++) {
    const end = rows + rowBytes;
    let squares = f32x4.splat(0);
    let square: f32 = 0;
    for (; rows + 16 <= end; rows += 16) {
      const x = v128.load(rows);
      squares = madd(x, x, squares);
    }
    for (; rows < end; rows += 4) square += load<f32>(rows) * load<f32>(rows);
    square += f32x4.extract_lane(squares, 0) + f32x4.extract_lane(squares, 1) + f32x4.extract_lane(squares, 2) + f32x4.extract_lane(squares, 3);
    largest = max(largest, square);
  }
  return largest;
}

/** NaN where there is one. */
function largestLane(lanes: v128): f32 {
  return max(
    max(f32x4.extract_lane(lanes, 0), f32x4.extract_lane(lanes, 1)), max(f32x4.extract_lane(lanes, 2), f32x4.extract_lane(lanes, 3)));
}

/** Makes one lane of a strip 0. @param strip f32[headDim][8] */
export function clearLane(strip: usize, lane: i32, headDim: i32): void {
  let at = strip + (<usize>lane << 2);
  for (const end = at + (<usize>headDim << 5); at < end; at += LANE_BYTES) store<f32>(at, 0);
}

/**
 * Cuts a row into panels 8 dimensions wide: panels[d / 8][row][d % 8] = scale * from[d], and 0 past the last dimension.
 * @param from f32[headDim], or 0 for a row of zeros
 * @param panelBytes from one panel to the next
 * @param to where the row lies in the first panel
 */
export function packRow(from: usize, headDim: i32, scale: f32, panelBytes: usize, to: usize): void {
  const factor = f32x4.splat(from == 0 ? 0 : scale);
  let d = 0;
  for (; d <= headDim - 8 && from != 0; d += 8, from += 32, to += panelBytes) {
    v128.store(to, f32x4.mul(factor, v128.load(from)));
    v128.store(to, f32x4.mul(factor, v128.load(from, 16)), 16);
  }
  for (; d < headDim; d += 8, to += panelBytes) {
    memory.fill(to, 0, 32);
    if (from == 0) continue;
    for (let i = d; i < headDim; i++, from += 4) store<f32>(to + (<usize>(i - d) << 2), scale * load<f32>(from));
  }
}
