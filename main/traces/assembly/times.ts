import { digitMask, digitsValue, fewDigitsValue } from "./simd";

/** What {@link parseTime} read: whole µs, and the ns beyond, 0..999. */
export let wholeMicros: f64 = 0;
export let restNanos: i32 = 0;

/** 16 bytes may be read before this many digits, and the value is exact. */
const MOST_DIGITS = 16;

/**
 * Reads decimal µs to whole ns, rounding half away from zero.
 * @returns the end of the number; 0 for what is none, or one that is unusual: exponents, more than 16 digits in a row
 */
// @ts-ignore: decorator
@inline
export function parseTime(from: usize): usize {
  const negative = load<u8>(from) == 0x2d;
  const at = negative ? from + 1 : from;
  const count = ctz(~digitMask(v128.load(at)));
  if (count == 0 || (count == MOST_DIGITS && load<u8>(at, 16) - 0x30 <= 9) || (count > 1 && load<u8>(at) == 0x30)) return 0;
  let end = at + count;
  const whole = count <= 8 ? <u64>fewDigitsValue(at, count) : digitsValue(end, count);
  let nanos = 0;
  let next = <u32>load<u8>(end);
  if (next == 0x2e) {
    const places = ctz(~digitMask(v128.load(end, 1)));
    if (places == 0 || places == MOST_DIGITS) return 0;
    nanos = (<i32>load<u8>(end, 1) - 0x30) * 100;
    if (places > 1) nanos += (<i32>load<u8>(end, 2) - 0x30) * 10;
    if (places > 2) nanos += <i32>load<u8>(end, 3) - 0x30;
    if (places > 3 && load<u8>(end, 4) >= 0x35) nanos++;
    end += places + 1;
    next = load<u8>(end);
  }
  if ((next | 0x20) == 0x65) return 0;
  if (negative) {
    wholeMicros = -<f64>whole;
    nanos = -nanos;
    if (nanos < 0) {
      const borrow = (999 - nanos) / 1000;
      wholeMicros -= <f64>borrow;
      nanos += borrow * 1000;
    }
    wholeMicros += 0;
  } else {
    wholeMicros = <f64>whole;
    if (nanos == 1000) {
      wholeMicros += 1;
      nanos = 0;
    }
  }
  restNanos = nanos;
  return end;
}
