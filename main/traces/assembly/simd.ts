/** Constants of the vector code, read from memory since V8 builds one in a register anew at every use. */
const TABLE: usize = memory.data(10 * 16, 16);
/** For each count 0..16: ones in the last so many bytes. */
const KEEP: usize = memory.data(17 * 16, 16);

function fill(at: usize, value: u8): void {
  for (let byte: usize = 0; byte < 16; byte++) store<u8>(at + byte, value);
}

// @ts-ignore: decorator
@inline const QUOTES: usize = 0;
// @ts-ignore: decorator
@inline const BACKSLASHES: usize = 16;
// @ts-ignore: decorator
@inline const BLANKS: usize = 32;
// @ts-ignore: decorator
@inline const ZEROS: usize = 48;
// @ts-ignore: decorator
@inline const TENS: usize = 64;
// @ts-ignore: decorator
@inline const SPACES: usize = 80;
// @ts-ignore: decorator
@inline const NIBBLES: usize = 96;
// @ts-ignore: decorator
@inline const PAIRS: usize = 112;
// @ts-ignore: decorator
@inline const HUNDREDS: usize = 128;
// @ts-ignore: decorator
@inline const MYRIADS: usize = 144;

/** Fills the table; once, before anything else. */
export function prepare(): void {
  fill(TABLE + QUOTES, 0x22);
  fill(TABLE + BACKSLASHES, 0x5c);
  fill(TABLE + BLANKS, 0x20);
  fill(TABLE + ZEROS, 0x30);
  fill(TABLE + TENS, 10);
  fill(TABLE + NIBBLES, 0x0f);
  // By low nibble: the whitespace with it, else what has another low nibble than where it stands.
  fill(TABLE + SPACES, 0xff);
  store<u8>(TABLE + SPACES, 0x20);
  store<u8>(TABLE + SPACES + 9, 0x09);
  store<u8>(TABLE + SPACES + 10, 0x0a);
  store<u8>(TABLE + SPACES + 13, 0x0d);
  store<u8>(TABLE + SPACES + 15, 0x00);
  for (let lane: usize = 0; lane < 16; lane += 4) {
    store<i16>(TABLE + PAIRS + lane, 10);
    store<i16>(TABLE + PAIRS + lane, 1, 2);
    store<i16>(TABLE + HUNDREDS + lane, 100);
    store<i16>(TABLE + HUNDREDS + lane, 1, 2);
    store<i16>(TABLE + MYRIADS + lane, 10000);
    store<i16>(TABLE + MYRIADS + lane, 1, 2);
  }
  for (let count: usize = 0; count <= 16; count++) {
    for (let byte: usize = 16 - count; byte < 16; byte++) store<u8>(KEEP + count * 16 + byte, 0xff);
  }
}

/** One bit for each of 16 bytes that is a digit. */
// @ts-ignore: decorator
@inline
export function digitMask(bytes: v128): i32 {
  return i8x16.bitmask(i8x16.lt_u(i8x16.sub(bytes, v128.load(TABLE + ZEROS)), v128.load(TABLE + TENS)));
}

/** One bit for each of 16 bytes at which a run of plain text in a string ends: quote, backslash, control character. */
// @ts-ignore: decorator
@inline
export function textEndMask(bytes: v128): i32 {
  return i8x16.bitmask(v128.or(
    v128.or(i8x16.eq(bytes, v128.load(TABLE + QUOTES)), i8x16.eq(bytes, v128.load(TABLE + BACKSLASHES))),
    i8x16.lt_u(bytes, v128.load(TABLE + BLANKS))));
}

/** The first byte from `at` on that JSON calls no whitespace. The bytes must end with such a one. */
// @ts-ignore: decorator
@inline
export function skipSpace(at: usize): usize {
  if (load<u8>(at) > 0x20) return at;
  return skipMoreSpace(at);
}

function skipMoreSpace(at: usize): usize {
  const spaces = v128.load(TABLE + SPACES), nibbles = v128.load(TABLE + NIBBLES);
  while (true) {
    const bytes = v128.load(at);
    const others = ~i8x16.bitmask(i8x16.eq(i8x16.swizzle(spaces, v128.and(bytes, nibbles)), bytes)) & 0xffff;
    if (others != 0) return at + ctz(others);
    at += 16;
  }
}

/** The value of up to 16 digits that end before `end`. */
// @ts-ignore: decorator
@inline
export function digitsValue(end: usize, count: i32): u64 {
  const digits = i8x16.sub(v128.load(end - 16), v128.load(TABLE + ZEROS));
  const kept = v128.and(digits, v128.load(KEEP + ((<usize>count) << 4)));
  const pairs = v128.load(TABLE + PAIRS);
  const twos = i16x8.narrow_i32x4_s(
    i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(kept), pairs), i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(kept), pairs));
  const fours = i32x4.dot_i16x8_s(twos, v128.load(TABLE + HUNDREDS));
  const eights = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_s(fours, fours), v128.load(TABLE + MYRIADS));
  return <u64><u32>i32x4.extract_lane(eights, 0) * 100000000 + <u64><u32>i32x4.extract_lane(eights, 1);
}

/** The value of up to 8 digits from `at` on: pairs, then pairs of pairs. */
// @ts-ignore: decorator
@inline
export function fewDigitsValue(at: usize, count: i32): u32 {
  let value = (load<u64>(at) << (64 - (count << 3))) & 0x0f0f0f0f0f0f0f0f;
  value = value * 10 + (value >> 8);
  return <u32>(((value & 0x000000ff000000ff) * 0x000f424000000064 + ((value >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >> 32);
}

/** Whether `length` bytes at two places are equal. Reads up to 15 bytes beyond. */
// @ts-ignore: decorator
@inline
export function sameBytes(a: usize, b: usize, length: i32): bool {
  for (; length >= 16; length -= 16, a += 16, b += 16) {
    if (i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b))) != 0xffff) return false;
  }
  return length == 0 || (~i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b))) & ((1 << length) - 1)) == 0;
}

const MIX: u64 = 0x9e3779b97f4a7c15;

/** A hash of bytes. Reads up to 7 beyond. */
// @ts-ignore: decorator
@inline
export function hashBytes(at: usize, length: i32): u32 {
  let hash: u64 = <u64>length * MIX;
  for (; length >= 8; length -= 8, at += 8) {
    hash = (hash ^ load<u64>(at)) * MIX;
    hash ^= hash >> 29;
  }
  if (length > 0) {
    hash = (hash ^ (load<u64>(at) << (64 - (length << 3)))) * MIX;
    hash ^= hash >> 29;
  }
  hash *= MIX;
  return <u32>(hash >> 32);
}
