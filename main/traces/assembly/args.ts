import { clearCodePoints, hadCodePoints, valueEnd } from "./json";
import { take } from "./memory";
import { digitMask, hashBytes } from "./simd";
import { grownSlots } from "./slots";

/*
 * Templates of args. A template is a list of pieces of text between runs of digits; in memory: the number of pieces, whether its
 * texts must be read in full, the bytes of all pieces, a spare word, then for each piece its length and its bytes, rounded up to 16.
 */
// @ts-ignore: decorator
@inline const PIECES: usize = 0;
/** A template with escapes of code points: how many digits a run has decides where such an escape ends. */
// @ts-ignore: decorator
@inline const UNSURE: usize = 4;
// @ts-ignore: decorator
@inline const FIRST: usize = 16;

/** The template of a text that is kept whole. */
export const LITERAL: u32 = 1;
const HOLE: u8 = 1;
// @ts-ignore: decorator
@inline const COMMA: u8 = 0x2c;

/** Beyond these, texts of no known template are kept whole. */
const MOST_TEMPLATES: u32 = 100_000;
const MOST_TEMPLATE_BYTES: usize = 32 << 20;

const FIRST_SLOTS: u32 = 4096;

let records: usize = take(1024 * 4);
let recordCapacity: u32 = 1024;
let count: u32 = 2;
let templateBytes: usize = 0;
let slots: usize = take(<usize>FIRST_SLOTS * 8);
let slotMask: u32 = FIRST_SLOTS - 1;

// @ts-ignore: decorator
@inline const GUESSED_NAMES: u32 = 4096;
/** By the low bits of a name's number: that number, then templates that its events have had, the last first; 0 for none. */
const guesses: usize = memory.data(4096 * 32, 16);

/** A text with its digits squeezed, to be hashed. */
let squeezed: usize = 0;
let squeezedCapacity: usize = 0;

/** Where the next digits go. Room for them is the host's business. */
let digits: usize = 0;

export function digitsTo(at: usize): void {
  digits = at;
}

export function digitsEnd(): usize {
  return digits;
}

export function templateCount(): u32 {
  return count;
}

/** For the host: where a template is. */
export function templateAt(template: u32): usize {
  return load<u32>(records + ((<usize>template) << 2));
}

/** Whether a byte may stand before the first digit of a number. */
// @ts-ignore: decorator
@inline
function beforeNumber(byte: u32): bool {
  return byte <= 0x20 || byte == 0x3a || byte == 0x2c || byte == 0x5b || byte == 0x2d;
}

/**
 * Compares a text with a template and writes its digits.
 * @param strict no zero before further digits where a number may begin, which is no JSON
 * @returns the text's end; 0 where it is of another template, or strictly none
 */
function match(at: usize, template: u32, strict: bool): usize {
  let record: usize = load<u32>(records + ((<usize>template) << 2));
  let pieces = load<u32>(record, PIECES);
  record += FIRST;
  let to = digits;
  for (;;) {
    let length = load<i32>(record);
    record += 4;
    while (length > 16) {
      if (i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(record))) != 0xffff) return 0;
      at += 16;
      record += 16;
      length -= 16;
    }
    const same = i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(record)));
    if ((~same & ((1 << length) - 1)) != 0) return 0;
    at += length;
    record += 16;
    if (--pieces == 0) break;
    const run = v128.load(at);
    let size = ctz(~digitMask(run));
    if (size == 0) return 0;
    if (size > 1 && strict && load<u8>(at) == 0x30 && beforeNumber(load<u8>(at - 1))) return 0;
    v128.store(to, run);
    at += size;
    to += size;
    while (size == 16) {
      const more = v128.load(at);
      size = ctz(~digitMask(more));
      v128.store(to, more);
      at += size;
      to += size;
    }
    store<u8>(to++, COMMA);
  }
  digits = to;
  return at;
}

/** The text with every run of digits as one hole. @returns its length */
function squeeze(at: usize, end: usize): i32 {
  const room = end - at + 32;
  if (room > squeezedCapacity) {
    squeezedCapacity = room * 2;
    squeezed = take(squeezedCapacity);
  }
  let to = squeezed;
  while (at < end) {
    const bytes = v128.load(at);
    const found = digitMask(bytes) | 0x10000;
    const size = ctz(found);
    v128.store(to, bytes);
    at += size;
    to += size;
    if (size == 16 || at >= end) continue;
    store<u8>(to++, HOLE);
    while (load<u8>(at) - 0x30 <= 9) at++;
  }
  // The last load may have gone beyond the text.
  return <i32>(to - squeezed - (at - end));
}

