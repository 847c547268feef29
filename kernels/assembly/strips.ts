import { LANE_BYTES } from "./simd";

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
