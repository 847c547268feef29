import { argsTemplate, digitsEnd, digitsTo, readArgs } from "./args";
import * as row from "./columns";
import { hadEscapes, stringEnd, valueEnd } from "./json";
import { digitMask, fewDigitsValue, skipSpace } from "./simd";
import { intern, internEscaped, numberText } from "./texts";
import { parseTime, restNanos, wholeMicros } from "./times";

// Keys of up to 7 letters with their closing quote, as they lie in memory.
// @ts-ignore: decorator
@inline const PH: u64 = 0x226870;
// @ts-ignore: decorator
@inline const TS: u64 = 0x227374;
// @ts-ignore: decorator
@inline const ID: u64 = 0x226469;
// @ts-ignore: decorator
@inline const BP: u64 = 0x227062;
// @ts-ignore: decorator
@inline const CAT: u64 = 0x22746163;
// @ts-ignore: decorator
@inline const PID: u64 = 0x22646970;
// @ts-ignore: decorator
@inline const TID: u64 = 0x22646974;
// @ts-ignore: decorator
@inline const DUR: u64 = 0x22727564;
// @ts-ignore: decorator
@inline const NAME: u64 = 0x22656d616e;
// @ts-ignore: decorator
@inline const ARGS: u64 = 0x2273677261;
// @ts-ignore: decorator
@inline const ID2: u64 = 0x22326469;
// "bind_id", "flow_in", "flow_out" and "traceEvents", which the slow path reads, by their first letters.
// @ts-ignore: decorator
@inline const BIND_ID: u64 = 0x64695f646e6962;
// @ts-ignore: decorator
@inline const FLOW: u64 = 0x5f776f6c66;
// @ts-ignore: decorator
@inline const TRACE_EV: u64 = 0x6576456563617274;

// Which keys an event has had: one that comes twice is left to the slow path.
const HAS_PH = 1, HAS_TS = 2, HAS_ID = 4, HAS_BP = 8, HAS_CAT = 16, HAS_PID = 32, HAS_TID = 64, HAS_DUR = 128, HAS_NAME = 256, HAS_ARGS = 512;

const BINDS_ENCLOSING: u8 = 1;

/** Set by {@link readText}. */
let text: u32 = 0;

/** Reads a text, or a whole number as one. @returns its end; 0 for anything else */
// @ts-ignore: decorator
@inline
function readText(at: usize): usize {
  if (load<u8>(at) == 0x22) {
    const end = stringEnd(at + 1);
    if (end == 0) return 0;
    const length = <i32>(end - at) - 1;
    text = hadEscapes ? internEscaped(at + 1, length) : intern(at + 1, length);
    return end + 1;
  }
  return readNumber(at);
}

function readNumber(at: usize): usize {
  const digits = load<u8>(at) == 0x2d ? at + 1 : at;
  const count = ctz(~digitMask(v128.load(digits)));
  if (count == 0) return 0;
  let end = digits + count;
  if (count == 16) while (load<u8>(end) - 0x30 <= 9) end++;
  const next = <u32>load<u8>(end);
  if (next == 0x2e || (next | 0x20) == 0x65) return 0;
  if (load<u8>(digits) == 0x30 && (count > 1 || digits != at)) return 0;
  if (digits == at && count < 8) {
    const value = fewDigitsValue(at, count);
    text = value < 1 << 24 ? numberText(value) : intern(at, count);
  } else {
    text = intern(at, <i32>(end - at));
  }
  return end;
}

/** Address of a 0 byte, with which no value begins. */
const NOWHERE: usize = memory.data(32, 16);

/** Where the value begins whose key has ended at `at`; {@link NOWHERE} without a colon. */
// @ts-ignore: decorator
@inline
function valueStart(at: usize): usize {
  if (load<u8>(at) != 0x3a) {
    at = skipSpace(at);
    if (load<u8>(at) != 0x3a) return NOWHERE;
  }
  at++;
  // One space is what most writers put.
  if (load<u8>(at) == 0x20) at++;
  return skipSpace(at);
}

