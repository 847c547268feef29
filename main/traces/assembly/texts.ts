import { take } from "./memory";
import { hashBytes, sameBytes } from "./simd";
import { grownSlots } from "./slots";

/*
 * Texts and their numbers. 0 is the empty text. An entry is 16 bytes, one of four words spare.
 * Whole numbers below 2^24, which ids mostly are, have no bytes: a table by value finds them.
 */
// @ts-ignore: decorator
@inline const AT: usize = 0;
// @ts-ignore: decorator
@inline const LENGTH: usize = 4;
/** Of a text as it is written, with escapes: the number of what it means, with 1 added, since that may be the empty text. */
// @ts-ignore: decorator
@inline const MEANING: usize = 12;

/** In place of an address: the length is the value of a whole number. */
// @ts-ignore: decorator
@inline const NUMBER: u32 = 0xffffffff;
/** In the length of texts with escapes, so that they equal no text without. */
// @ts-ignore: decorator
@inline const ESCAPED: u32 = 0x80000000;

// @ts-ignore: decorator
@inline const NUMBERS: u32 = 1 << 24;
// @ts-ignore: decorator
@inline const PAGE: u32 = 4096;

const FIRST_ENTRIES: u32 = 4096;
const ARENA_BYTES: u32 = 1 << 16;

let entries: usize = take(<usize>FIRST_ENTRIES * 16);
let capacity: u32 = FIRST_ENTRIES;
let count: u32 = 1;
/** Open addressing, 8 bytes a slot: hash and number; number 0 is free. */
let slots: usize = take(<usize>FIRST_ENTRIES * 2 * 8);
let slotMask: u32 = FIRST_ENTRIES * 2 - 1;
let hashed: u32 = 0;
let arena: usize = 0;
let arenaLeft: u32 = 0;
/** Texts seen lately, by their last bytes and their length: most events' names and categories are among them. */
const recent: usize = memory.data(1024 * 4, 16);
const pages: usize = take(<usize>(NUMBERS / PAGE) * 4);

// @ts-ignore: decorator
@external("host", "meaning")
declare function meaning(at: usize, length: i32): u32;

function newEntry(at: u32, length: u32): u32 {
  if (count == capacity) {
    const grown = take(<usize>capacity * 32);
    memory.copy(grown, entries, <usize>capacity * 16);
    entries = grown;
    capacity *= 2;
  }
  const entry = entries + ((<usize>count) << 4);
  store<u32>(entry, at, AT);
  store<u32>(entry, length, LENGTH);
  return count++;
}

function keep(at: usize, length: u32): u32 {
  if (length + 16 > arenaLeft) {
    arenaLeft = max(ARENA_BYTES, length + 16);
    arena = take(arenaLeft);
  }
  const kept = arena;
  memory.copy(kept, at, length);
  arena += length;
  arenaLeft -= length;
  return <u32>kept;
}

function growSlots(): void {
  slots = grownSlots(slots, slotMask + 1);
  slotMask = slotMask * 2 + 1;
}

/** The number of bytes with a length that may be marked ESCAPED. */
function find(at: usize, marked: u32): u32 {
  const length = <i32>(marked & ~ESCAPED);
  const hash = hashBytes(at, length);
  let probe = hash & slotMask;
  for (;; probe = (probe + 1) & slotMask) {
    const slot = slots + ((<usize>probe) << 3);
    const id = load<u32>(slot, 4);
    if (id == 0) break;
    if (load<u32>(slot) != hash) continue;
    const entry = entries + ((<usize>id) << 4);
    if (load<u32>(entry, LENGTH) == marked && sameBytes(at, load<u32>(entry, AT), length)) return id;
  }
  if (hashed * 2 > slotMask) {
    growSlots();
    probe = hash & slotMask;
    while (load<u64>(slots + ((<usize>probe) << 3)) != 0) probe = (probe + 1) & slotMask;
  }
  hashed++;
  const id = newEntry(keep(at, <u32>length), marked);
  store<u64>(slots + ((<usize>probe) << 3), <u64>hash | (<u64>id << 32));
  return id;
}

/** The number of a whole number below 2^24. */
// @ts-ignore: decorator
@inline
export function numberText(value: u32): u32 {
  const page = load<u32>(pages + <usize>(value / PAGE) * 4);
  if (page != 0) {
    const id = load<u32>(<usize>page + <usize>(value % PAGE) * 4);
    if (id != 0) return id;
  }
  return newNumber(value);
}

function newNumber(value: u32): u32 {
  const directory = pages + <usize>(value / PAGE) * 4;
  let page = load<u32>(directory);
  if (page == 0) {
    page = <u32>take(<usize>PAGE * 4);
    store<u32>(directory, page);
  }
  const id = newEntry(NUMBER, value);
  store<u32>(<usize>page + <usize>(value % PAGE) * 4, id);
  return id;
}

/** The value of up to 8 digits that are a number as it is written without a leading zero; -1 for anything else. */
function smallNumber(at: usize, length: i32): i32 {
  if (length > 8 || (length > 1 && load<u8>(at) == 0x30)) return -1;
  let value = 0;
  for (let end = at + length; at < end; at++) {
    const digit = <u32>load<u8>(at) - 0x30;
    if (digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value < <i32>NUMBERS ? value : -1;
}

/** The number of a text, which must be UTF-8 and hold no escapes. Reads up to 15 bytes beyond it. */
export function intern(at: usize, length: i32): u32 {
  if (length == 0) return 0;
  if (load<u8>(at) - 0x30 <= 9) {
    const value = smallNumber(at, length);
    if (value >= 0) return numberText(value);
  }
  const end = length >= 8 ? load<u64>(at + length - 8) : load<u64>(at) << (64 - (length << 3));
  const place = recent + (<usize>(((end + <u64>length) * 0x9e3779b97f4a7c15) >> 54) << 2);
  const known = load<u32>(place);
  const entry = entries + ((<usize>known) << 4);
  if (known != 0 && load<i32>(entry, LENGTH) == length && sameBytes(at, load<u32>(entry, AT), length)) return known;
  const id = find(at, length);
  store<u32>(place, id);
  return id;
}

/** The number of what a text with escapes means; the host says what that is when it comes first. */
export function internEscaped(at: usize, length: i32): u32 {
  const id = find(at, <u32>length | ESCAPED);
  let means = load<u32>(entries + ((<usize>id) << 4), MEANING);
  if (means == 0) {
    means = meaning(at, length) + 1;
    store<u32>(entries + ((<usize>id) << 4), means, MEANING);
  }
  return means - 1;
}

/** For the host: where a text's bytes are, or -1 for a whole number. */
export function textAt(id: u32): u32 {
  return load<u32>(entries + ((<usize>id) << 4), AT);
}

/** For the host: how many bytes a text has, or the value of a whole number. */
export function textLength(id: u32): u32 {
  return load<u32>(entries + ((<usize>id) << 4), LENGTH);
}
