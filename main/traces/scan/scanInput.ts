import { skipSpace } from './bytes.ts'
import type { Region, ScanSession } from './scanSession.ts'

/** Input is copied to the module in pieces that stay in a core's own cache. */
export const PIECE_BYTES = 256 * 1024
const FIRST_CAPACITY = 4 * PIECE_BYTES

/** The bytes of a file that were not read yet, in the memory of the session's module, where the fast path finds them. */
export class ScanInput {
  readonly #session: ScanSession
  #region: Region
  #bytes = new Uint8Array<ArrayBufferLike>(new ArrayBuffer(0))
  /** The file's offset of the region's first byte. */
  #base = 0
  /** The next byte, and the end of what there is, in `bytes`. */
  at = 0
  end = 0

  constructor(session: ScanSession) {
    this.#session = session
    this.#region = session.takeInput(FIRST_CAPACITY)
  }

  /** Good until the session's next call. */
  get bytes(): Uint8Array {
    const { buffer } = this.#session.bytes
    if (this.#bytes.buffer !== buffer || this.#bytes.byteOffset !== this.#region.at) {
      this.#bytes = new Uint8Array(buffer, this.#region.at, this.#region.capacity)
    }
    return this.#bytes
  }

  get rest(): number {
    return this.end - this.at
  }

  /** Where the region is in the module's memory. */
  get address(): number {
    return this.#region.at
  }

  /** The file's offset of a position. */
  offset(at = this.at): number {
    return this.#base + at
  }

  append(piece: Uint8Array): void {
    const { rest } = this
    const needed = rest + piece.length
    if (needed > this.#region.capacity) {
      const old = this.#region
      this.#region = this.#session.takeInput(Math.max(needed, 2 * old.capacity))
      this.#session.bytes.copyWithin(this.#region.at, old.at + this.at, old.at + this.end)
      this.#session.giveBack(old)
    } else if (this.at > 0) {
      this.bytes.copyWithin(0, this.at, this.end)
    }
    this.#base += this.at
    this.at = 0
    this.end = needed
    this.bytes.set(piece, rest)
  }

  /** The byte at the next position that is no whitespace, which it goes to; -1 where the bytes end first. */
  next(): number {
    this.at = skipSpace(this.bytes, this.at, this.end)
    return this.at < this.end ? this.bytes[this.at] : -1
  }

  release(): void {
    this.#session.giveBack(this.#region)
  }
}
