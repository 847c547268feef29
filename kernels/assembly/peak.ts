import { madd } from "./simd";

/**
 * Multiply-adds between registers alone, 12 independent chains: what this instruction set can do at best.
 * Every round is 12 multiply-adds of 4 floats, 96 operations. Chains run through the product, so that it cannot be hoisted.
 *
 * @param at f32[8], a factor and a term; the sum of the chains is written over the term
 */
export function multiplyAdds(rounds: i32, at: usize): void {
  const x = v128.load(at), y = v128.load(at, 16);
  let a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
  for (; rounds > 0; rounds--) {
    a = madd(a, x, y); b = madd(b, x, y); c = madd(c, x, y); d = madd(d, x, y);
    e = madd(e, x, y); f = madd(f, x, y); g = madd(g, x, y); h = madd(h, x, y);
    i = madd(i, x, y); j = madd(j, x, y); k = madd(k, x, y); l = madd(l, x, y);
  }
  const first = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(e, f));
  const second = f32x4.add(f32x4.add(f32x4.add(g, h), f32x4.add(i, j)), f32x4.add(k, l));
  v128.store(at, f32x4.add(first, second), 16);
}
