import { digitMask, skipSpace, textEndMask } from "./simd";

/*
 * A strict reader of JSON values, for whatever the fast path keeps or passes over without knowing it. All return 0 for what
 * it is not sure of, the end of the bytes among that: they end with a 0 byte, which stands nowhere in JSON.
 */

// @ts-ignore: decorator
@inline
function isHex(byte: u32): bool {
  return byte - 0x30 <= 9 || (byte | 0x20) - 0x61 <= 5;
}

/** The end of the UTF-8 character at `at`, which is not ASCII; 0 where it is none. RFC 3629. */
export function characterEnd(at: usize): usize {
  const first = <u32>load<u8>(at), second = <u32>load<u8>(at, 1);
  if (first < 0xc2 || first > 0xf4 || (second & 0xc0) != 0x80) return 0;
  if (first < 0xe0) return at + 2;
  if ((load<u8>(at, 2) & 0xc0) != 0x80) return 0;
  if (first < 0xf0) {
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second > 0x9f) return 0;
    return at + 3;
  }
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second > 0x8f) return 0;
  return (load<u8>(at, 3) & 0xc0) == 0x80 ? at + 4 : 0;
}

/** Set by {@link stringEnd}: whether the last string had escapes. */
export let hadEscapes: bool = false;
/** Set by {@link stringEnd} and never cleared by it: whether some string had an escape of a code point. */
export let hadCodePoints: bool = false;

export function clearCodePoints(): void {
  hadCodePoints = false;
}

/** Whether 16 bytes, of which those before `count` matter, are ASCII. */
// @ts-ignore: decorator
@inline
function isAscii(bytes: v128, count: i32): bool {
  return (i8x16.bitmask(bytes) & ((1 << count) - 1)) == 0;
}

function charactersEnd(at: usize, end: usize): bool {
  while (at < end) {
    if (load<u8>(at) < 0x80) at++;
    else {
      at = characterEnd(at);
      if (at == 0) return false;
    }
  }
  return at == end;
}

/** Position of the closing quote of the string whose text begins at `at`. */
// @ts-ignore: decorator
@inline
export function stringEnd(at: usize): usize {
  hadEscapes = false;
  const bytes = v128.load(at);
  const ends = textEndMask(bytes);
  if (ends != 0) {
    const count = ctz(ends);
    if (load<u8>(at + count) == 0x22 && isAscii(bytes, count)) return at + count;
  }
  return longStringEnd(at);
}

function longStringEnd(from: usize): usize {
  let ascii = true;
  let at = from;
  while (true) {
    const bytes = v128.load(at);
    const ends = textEndMask(bytes);
    const count = ends == 0 ? 16 : ctz(ends);
    if (!isAscii(bytes, count)) ascii = false;
    at += count;
    if (ends == 0) continue;
    const byte = <u32>load<u8>(at);
    if (byte == 0x22) {
      return ascii || charactersEnd(from, at) ? at : 0;
    }
    if (byte != 0x5c) return 0;
    hadEscapes = true;
    const escape = <u32>load<u8>(at, 1);
    if (escape == 0x75) {
      if (!isHex(load<u8>(at, 2)) || !isHex(load<u8>(at, 3)) || !isHex(load<u8>(at, 4)) || !isHex(load<u8>(at, 5))) return 0;
      hadCodePoints = true;
      at += 6;
    } else {
      // " \ / b f n r t
      if (escape != 0x22 && escape != 0x5c && escape != 0x2f && escape != 0x62 && escape != 0x66 && escape != 0x6e && escape != 0x72 && escape != 0x74) return 0;
      at += 2;
    }
  }
}

function digitsEnd(at: usize): usize {
  while (true) {
    const others = ~digitMask(v128.load(at)) & 0xffff;
    if (others != 0) return at + ctz(others);
    at += 16;
  }
}

/** The end of a number. */
function numberEnd(at: usize): usize {
  if (load<u8>(at) == 0x2d) at++;
  let end = digitsEnd(at);
  if (end == at || (end > at + 1 && load<u8>(at) == 0x30)) return 0;
  if (load<u8>(end) == 0x2e) {
    at = end + 1;
    end = digitsEnd(at);
    if (end == at) return 0;
  }
  if ((load<u8>(end) | 0x20) == 0x65) {
    at = end + 1;
    const sign = load<u8>(at);
    if (sign == 0x2b || sign == 0x2d) at++;
    end = digitsEnd(at);
    if (end == at) return 0;
  }
  return end;
}

/** The end of a string, number or literal. */
function scalarEnd(at: usize): usize {
  const byte = <u32>load<u8>(at);
  if (byte == 0x22) {
    const end = stringEnd(at + 1);
    return end == 0 ? 0 : end + 1;
  }
  if (byte == 0x74 && load<u32>(at) == 0x65757274) return at + 4;
  if (byte == 0x66 && load<u32>(at, 1) == 0x65736c61) return at + 5;
  if (byte == 0x6e && load<u32>(at) == 0x6c6c756e) return at + 4;
  return numberEnd(at);
}

/** The end of any value with up to 63 brackets open at once. What follows a number must be looked at by the caller. */
export function valueEnd(at: usize): usize {
  /** A bit for each open bracket, the innermost lowest: 1 for an object. Above them a 1. */
  let open: u64 = 1;
  while (true) {
    const byte = <u32>load<u8>(at);
    if (byte == 0x7b || byte == 0x5b) {
      if (open >> 63 != 0) return 0;
      const object = byte == 0x7b;
      at = skipSpace(at + 1);
      if (load<u8>(at) == (object ? 0x7d : 0x5d)) at++;
      else {
        open = (open << 1) | u64(object);
        if (object) {
          at = keyEnd(at);
          if (at == 0) return 0;
        }
        continue;
      }
    } else {
      at = scalarEnd(at);
      if (at == 0) return 0;
    }
    while (true) {
      if (open == 1) return at;
      at = skipSpace(at);
      const next = <u32>load<u8>(at++);
      if (next == 0x2c) break;
      if (next != ((open & 1) != 0 ? 0x7d : 0x5d)) return 0;
      open >>= 1;
    }
    at = skipSpace(at);
    if ((open & 1) != 0) {
      at = keyEnd(at);
      if (at == 0) return 0;
    }
  }
}

/** Where the value begins whose key is at `at`. */
function keyEnd(at: usize): usize {
  if (load<u8>(at) != 0x22) return 0;
  at = stringEnd(at + 1);
  if (at == 0) return 0;
  at = skipSpace(at + 1);
  return load<u8>(at) == 0x3a ? skipSpace(at + 1) : 0;
}
