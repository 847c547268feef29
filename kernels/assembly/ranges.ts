import { rangeFrom, rangeTo } from "./shape";

// What a run of query rows may attend to, as findRanges() left it: keys in [earliest, latest) are seen by some row, those in
// [latestFrom, earliestTo) by every row.
export let earliest: i32 = 0;
export let latest: i32 = 0;
export let latestFrom: i32 = 0;
export let earliestTo: i32 = 0;

/**
 * Joins the key ranges of `count` rows, cut to the keys [start, end).
 * @param row index into the ranges
 * @returns whether any key is seen
 */
export function findRanges(row: i32, count: i32, start: i32, end: i32): bool {
  let first = end, last = start;
  let lastFrom = start, firstTo = end;
  for (let i = row; i < row + count; i++) {
    const from = load<i32>(rangeFrom + (<usize>i << 2));
    const to = load<i32>(rangeTo + (<usize>i << 2));
    lastFrom = max(lastFrom, from);
    firstTo = min(firstTo, to);
    if (from < to) {
      first = min(first, from);
      last = max(last, to);
    }
  }
  earliest = max(first, start);
  latest = min(last, end);
  latestFrom = lastFrom;
  earliestTo = firstTo;
  return earliest < latest;
}

/** Whether some row found by findRanges() does not see some of the keys [earliest, latest). */
export function areMasked(): bool {
  return latestFrom > earliest || earliestTo < latest;
}

/** As findRanges() would for rows that all see all of the keys [from, to). */
export function setRanges(from: i32, to: i32): void {
  earliest = from;
  latest = to;
  latestFrom = from;
  earliestTo = to;
}