/** Reads a time, with or without quotes. */
// @ts-ignore: decorator
@inline
function readTime(at: usize): usize {
  if (load<u8>(at) != 0x22) return parseTime(at);
  const end = parseTime(at + 1);
  return end != 0 && load<u8>(end) == 0x22 ? end + 1 : 0;
}

function leave(digits: usize): usize {
  digitsTo(digits);
  return 0;
}

/**
 * Reads the event at `at` into the given row.
 * @returns its end; 0 for one that is unusual, damaged or not whole, which leaves nothing behind
 */
export function readEvent(from: usize, index: usize, offset: f64): usize {
  const digits = digitsEnd();
  let has = 0;
  let phase: u32 = 0, name: u32 = 0, cat: u32 = 0, pid: u32 = 0, tid: u32 = 0, id: u32 = 0, template: u32 = 0;
  let flags: u8 = 0;
  let tsMicros: f64 = NaN, durNanos: f64 = NaN;
  let tsNanos: u16 = 0;
  let at = skipSpace(from + 1);
  while (true) {
    if (load<u8>(at) != 0x22) return leave(digits);
    const key = load<u64>(at, 1);
    const four = key & 0xffffffff, three = key & 0xffffff, five = key & 0xffffffffff;
    let bit = 0;
    // In the order in which most tools write them.
    if (three == PH) {
      bit = HAS_PH;
      at = valueStart(at + 4);
      phase = <u32>load<u8>(at, 1);
      if (load<u8>(at) != 0x22 || load<u8>(at, 2) != 0x22 || phase < 0x20 || phase >= 0x80 || phase == 0x22 || phase == 0x5c) return leave(digits);
      at += 3;
    } else if (four == CAT) {
      bit = HAS_CAT;
      at = readText(valueStart(at + 5));
      cat = text;
    } else if (five == NAME) {
      bit = HAS_NAME;
      at = readText(valueStart(at + 6));
      name = text;
    } else if (four == PID) {
      bit = HAS_PID;
      at = readText(valueStart(at + 5));
      pid = text;
    } else if (four == TID) {
      bit = HAS_TID;
      at = readText(valueStart(at + 5));
      tid = text;
    } else if (three == TS) {
      bit = HAS_TS;
      at = readTime(valueStart(at + 4));
      tsMicros = wholeMicros;
      tsNanos = <u16>restNanos;
    } else if (four == DUR) {
      bit = HAS_DUR;
      at = readTime(valueStart(at + 5));
      durNanos = wholeMicros * 1000 + <f64>restNanos;
    } else if (five == ARGS) {
      bit = HAS_ARGS;
      at = valueStart(at + 6);
      if (load<u8>(at) != 0x7b) return leave(digits);
      at = readArgs(at, name);
      template = argsTemplate;
    } else if (three == ID) {
      bit = HAS_ID;
      at = readText(valueStart(at + 4));
      id = text;
    } else if (three == BP) {
      bit = HAS_BP;
      at = valueStart(at + 4);
      if (load<u8>(at) != 0x22 || load<u8>(at, 2) != 0x22 || load<u8>(at, 1) != 0x65) return leave(digits);
      flags = BINDS_ENCLOSING;
      at += 3;
    } else {
      if (four == ID2 || (key & 0xffffffffffffff) == BIND_ID || five == FLOW || key == TRACE_EV) return leave(digits);
      const end = stringEnd(at + 1);
      if (end == 0 || hadEscapes) return leave(digits);
      at = valueStart(end + 1);
      if (at == NOWHERE) return leave(digits);
      at = valueEnd(at);
    }
    if ((has & bit) != 0) return leave(digits);
    has |= bit;
    if (at == 0) return leave(digits);

    at = skipSpace(at);
    const next = <u32>load<u8>(at++);
    if (next == 0x2c) {
      if (load<u8>(at) == 0x20) at++;
      at = skipSpace(at);
      continue;
    }
    if (next != 0x7d || (has & HAS_PH) == 0) return leave(digits);
    row.write(index, phase, name, cat, pid, tid, id, flags, tsMicros, tsNanos, durNanos, template, digits, offset);
    return at;
  }
}
