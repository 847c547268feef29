/** The next free byte. What is taken is never given back: tables that grow leave less behind than they take. */
let free: usize = (__heap_base + 15) & ~15;

/** Pages of 64 KiB. */
// @ts-ignore: decorator
@inline const GROWTH: i32 = 64;

/** Memory of this many bytes, aligned to 16 and zero. Traps when there is none left. */
export function take(bytes: usize): usize {
  const at = free;
  free = (at + bytes + 15) & ~15;
  if (free < at) unreachable();
  const pages = <i32>((<u64>free + 0xffff) >> 16);
  const missing = pages - memory.size();
  // Growing detaches what the host sees of the memory: seldom, then.
  if (missing > 0 && memory.grow(max(missing, GROWTH)) < 0 && memory.grow(missing) < 0) unreachable();
  return at;
}
