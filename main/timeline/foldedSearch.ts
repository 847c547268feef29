const UPPER_A = 0x41
const UPPER_Z = 0x5a
const TO_LOWER = 0x20

/** Each byte with ASCII's capitals made small. */
const FOLD = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= UPPER_A && byte <= UPPER_Z ? byte + TO_LOWER : byte))

/** Finds one ASCII text in bytes, capitals and small letters alike (Horspool's algorithm). */
export class FoldedSearch {
  readonly #pattern: Uint8Array
  /** How far to go on after a window that ends in a byte. */
  readonly #shift: Uint32Array

  /** @param pattern ASCII, not empty. */
  constructor(pattern: string) {
    this.#pattern = Uint8Array.from(pattern, (char) => FOLD[char.charCodeAt(0)])
    this.#shift = new Uint32Array(256).fill(pattern.length)
    for (let byte = 0; byte < 256; byte++) {
      const last = this.#pattern.lastIndexOf(FOLD[byte], pattern.length - 2)
      if (pattern.length > 1 && last >= 0) this.#shift[byte] = pattern.length - 1 - last
    }
  }

  /** Where the text first occurs within `from..to`; -1 for nowhere. */
  indexIn(bytes: Uint8Array, from: number, to: number): number {
    const pattern = this.#pattern
    const shift = this.#shift
    const fold = FOLD
    const last = pattern.length - 1
    const lastByte = pattern[last]
    for (let at = from + last; at < to;) {
      const byte = bytes[at]
      if (fold[byte] === lastByte) {
        let left = last - 1
        const start = at - last
        while (left >= 0 && fold[bytes[start + left]] === pattern[left]) left--
        if (left < 0) return start
      }
      at += shift[byte]
    }
    return -1
  }
}
