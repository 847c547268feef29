/** Digits of args in pieces, so that growing copies nothing and nothing is held twice. */
export class DigitSegments {
  readonly #segments: Uint8Array<ArrayBuffer>[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /**
   * @param segment a copy that is the only user of its memory
   * @throws RangeError beyond 4 GiB, since columns of positions have 32 bits
   */
  add(segment: Uint8Array<ArrayBuffer>): void {
    if (segment.length === 0) return
    if (this.#length + segment.length > 0xffffffff) {
      throw new RangeError('the args of these traces hold more than 4 GiB of digits: open fewer files at once')
    }
    this.#segments.push(segment)
    this.#length += segment.length
  }

  /** All as one array, in shared memory. Each piece is freed as soon as it is copied; nothing is left. */
  take(): Uint8Array<SharedArrayBuffer> {
    const all = new Uint8Array(new SharedArrayBuffer(this.#length))
    let at = 0
    for (const segment of this.#segments) {
      all.set(segment, at)
      at += segment.length
      segment.buffer.transfer(0)
    }
    this.#segments.length = 0
    this.#length = 0
    return all
  }
}
