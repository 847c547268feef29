// Hash tables with open addressing: a slot is 8 bytes, the lower half a hash, the whole 0 where it is free.
import { take } from "./memory";

/** A table of twice the size with the slots of the old one, whose memory stays behind. @param size of the old one, a power of two. */
export function grownSlots(old: usize, size: u32): usize {
  const mask = size * 2 - 1;
  const grown = take(<usize>(size * 2) * 8);
  for (let from: u32 = 0; from < size; from++) {
    const slot = load<u64>(old + ((<usize>from) << 3));
    if (slot == 0) continue;
    let to = <u32>slot & mask;
    while (load<u64>(grown + ((<usize>to) << 3)) != 0) to = (to + 1) & mask;
    store<u64>(grown + ((<usize>to) << 3), slot);
  }
  return grown;
}
