/** Queries side by side in one strip: two SIMD registers of four floats. */
export const LANES: i32 = 8;
/** Bytes of one row of a strip. */
export const LANE_BYTES: usize = 32;

/** Reference of a row that has seen no key: below every real score, far enough from overflow to subtract. */
export const NO_REFERENCE: f32 = -1e37;
/** What is above it has seen a key. */
export const SEEN: f32 = -5e36;
/** Score of a masked pair. Even against NO_REFERENCE its weight 2^(score - reference) is exactly 0. */
export const MASKED: f32 = -3e38;

/** log2(e): scores and log-sum-exps are kept ready for powers of two. */
export const LOG2_E: f64 = 1.4426950408889634;

/** a * b + c: fused (one rounding) in the relaxed build, two roundings in the plain one. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/**
 * Writes the constants of the exponentials, 9 floats, to memory. They are read from there because V8 builds a SIMD constant
 * out of general registers again at every use, which doubled the time of the softmax; a broadcasting load costs next to nothing.
 */
export function writeExpTable(table: usize): void {
  store<f32>(table, 12582912.0);
  store<f32>(table, -125.0, 4);
  store<f32>(table, 0.001326472731, 8);
  store<f32>(table, 0.009671512991, 12);
  store<f32>(table, 0.05550733581, 16);
  store<f32>(table, 0.2402224243, 20);
  store<f32>(table, 0.6931470037, 24);
  store<f32>(table, 1.0, 28);
  store<f32>(table, -100.0, 32);
}

/**
 * 2^x for -126 < x < 127, anything outside. Relative error 1.5e-7.
 *
 * x = n + f with n whole and |f| <= 1/2. Adding 1.5 * 2^23 rounds to whole numbers and leaves n in the low bits of the
 * sum, so that its bits shifted by 23 add n to the exponent of 2^f. 2^f is a polynomial with the constant term 1
 * (so 2^0 is exact) whose other coefficients minimise the largest relative error.
 *
 * @param table as writeExpTable left it
 */
// @ts-ignore: decorator
@inline
export function exp2InRange(x: v128, table: usize): v128 {
  const rounder = v128.load_splat<f32>(table);
  const shifted = f32x4.add(x, rounder);
  const f = f32x4.sub(x, f32x4.sub(shifted, rounder));
  let p = v128.load_splat<f32>(table, 8);
  p = madd(p, f, v128.load_splat<f32>(table, 12));
  p = madd(p, f, v128.load_splat<f32>(table, 16));
  p = madd(p, f, v128.load_splat<f32>(table, 20));
  p = madd(p, f, v128.load_splat<f32>(table, 24));
  p = madd(p, f, v128.load_splat<f32>(table, 28));
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

/** 2^x for x < 127, exactly 0 below -125 (no subnormals, which would slow every later product). */
// @ts-ignore: decorator
@inline
export function exp2(x: v128, table: usize): v128 {
  return v128.and(exp2InRange(x, table), f32x4.gt(x, v128.load_splat<f32>(table, 4)));
}

/** 2^max(x, -100) for x < 127: cheaper, for where nothing is masked and 2^-100 is as good as 0. */
// @ts-ignore: decorator
@inline
export function exp2AtLeast(x: v128, table: usize): v128 {
  return exp2InRange(f32x4.pmax(v128.load_splat<f32>(table, 32), x), table);
}
