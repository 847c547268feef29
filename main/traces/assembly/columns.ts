/** Events in a batch. */
// @ts-ignore: decorator
@inline export const CAPACITY: usize = 4096;

// The order is that of main/traces/scan/eventColumns.ts.
const BASE: usize = memory.data(4096 * 56, 16);
// @ts-ignore: decorator
@inline const TS_MICROS: usize = 0;
// @ts-ignore: decorator
@inline const DUR_NS: usize = 8 * 4096;
// @ts-ignore: decorator
@inline const OFFSET: usize = 16 * 4096;
// @ts-ignore: decorator
@inline const NAME: usize = 24 * 4096;
// @ts-ignore: decorator
@inline const CAT: usize = 28 * 4096;
// @ts-ignore: decorator
@inline const PID: usize = 32 * 4096;
// @ts-ignore: decorator
@inline const TID: usize = 36 * 4096;
// @ts-ignore: decorator
@inline const ID: usize = 40 * 4096;
// @ts-ignore: decorator
@inline const ARGS_TEMPLATE: usize = 44 * 4096;
// @ts-ignore: decorator
@inline const ARGS_AT: usize = 48 * 4096;
// @ts-ignore: decorator
@inline const TS_NANOS: usize = 52 * 4096;
// @ts-ignore: decorator
@inline const PHASE: usize = 54 * 4096;
// @ts-ignore: decorator
@inline const FLAGS: usize = 55 * 4096;

/** What a position in the digits is, of all that were ever written. */
let argsOrigin: u32 = 0;

/** Says which of all digits ever written comes to lie at address 0, in arithmetic modulo 2^32. */
export function setArgsOrigin(origin: u32): void {
  argsOrigin = origin;
}

/** For the host: where the columns are. */
export function columnsAt(): usize {
  return BASE;
}

// @ts-ignore: decorator
@inline
export function write(
  index: usize, phase: u32, name: u32, cat: u32, pid: u32, tid: u32, id: u32, flags: u8,
  tsMicros: f64, tsNanos: u16, durNs: f64, template: u32, digits: usize, offset: f64,
): void {
  const wide = BASE + (index << 3), word = BASE + (index << 2), half = BASE + (index << 1), byte = BASE + index;
  store<f64>(wide, tsMicros, TS_MICROS);
  store<f64>(wide, durNs, DUR_NS);
  store<f64>(wide, offset, OFFSET);
  store<u32>(word, name, NAME);
  store<u32>(word, cat, CAT);
  store<u32>(word, pid, PID);
  store<u32>(word, tid, TID);
  store<u32>(word, id, ID);
  store<u32>(word, template, ARGS_TEMPLATE);
  store<u32>(word, <u32>digits + argsOrigin, ARGS_AT);
  store<u16>(half, tsNanos, TS_NANOS);
  store<u8>(byte, <u8>phase, PHASE);
  store<u8>(byte, flags, FLAGS);
}
