/**
 * How a count is covered by register tiles 6, 4 and 1 high. Sixes are fastest and ones slow, so fours fill in where
 * that leaves no more than one single (from 8 up).
 */
// @ts-ignore: decorator
@inline
export function foursIn(count: i32): i32 {
  const rest = (count % 6) & ~1;
  return rest == 4 ? 1 : rest == 2 && count >= 8 ? 2 : 0;
}

// @ts-ignore: decorator
@inline
export function sixesIn(count: i32): i32 {
  return (count - 4 * foursIn(count)) / 6;
}