/** Writes a template from the squeezed text. */
function record(length: i32, unsure: bool): u32 {
  let pieces: u32 = 1;
  let bytes: usize = FIRST;
  let from = squeezed;
  const end = squeezed + length;
  for (let at = from; at <= end; at++) {
    if (at < end && load<u8>(at) != HOLE) continue;
    bytes += 4 + max<usize>(16, (at - from + 15) & ~15);
    from = at + 1;
    if (at < end) pieces++;
  }
  if (count == recordCapacity) {
    const grown = take(<usize>recordCapacity * 8);
    memory.copy(grown, records, <usize>recordCapacity * 4);
    records = grown;
    recordCapacity *= 2;
  }
  const made = take(bytes);
  store<u32>(records + ((<usize>count) << 2), <u32>made);
  store<u32>(made, pieces, PIECES);
  store<u32>(made, u32(unsure), UNSURE);
  let to = made + FIRST;
  from = squeezed;
  for (let at = from; at <= end; at++) {
    if (at < end && load<u8>(at) != HOLE) continue;
    store<u32>(to, <u32>(at - from));
    memory.copy(to + 4, from, at - from);
    to += 4 + max<usize>(16, (at - from + 15) & ~15);
    from = at + 1;
  }
  templateBytes += length;
  return count++;
}

function growSlots(): void {
  slots = grownSlots(slots, slotMask + 1);
  slotMask = slotMask * 2 + 1;
}

function literal(at: usize, end: usize): u32 {
  memory.copy(digits, at, end - at);
  digits += end - at;
  store<u8>(digits++, 0);
  return LITERAL;
}

/**
 * Keeps a text that is known to be a JSON object.
 * @param unsure whether it has escapes of code points
 * @returns its template; its digits are written
 */
export function keepArgs(at: usize, end: usize, unsure: bool): u32 {
  const length = squeeze(at, end);
  const hash = hashBytes(squeezed, length);
  let probe = hash & slotMask;
  for (;; probe = (probe + 1) & slotMask) {
    const slot = slots + ((<usize>probe) << 3);
    const template = load<u32>(slot, 4);
    if (template == 0) break;
    if (load<u32>(slot) != hash) continue;
    const before = digits;
    if (match(at, template, false) == end) return template;
    digits = before;
  }
  if (count >= MOST_TEMPLATES || templateBytes + <usize>length > MOST_TEMPLATE_BYTES) return literal(at, end);
  if (count * 2 > slotMask) {
    growSlots();
    probe = hash & slotMask;
    while (load<u64>(slots + ((<usize>probe) << 3)) != 0) probe = (probe + 1) & slotMask;
  }
  const template = record(length, unsure);
  store<u64>(slots + ((<usize>probe) << 3), <u64>hash | (<u64>template << 32));
  match(at, template, false);
  return template;
}

/** Set by {@link readArgs}. */
export let argsTemplate: u32 = 0;

/**
 * Reads the args at `at`, an object, and keeps them.
 * @param name of the event: others of that name mostly have the same few templates
 * @returns their end; 0 for what the fast path does not read
 */
export function readArgs(at: usize, name: u32): usize {
  const guess = guesses + ((<usize>(name & (GUESSED_NAMES - 1))) << 5);
  if (load<u32>(guess) != name) {
    memory.fill(guess, 0, 32);
    store<u32>(guess, name);
  }
  for (let place = guess + 4; place < guess + 32; place += 4) {
    const template = load<u32>(place);
    if (template == 0) break;
    const end = match(at, template, true);
    if (end == 0) continue;
    store<u32>(place, load<u32>(guess, 4));
    store<u32>(guess, template, 4);
    argsTemplate = template;
    return end;
  }
  clearCodePoints();
  const end = valueEnd(at);
  if (end == 0) return 0;
  argsTemplate = keepArgs(at, end, hadCodePoints);
  if (argsTemplate != LITERAL && load<u32>(load<u32>(records + ((<usize>argsTemplate) << 2)), UNSURE) == 0) {
    memory.copy(guess + 8, guess + 4, 24);
    store<u32>(guess, argsTemplate, 4);
  }
  return end;
}
