import { CAPACITY } from "./columns";
import { readEvent } from "./event";
import { prepare, skipSpace } from "./simd";

/*
 * The fast path of reading traces: events as tools write them, from bytes to columns. The host keeps the place in the file's
 * structure, reads whatever is unusual itself, and calls this in between: see main/traces/scan.
 */
export { digitsEnd, digitsTo, keepArgs, templateAt, templateCount } from "./args";
export { columnsAt, setArgsOrigin } from "./columns";
export { take } from "./memory";
export { intern, textAt, textLength } from "./texts";

prepare();

let rows: usize = 0;
let afterComma: bool = false;
let needsComma: bool = false;

/** Rows filled by the last {@link scan}, those there before among them. */
export function rowCount(): usize {
  return rows;
}

/** Whether the last {@link scan} ended behind a comma. */
export function endedAfterComma(): bool {
  return afterComma;
}

/** Whether the last {@link scan} ended behind an event. */
export function endedAfterEvent(): bool {
  return needsComma;
}

/**
 * Reads events with commas between them, from a place where an event may stand, for as long as each is whole and ordinary.
 * @param at first byte not read yet; the bytes before `end` are the file's, the 64 from there are overwritten
 * @param first row to fill
 * @param base offset in the file of address 0
 * @returns the first byte that was not read
 */
export function scan(at: usize, end: usize, first: usize, base: f64): usize {
  // A 0 byte stands nowhere in JSON: whatever reads on stops there.
  memory.fill(end, 0, 64);
  rows = first;
  afterComma = false;
  needsComma = false;
  while (rows < CAPACITY) {
    const from = skipSpace(at);
    if (load<u8>(from) != 0x7b) return from;
    const to = readEvent(from, rows, base + <f64>from);
    if (to == 0) return from;
    rows++;
    needsComma = true;
    afterComma = false;
    at = skipSpace(to);
    if (load<u8>(at) != 0x2c) return at;
    at++;
    needsComma = false;
    afterComma = true;
  }
  return at;
}
